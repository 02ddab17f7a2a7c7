import { useState } from 'react';
import { reasonOf } from '../../errors.ts';
import type { Inside } from './inside.ts';
import { QuestionScreen } from './QuestionScreen.tsx';

interface Props extends Inside {
  /** Rejects with why the note is not in the journal. */
  onNote: (text: string) => Promise<void>;
  onBack: () => void;
}

/** A note for the journal; one that could not be written stays in the field, and it is said why. */
export function NoteScreen({ onNote, onBack, ...inside }: Props) {
  const [wrong, setWrong] = useState('');
  return (
    <QuestionScreen
      {...inside}
      question={{
        kind: 'reason',
        title: 'A note for the journal',
        detail: [
          'Keys, names and times; no personal data of customers.',
          ...(wrong === '' ? [] : [`It is not written: ${wrong}`]),
        ],
      }}
      onAnswer={(text) => {
        onNote(text).then(onBack, (error: unknown) => setWrong(reasonOf(error)));
      }}
      onBack={onBack}
    />
  );
}
