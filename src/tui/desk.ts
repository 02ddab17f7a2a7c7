import type { Operator } from '../actions/operator.ts';
import { TenantDrError } from '../errors.ts';
import { type History, noHistory } from '../incident/history.ts';
import type { Incident } from '../incident/incident.ts';
import type { RunnerView, RunResult } from '../runbook/view.ts';
import { followIncident, followRunner } from './follow.ts';
import { createOperator } from './operator.ts';
import type { RunDesk } from './screens/IncidentScreen.tsx';
import type { MessageDesk } from './screens/MessagesScreen.tsx';
import { createStore } from './store.ts';
import { incidentHeader } from './view/incident.ts';
import { keepOutput, type TaskOutput } from './view/output.ts';
import { situationText } from './view/situation.ts';

/** What walks the steps: `Runner`, or anything that behaves like one. */
export interface Walker {
  view: () => RunnerView;
  subscribe: (listener: () => void) => () => void;
  run: () => Promise<RunResult>;
}

export interface DeskRequest {
  incident: Incident;
  /** Makes the walker for the person at this screen; aborting the signal stops it at the next safe point. */
  run: (operator: Operator, signal: AbortSignal) => Walker;
  operatorName: string;
  /** Past runs on this database; read in the background. */
  history: () => Promise<History>;
  messages: MessageDesk;
  now: () => Date;
  /** SIGTERM, SIGHUP, a lost terminal: stop and leave. */
  signal: AbortSignal;
}

export interface OpenDesk {
  desk: RunDesk;
  /** Resolves when the run has ended and the operator has closed the screen. */
  done: Promise<RunResult>;
}

/** How often a wall clock that was set back, and somebody who took over, are looked for: one file is asked for. */
const lookMs = 2000;

/** Sets up a run for the screen and starts it. */
export function openDesk(request: DeskRequest): OpenDesk {
  const { incident, now } = request;
  const operator = createOperator();
  const abort = new AbortController();
  const walker = request.run(operator, abort.signal);
  const state = followIncident(incident);
  const view = followRunner(walker);
  let output: readonly TaskOutput[] = [];
  const unhear = walker.subscribe(() => {
    output = keepOutput(output, walker.view());
  });
  const closed = Promise.withResolvers<void>();
  let history = noHistory;
  let leaving = false;
  let handOver: string | null = null;
  const lost = createStore<TenantDrError | null>(null);

  const stop = (): void => {
    leaving = true;
    abort.abort(request.signal.reason);
    // A run that has ended waits for its reader: one whose terminal is gone never comes.
    closed.resolve();
  };
  if (request.signal.aborted) stop();
  else request.signal.addEventListener('abort', stop, { once: true });
  request.history().then(
    (found) => {
      history = found;
    },
    // Without it the projection rests on estimates, and says so.
    () => {},
  );
  const look = setInterval(() => {
    // A journal or lock that cannot be read or written is met by the next step, which somebody waits for.
    incident.checkClock().catch(() => {});
    incident.assertFence().catch((error: unknown) => {
      if (!(error instanceof TenantDrError && error.code === 'fenced-off')) return;
      clearInterval(look);
      lost.flush(() => error);
      // The run ends at its next safe point, and what it says then is this error.
      abort.abort();
    });
  }, lookMs);

  const run = async (): Promise<RunResult> => {
    const result = await walker.run();
    if (handOver !== null) {
      await incident.handOver(situationText(incident.state, now(), history), handOver);
      // What was asked for came about: nothing went wrong.
      return { ...result, error: null };
    }
    if (!leaving) await closed.promise;
    return result;
  };
  const done = run().finally(() => {
    clearInterval(look);
    request.signal.removeEventListener('abort', stop);
    state.stop();
    view.stop();
    unhear();
    lost.close();
  });

  return {
    done,
    desk: {
      state,
      view,
      asked: operator.asked,
      lost,
      output: () => output,
      header: (at, _view, time) => incidentHeader(at, time, history, request.operatorName),
      commander: (at, time) => ({ state: at, entries: incident.entries, now: time, history }),
      leave: () => {
        leaving = true;
        const asked = operator.asked.get();
        const question = asked?.question;
        // Where the run itself offers to leave, that is the answer and the journal says who left.
        if (
          asked &&
          question?.kind === 'choose' &&
          question.options.some((option) => option.value === 'leave')
        )
          asked.answer('leave');
        else stop();
      },
      note: async (text) => {
        await incident.append({ event: 'note', text });
      },
      messages: request.messages,
      situation: (at) => situationText(at, now(), history),
      handOver: (note) => {
        handOver = note;
        stop();
      },
      close: () => closed.resolve(),
    },
  };
}
