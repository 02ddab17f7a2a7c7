import { Choice } from '../components/Choice.tsx';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { disabled } from '../keys.ts';
import { blank, line, span } from '../line.ts';
import { type HomeChoice, type HomeModel, homeItems, homeNotes, storyLines } from '../view/home.ts';
import type { Inside } from './inside.ts';

interface Props extends Omit<Inside, 'left'> {
  model: HomeModel;
  onChoose: (choice: HomeChoice) => void;
  /** Only in the demo. */
  onReset: (() => void) | null;
}

/** Where everything begins. */
export function HomeScreen({ header, area, model, onChoose, onReset, onQuit }: Props) {
  const width = area.columns;
  const keys = useKeys(
    'home',
    {
      choose: () => {},
      tenants: () => onChoose({ kind: 'tenants' }),
      backups: () => onChoose({ kind: 'backups' }),
      reset: onReset ?? disabled('this is no demo'),
      quit: onQuit,
    },
    { width },
  );
  const items = homeItems(model);
  // What is urgent comes to stand first: an enter must not take what stood there before it was known.
  const settled = model.incidents.state !== 'reading' && model.scenarios.state !== 'reading';
  const notes = homeNotes(model, width);
  const story = storyLines(model.story, width);
  const open = model.incidents.state === 'ready' ? model.incidents.value.length : 0;
  const title =
    model.incidents.state === 'reading'
      ? line(span(' Looking for open incidents …', 'muted'))
      : open > 0
        ? line(
            span(` ${open === 1 ? 'An incident is' : `${open} incidents are`} open.`, 'bad'),
            ' Enter resumes it where it stands.',
          )
        : line(span(' No incident is open.', 'good'), ' Choose what has happened, or look around.');
  const rows = Math.max(2, bodyRows(area, header) - notes.length - 3);
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines lines={[title, blank]} />
      <Choice
        items={items}
        width={width}
        rows={Math.min(rows, items.length)}
        active={settled}
        onSelect={onChoose}
      />
      <Lines lines={[blank, ...notes, ...(story.length > 0 ? [blank, ...story] : [])]} />
    </Screen>
  );
}
