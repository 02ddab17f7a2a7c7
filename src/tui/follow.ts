import type { Incident } from '../incident/incident.ts';
import type { IncidentState } from '../incident/records.ts';
import type { RunnerView } from '../runbook/view.ts';
import { createStore, type Store } from './store.ts';

/** Anything that tells when it changed. */
interface Source<T> {
  view: () => T;
  subscribe: (listener: () => void) => () => void;
}

export interface Followed<T> extends Store<T> {
  stop: () => void;
}

/** Follows a source at most every 50 ms, except for changes that must be seen at once. */
export function follow<T>(source: Source<T>, mustShow: (before: T, after: T) => boolean): Followed<T> {
  const store = createStore(source.view());
  let before = source.view();
  const unsubscribe = source.subscribe(() => {
    const after = source.view();
    const atOnce = mustShow(before, after);
    before = after;
    if (atOnce) store.flush(() => after);
    else store.set(() => after);
  });
  return {
    ...store,
    stop: () => {
      unsubscribe();
      store.close();
    },
  };
}

/** Transitions and questions are seen at once; progress and output wait their turn. */
export function followRunner(runner: Source<RunnerView>): Followed<RunnerView> {
  return follow(
    runner,
    (before, after) =>
      before.phase !== after.phase ||
      before.step !== after.step ||
      before.task !== after.task ||
      before.question !== after.question ||
      before.preview !== after.preview ||
      before.outcome !== after.outcome,
  );
}

export function followIncident(incident: Pick<Incident, 'state' | 'subscribe'>): Followed<IncidentState> {
  return follow(
    { view: () => incident.state, subscribe: (listener) => incident.subscribe(listener) },
    (_, after) => after.last.entry.event !== 'step.progress',
  );
}
