import { useState } from 'react';
import { Choice, type ChoiceItem } from '../components/Choice.tsx';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { useSettled } from '../components/use-settled.ts';
import { backOr, disabled } from '../keys.ts';
import { fit, paragraph } from '../layout.ts';
import { blank, type Line, line, span } from '../line.ts';
import { scrollTop } from '../window.ts';
import { anytime, type Inside } from './inside.ts';

export interface ChoiceOption<T> {
  value: T;
  label: Line;
  /** Why it cannot be taken. */
  disabled?: string;
}

interface Props<T> extends Inside {
  title: string;
  /** Above the options. */
  lines: Line[];
  options: ChoiceOption<T>[];
  onAnswer: (value: T) => void;
  /** Undefined where there is nothing to go back to. */
  onBack?: () => void;
  /** Drawn below the options for the marked one. */
  detail?: (value: T | null) => Line[];
}

/** One of a few. Nothing is preselected: the list begins on a line that chooses nothing. */
export function ChoiceScreen<T>({
  header,
  area,
  left,
  active = true,
  onOpen,
  title,
  lines,
  options,
  onAnswer,
  onBack,
  onQuit,
  detail,
}: Props<T>) {
  const [marked, setMarked] = useState<number>(-1);
  const [refusal, setRefusal] = useState('');
  const [top, setTop] = useState(0);
  const settled = useSettled();
  const room = bodyRows(area, header);
  const itemRows = Math.min(options.length + 1, Math.max(2, room - 6));
  const below = detail?.(options[marked]?.value ?? null) ?? [];
  const textRows = Math.max(1, room - itemRows - 3 - below.length);
  const shownTop = scrollTop(top, '', lines.length, textRows);
  const hidden = lines.length - textRows;
  const keys = useKeys(
    'choice',
    {
      choose: () => {},
      scroll:
        hidden > 0
          ? (key) => setTop(scrollTop(shownTop, key, lines.length, textRows))
          : disabled('the whole text is in sight'),
      back: backOr(onBack),
      quit: onQuit,
      ...anytime({ onOpen }),
    },
    { width: area.columns, left, active },
  );
  const items: ChoiceItem<number>[] = [
    { key: 'none', value: -1, label: line(span('choose with the arrows, then enter', 'muted')) },
    ...options.map((option, index) => ({
      key: String(index),
      value: index,
      label: option.disabled
        ? line(
            ...option.label.map((piece) => span(piece.text, 'muted')),
            span(` (${option.disabled})`, 'muted'),
          )
        : option.label,
    })),
  ];
  const chosen = (index: number): void => {
    const option = options[index];
    if (!option) setRefusal('Nothing is chosen yet.');
    else if (option.disabled) setRefusal(`That cannot be chosen: ${option.disabled}.`);
    else onAnswer(option.value);
  };
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines
        lines={[
          fit(
            line(
              span(` ${title}`, 'strong'),
              hidden > 0 &&
                span(` ${shownTop + 1}–${shownTop + textRows} of ${lines.length} (pgup pgdn)`, 'muted'),
            ),
            area.columns,
          ),
          ...lines.slice(shownTop, shownTop + textRows),
          blank,
        ]}
      />
      <Choice
        items={items}
        width={area.columns}
        rows={itemRows}
        active={active && settled}
        onSelect={chosen}
        onHighlight={(index) => {
          setMarked(index);
          setRefusal('');
        }}
      />
      <Lines lines={refusal ? paragraph(refusal, area.columns - 2, 'warning', 1) : [blank, ...below]} />
    </Screen>
  );
}
