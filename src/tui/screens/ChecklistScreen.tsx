import { useState } from 'react';
import type { ChecklistQuestion } from '../../actions/operator.ts';
import { printable } from '../../engine/printable.ts';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { disabled } from '../keys.ts';
import { fit, paragraph } from '../layout.ts';
import { blank, line, span } from '../line.ts';
import { firstMarked, moveWindow, settle } from '../window.ts';
import { anytime, type Inside } from './inside.ts';

interface Props extends Inside {
  question: ChecklistQuestion;
  onAnswer: (answer: 'done' | null) => void;
}

/** Manual work: tick what is done, go on when everything is. */
export function ChecklistScreen({
  header,
  area,
  left,
  active = true,
  onOpen,
  question,
  onAnswer,
  onQuit,
}: Props) {
  const [ticked, setTicked] = useState<ReadonlySet<number>>(new Set());
  const [window, setWindow] = useState(firstMarked);
  const width = area.columns;
  const detail = question.detail.flatMap((text) => paragraph(printable(text), width - 2, 'plain', 1));
  const rows = Math.max(1, bodyRows(area, header) - detail.length - 2);
  const open = question.items.length - ticked.size;
  const shown = settle(window, question.items.length, rows);
  const keys = useKeys(
    'checklist',
    {
      move: (key) => setWindow((value) => moveWindow(value, key, question.items.length, rows)),
      toggle: () =>
        setTicked((value) => {
          const next = new Set(value);
          if (!next.delete(shown.cursor)) next.add(shown.cursor);
          return next;
        }),
      submit: open === 0 ? () => onAnswer('done') : disabled(`${open} not ticked yet; space ticks`),
      back: () => onAnswer(null),
      ...anytime({ onOpen }),
      quit: onQuit,
    },
    { width, left, guarded: true, active },
  );
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines
        lines={[
          line(span(` ${printable(question.title)}`, 'strong')),
          ...detail,
          blank,
          ...question.items.slice(shown.top, shown.top + rows).map((item, index) => {
            const place = shown.top + index;
            const box = ticked.has(place) ? '[x]' : '[ ]';
            return fit(
              line(
                ' ',
                span(
                  `${place === shown.cursor ? '▶' : ' '} ${box} ${printable(item)}`,
                  place === shown.cursor ? 'selected' : 'plain',
                ),
              ),
              width,
            );
          }),
        ]}
      />
    </Screen>
  );
}
