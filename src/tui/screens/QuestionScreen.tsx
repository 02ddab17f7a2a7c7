import { useState } from 'react';
import type { AskQuestion, ReasonQuestion } from '../../actions/operator.ts';
import { printable } from '../../engine/printable.ts';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { editField, fieldOf, insert } from '../field.ts';
import { backOr, disabled } from '../keys.ts';
import { fit, paragraph } from '../layout.ts';
import { blank, line, span } from '../line.ts';
import { fieldLine } from '../view/confirm.ts';
import type { Inside } from './inside.ts';

interface Props extends Inside {
  question: Pick<AskQuestion | ReasonQuestion, 'kind' | 'title' | 'detail'> &
    Partial<Pick<AskQuestion, 'initial' | 'check'>>;
  onAnswer: (answer: string) => void;
  /** Undefined where the question must be answered. */
  onBack?: () => void;
}

/** One line of free text. A reason may not be empty. */
export function QuestionScreen({
  header,
  area,
  left,
  active = true,
  question,
  onAnswer,
  onBack,
  onQuit,
}: Props) {
  const [field, setField] = useState(() => fieldOf(question.initial ?? ''));
  const width = area.columns;
  const answer = field.value.trim();
  const wrong =
    question.kind === 'reason' && answer === '' ? 'a reason is needed' : (question.check?.(answer) ?? null);
  const keys = useKeys(
    'question',
    {
      submit: wrong === null ? () => onAnswer(answer) : disabled(wrong),
      edit: (key) => setField((value) => editField(value, key)),
      back: backOr(onBack),
      quit: onQuit,
    },
    { width, left, guarded: true, active, onText: (text) => setField((value) => insert(value, text)) },
  );
  // The line to type in stays in sight, however much there is to say above it.
  const detail = question.detail.flatMap((text) => paragraph(printable(text), width - 2, 'plain', 1));
  const complaint = wrong !== null && answer !== '' ? paragraph(wrong, width - 2, 'warning', 1) : [];
  const room = Math.max(0, bodyRows(area, header) - 3 - complaint.length);
  const shown =
    detail.length > room ? [...detail.slice(0, Math.max(0, room - 1)), line(span(' …', 'muted'))] : detail;
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines
        lines={[
          fit(line(span(` ${printable(question.title)}`, 'strong')), width),
          ...shown,
          blank,
          fieldLine(field, width),
          ...complaint,
        ]}
      />
    </Screen>
  );
}
