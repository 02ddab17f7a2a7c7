import { printable } from '../../engine/printable.ts';
import type { Inside } from './inside.ts';
import { QuestionScreen } from './QuestionScreen.tsx';

interface Props extends Inside {
  situation: string;
  onHandOver: (note: string) => void;
  onBack: () => void;
}

/** The situation on one screen, a note from the person, and the incident is free for a colleague. */
export function HandOverScreen({ situation, onHandOver, onBack, ...inside }: Props) {
  return (
    <QuestionScreen
      {...inside}
      question={{
        kind: 'reason',
        title: 'Hand over: the situation as the next person will read it',
        detail: [
          ...situation.split('\n').map(printable),
          '',
          'What should they know that is not written here? Enter hands over and releases the incident.',
        ],
      }}
      onAnswer={onHandOver}
      onBack={onBack}
    />
  );
}
