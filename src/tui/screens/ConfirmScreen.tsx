import { useState } from 'react';
import type { ConfirmQuestion } from '../../actions/operator.ts';
import { isPhrase } from '../../actions/phrase.ts';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { editField, emptyField, insert } from '../field.ts';
import { disabled } from '../keys.ts';
import { rule } from '../layout.ts';
import { line } from '../line.ts';
import { confirmHint, confirmLines, fieldLine } from '../view/confirm.ts';
import { scrollTop } from '../window.ts';
import type { Inside } from './inside.ts';

interface Props extends Inside {
  question: ConfirmQuestion;
  /** The phrase as typed; null goes back. */
  onAnswer: (typed: string | null) => void;
}

/** The typed confirmation: what is at stake above, the phrase below. Only an exact match acts. */
export function ConfirmScreen({ header, area, left, active = true, question, onAnswer, onQuit }: Props) {
  const [field, setField] = useState(emptyField);
  const [top, setTop] = useState(0);
  const width = area.columns;
  const rows = Math.max(1, bodyRows(area, header) - 3);
  const stakes = confirmLines(question, width, rows);
  const matches = isPhrase(field.value, question.phrase);
  const keys = useKeys(
    'confirm',
    {
      submit: matches
        ? () => onAnswer(field.value)
        : disabled('the phrase does not match yet; nothing happened'),
      edit: (key) => setField((value) => editField(value, key)),
      scroll: (key) => setTop((value) => scrollTop(value, key, stakes.length, rows)),
      back: () => onAnswer(null),
      quit: onQuit,
    },
    { width, left, guarded: true, active, onText: (text) => setField((value) => insert(value, text)) },
  );
  const more = stakes.length > rows;
  const shownTop = scrollTop(top, '', stakes.length, rows);
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines lines={stakes.slice(shownTop, shownTop + rows)} />
      <Lines
        lines={[
          line(' ', ...rule(width - 2 - (more ? 18 : 0)), more && ' ↑↓ shows the rest'),
          confirmHint(field.value, question.phrase, width),
          fieldLine(field, width),
        ]}
      />
    </Screen>
  );
}
