import { changedRows, type History } from './history.ts';
import type { IncidentState, StepRecord } from './records.ts';

/** Where the expected length of a step comes from, best first (design section 5). */
export type Source = 'progress' | 'past' | 'measured' | 'estimate';

export interface StepProjection {
  id: string;
  title: string;
  state: StepRecord['state'];
  estimateSeconds: number;
  /** Seconds worked on it so far. */
  usedSeconds: number;
  /** Seconds still to come; 0 when it is behind us. */
  remainingSeconds: number;
  /** null when nothing remains. */
  source: Source | null;
  /** How many past runs `past` rests on. */
  runs: number;
  /** Running for longer than was expected. */
  overdue: boolean;
  /** Counts towards RTO; steps after the tenant is usable are shown and do not. */
  counts: boolean;
}

/** Phases whose end is the end of the work; staging at 90 % says little about the rest. */
const lastPhases = ['apply', 'verify', 'commit'];

/** Rows changed per second when nothing better is known: a tenth of what a laptop did (engine-facts, "Sizes"). */
const cautiousRowsPerSecond = 5_000;

/** How far a phase of the running step has come, as the process at work sees it. */
export interface LiveProgress {
  step: string;
  phase: string;
  done: number;
  total: number | null;
  /** Seconds spent in this phase. */
  seconds: number;
}

/** Projects every step. `elapsed` is now, in seconds since detection. */
export function projectSteps(
  state: IncidentState,
  elapsed: number,
  history: History,
  live: LiveProgress | null,
): StepProjection[] {
  const ending = state.steps.findLastIndex((step) => step.usable);
  return state.steps.map((step, index) => ({
    ...project(state, step, elapsed, history, live?.step === step.id ? live : journaled(step, elapsed)),
    counts: ending === -1 || index <= ending,
  }));
}

/** What the journal says, for those who only look on. */
function journaled({ id, progress }: StepRecord, elapsed: number): LiveProgress | null {
  if (!progress) return null;
  return { ...progress, step: id, seconds: Math.max(0, elapsed - progress.sinceSeconds) };
}

function project(
  state: IncidentState,
  step: StepRecord,
  elapsed: number,
  history: History,
  progress: LiveProgress | null,
): Omit<StepProjection, 'counts'> {
  const { id, title, estimateSeconds } = step;
  const running = step.state === 'running';
  const worked = running ? Math.max(0, elapsed - (step.startedSeconds ?? elapsed)) : 0;
  const usedSeconds = (step.seconds ?? 0) + worked;
  const base = { id, title, state: step.state, estimateSeconds, usedSeconds, runs: 0, overdue: false };
  if (step.state === 'done' || step.state === 'skipped')
    return { ...base, remainingSeconds: 0, source: null };
  const expected = expectedLength(state, step, history);
  const rest = Math.max(0, expected.seconds - worked);
  const phase = running && progress ? phaseRemaining(progress) : null;
  if (progress && phase !== null && lastPhases.includes(progress.phase)) {
    return { ...base, remainingSeconds: phase, source: 'progress' };
  }
  return {
    ...base,
    remainingSeconds: Math.max(rest, phase ?? 0),
    source: phase !== null && phase > rest ? 'progress' : expected.source,
    runs: expected.runs,
    overdue: worked > expected.seconds,
  };
}

function expectedLength(
  state: IncidentState,
  step: StepRecord,
  history: History,
): { seconds: number; source: Source; runs: number } {
  const past = history.steps[step.id];
  if (past) return { seconds: past.seconds, source: 'past', runs: past.runs };
  const measured = measuredSeconds(state, step, history);
  if (measured !== null) return { seconds: measured, source: 'measured', runs: 0 };
  return { seconds: step.estimateSeconds, source: 'estimate', runs: 0 };
}

/** The size of the staged work: known once the step under way has made its plan and not yet carried it out. */
function measuredSeconds(state: IncidentState, step: StepRecord, history: History): number | null {
  const { startedAt } = step;
  if (step.state !== 'running' || !startedAt) return null;
  const plans = state.plans.filter((plan) => Date.parse(plan.at) >= Date.parse(startedAt));
  if (plans.length === 0) return null;
  const planned = Math.max(...plans.map((plan) => Date.parse(plan.at) - Date.parse(startedAt))) / 1000;
  const rows = plans.reduce((sum, plan) => sum + changedRows(plan.tables), 0);
  return planned + rows / (history.rowsPerSecond ?? cautiousRowsPerSecond);
}

/** Straight on at the pace of this phase; nothing is said from less than a twentieth of it. */
function phaseRemaining({ done, total, seconds }: LiveProgress): number | null {
  if (total === null || total <= 0 || done / total < 0.05) return null;
  return Math.max(0, (seconds * (total - done)) / done);
}
