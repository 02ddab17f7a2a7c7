import { useAnimation } from 'ink';
import { useState, useSyncExternalStore } from 'react';
import type { IncidentState } from '../../incident/records.ts';
import { useSurroundings } from '../components/context.ts';
import { Lines } from '../components/Lines.tsx';
import { bodyRows, Screen, useArea } from '../components/Screen.tsx';
import { useKeys } from '../components/use-keys.ts';
import { line, span } from '../line.ts';
import type { Store } from '../store.ts';
import { type CommanderModel, commanderLines } from '../view/commander.ts';
import { type HeaderModel, headerLines, headerReading } from '../view/header.ts';
import { watchedLines } from '../view/watch.ts';
import { scrollTop } from '../window.ts';

export interface WatchDesk {
  state: Store<IncidentState>;
  header: (state: IncidentState, now: Date) => HeaderModel;
  commander: (state: IncidentState, now: Date) => CommanderModel;
  /** What went wrong while following the journal; '' while nothing did. */
  problem: Store<string>;
  close: () => void;
}

/** Somebody else's incident, live and read-only: the run, or the commander's view. */
export function WatchScreen({ desk }: { desk: WatchDesk }) {
  const { theme, now } = useSurroundings();
  const area = useArea();
  const state = useSyncExternalStore(desk.state.subscribe, desk.state.get);
  const problem = useSyncExternalStore(desk.problem.subscribe, desk.problem.get);
  const [commander, setCommander] = useState(false);
  const [top, setTop] = useState(0);
  useAnimation({ interval: theme.screenReader ? 30_000 : 1000 });
  const at = now();
  const model = desk.header(state, at);
  const width = area.columns;
  const header = theme.screenReader
    ? headerReading(model).map((text) => line(text))
    : headerLines(model, width);
  const lines = commander
    ? commanderLines(desk.commander(state, at), width)
    : watchedLines(desk.commander(state, at), width);
  const rows = bodyRows(area, header) - 1;
  const keys = useKeys(
    'watch',
    {
      view: () => {
        setCommander(!commander);
        setTop(0);
      },
      scroll: (key) => setTop(scrollTop(top, key, lines.length, rows)),
      quit: desk.close,
    },
    { width, left: 'watching' },
  );
  const shownTop = Math.min(top, Math.max(0, lines.length - rows));
  return (
    <Screen area={area} header={header} keys={keys}>
      <Lines
        lines={[
          problem
            ? line(span(` ${problem}`, 'bad'))
            : line(
                span(
                  commander ? ' For the commander' : ' Looking on: nothing here changes anything',
                  'muted',
                ),
              ),
          ...lines.slice(shownTop, shownTop + rows),
        ]}
      />
    </Screen>
  );
}
