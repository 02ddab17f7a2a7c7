import { paragraph } from '../layout.ts';
import { line, span } from '../line.ts';
import { ChoiceScreen } from './ChoiceScreen.tsx';
import type { Inside } from './inside.ts';

interface Props extends Omit<Inside, 'onQuit'> {
  incident: string;
  /** Something is being changed right now. */
  changing: boolean;
  onStay: () => void;
  onLeave: () => void;
}

/** Ctrl-C and q ask. What runs in a transaction is never torn: leaving waits for its end. */
export function LeaveScreen({ incident, changing, onStay, onLeave, ...inside }: Props) {
  const text = changing
    ? 'A change is running. Leaving lets its transaction end by itself, writes the journal and starts nothing more. It may take a moment.'
    : 'Nothing is being changed right now.';
  return (
    <ChoiceScreen
      {...inside}
      title="Leave the incident?"
      lines={[
        ...paragraph(text, inside.area.columns - 2, changing ? 'warning' : 'plain', 1),
        ...paragraph(
          `The incident stays open and its clock goes on: tenant-dr resume ${incident}`,
          inside.area.columns - 2,
          'plain',
          1,
        ),
      ]}
      options={[
        { value: 'stay', label: line(span('Stay', 'strong'), '  go back to where you were') },
        {
          value: 'leave',
          label: line(
            span('Leave', 'strong'),
            changing ? '  after the running transaction' : '  the incident can be resumed',
          ),
        },
      ]}
      onAnswer={(value) => (value === 'leave' ? onLeave() : onStay())}
      onBack={onStay}
      onQuit={onStay}
    />
  );
}
