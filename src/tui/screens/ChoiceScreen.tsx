import { useState } from 'react';
import { Choice, type ChoiceItem } from '../components/Choice.tsx';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { useSettled } from '../components/use-settled.ts';
import { disabled } from '../keys.ts';
import { paragraph } from '../layout.ts';
import { blank, type Line, line, span } from '../line.ts';
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
  const settled = useSettled();
  const keys = useKeys(
    'choice',
    {
      choose: () => {},
      back: onBack ?? disabled('this question needs an answer; ctrl+c leaves'),
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
  const below = detail?.(options[marked]?.value ?? null) ?? [];
  const room = bodyRows(area, header);
  const above = [line(span(` ${title}`, 'strong')), ...lines].slice(
    0,
    Math.max(1, room - Math.min(items.length, 4) - 2),
  );
  const rows = Math.max(2, room - above.length - 2);
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines lines={[...above, blank]} />
      <Choice
        items={items}
        width={area.columns}
        rows={Math.min(items.length, rows)}
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
