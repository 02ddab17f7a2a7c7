import type { Operator } from '../actions/operator.ts';
import type { Context } from '../cli/context.ts';
import type { Config } from '../config/schema.ts';
import { printable } from '../engine/printable.ts';
import { reasonOf } from '../errors.ts';
import type { History } from '../incident/history.ts';
import { historyFor, noHistory } from '../incident/history.ts';
import type { Incident } from '../incident/incident.ts';
import { listIncidents } from '../incident/list.ts';
import type { RunResult } from '../runbook/view.ts';
import { type OpenDesk, openDesk, type Walker } from './desk.ts';
import { followIncident } from './follow.ts';
import { openMessageDesk } from './message-desk.ts';
import { type Rendered, renderScreen } from './render.tsx';
import { IncidentScreen } from './screens/IncidentScreen.tsx';
import { WatchScreen } from './screens/WatchScreen.tsx';
import { createStore } from './store.ts';
import { closingSummary } from './view/finished.ts';
import { incidentHeader } from './view/incident.ts';

/** What stands behind the door of app.ts; loaded only when a screen is really drawn. */

/** Takes the process's own terminal. What others want to say to the person waits until it is given back. */
export function draw(tree: Parameters<typeof renderScreen>[0], context: Context): Rendered {
  const { stdin, stdout, stderr } = process;
  const release = context.output.hold();
  // The alternate screen takes the cursor's column along; a frame drawn from the middle of a line would be torn.
  stdout.write('\r');
  const rendered = renderScreen(tree, { stdin, stdout, stderr, env: context.env, now: context.clock });
  const done = rendered.done.finally(() => {
    // For a screen reader the last frame stays; what is said next begins on a line of its own.
    if (rendered.theme.screenReader) stdout.write('\n');
    release();
  });
  return { ...rendered, done };
}

/** Aborts when the run is to stop: a signal, or a terminal that went away. */
export function watchTerminal(signal: AbortSignal): { signal: AbortSignal; release: () => void } {
  const lost = new AbortController();
  const abort = (): void => lost.abort();
  for (const event of ['end', 'close', 'error'] as const) process.stdin.once(event, abort);
  return {
    signal: AbortSignal.any([signal, lost.signal]),
    release: () => {
      for (const event of ['end', 'close', 'error'] as const) process.stdin.off(event, abort);
    },
  };
}

async function pastRuns(incident: Incident, state: string): Promise<History> {
  const others = await listIncidents(state);
  return historyFor(
    incident.state,
    others.flatMap((other) => (other.state ? [other.state] : [])),
  );
}

interface RunRequest {
  context: Context;
  config: Config;
  incident: Incident;
  run: (operator: Operator, signal: AbortSignal) => Walker;
  signal: AbortSignal;
}

/** Sets up a run for whichever screen draws it. */
export function openRun({ context, config, incident, run, signal }: RunRequest): OpenDesk {
  return openDesk({
    incident,
    run,
    operatorName: context.operator.name,
    history: () => pastRuns(incident, config.state),
    messages: openMessageDesk(incident, config, context.clock),
    now: context.clock,
    signal,
  });
}

/** Walks a run on a screen of its own and prints the closing summary. */
export async function showRun(request: Omit<RunRequest, 'config' | 'signal'>): Promise<RunResult> {
  const { context, incident } = request;
  const config = await context.config();
  const terminal = watchTerminal(context.signal);
  const { desk, done } = openRun({ ...request, config, signal: terminal.signal });
  const rendered = draw(<IncidentScreen desk={desk} />, context);
  try {
    // A screen that crashes must not take the run with it: the run is stopped at a safe point, then the crash is told.
    rendered.done.catch(() => desk.leave());
    const result = await done;
    rendered.leave();
    await rendered.done;
    printSummary(incident, result, context, null);
    return result;
  } finally {
    rendered.leave();
    terminal.release();
  }
}

/** What came of a run, on the terminal that is the shell's again. */
export function printSummary(
  incident: Incident,
  result: RunResult,
  context: Context,
  report: string | null,
): void {
  const { state } = incident;
  const model = incidentHeader(state, context.clock(), noHistory, context.operator.name);
  const width = Math.max(60, process.stdout.columns || 80);
  const summary = closingSummary(state, model, result, width);
  process.stdout.write(`${summary}\n${report ? `   Report: ${printable(report)}\n` : ''}`);
}

/** Follows an incident that another process writes. Resolves when the operator stops watching. */
export async function showWatch({
  context,
  incident,
}: {
  context: Context;
  incident: Incident;
}): Promise<void> {
  const config = await context.config();
  const terminal = watchTerminal(context.signal);
  const state = followIncident(incident);
  const problem = createStore('');
  let history = noHistory;
  pastRuns(incident, config.state).then(
    (found) => {
      history = found;
    },
    (error: unknown) => problem.flush(() => reasonOf(error)),
  );
  incident.follow((error) => problem.flush(() => reasonOf(error)));
  const closed = Promise.withResolvers<void>();
  const rendered = draw(
    <WatchScreen
      desk={{
        state,
        problem,
        header: (at, now) => incidentHeader(at, now, history, at.last.by.name),
        commander: (at, now) => ({ state: at, entries: incident.entries, now, history }),
        close: () => closed.resolve(),
      }}
    />,
    context,
  );
  try {
    terminal.signal.addEventListener('abort', () => closed.resolve(), { once: true });
    await Promise.race([closed.promise, rendered.done]);
    rendered.leave();
    await rendered.done;
  } finally {
    rendered.leave();
    state.stop();
    terminal.release();
  }
}
