import type { Rpo } from './facts.ts';
import { type History, noHistory } from './history.ts';
import { type LiveProgress, projectSteps, type StepProjection } from './projection.ts';
import type { IncidentState } from './records.ts';

/** The clocks of an incident (design section 5). Pure: the caller brings the time. Durations are seconds. */

/**
 * `over`: the time is really used up and the tenant still cannot work. `late`: it will be, if the projection
 * holds. `unlimited`: the tier promises no time (free). `met`, `missed`: it is decided. `unreached`: the incident
 * ended in time, but not with a tenant that can work.
 */
export type RtoVerdict = 'on-track' | 'late' | 'over' | 'met' | 'missed' | 'unreached' | 'unlimited';

export interface RtoClock {
  limitSeconds: number | null;
  usedSeconds: number;
  /** null without a limit; 0 when used up. */
  leftSeconds: number | null;
  overSeconds: number;
  verdict: RtoVerdict;
  /** null while it is open, without a limit, and where the incident ended before the tenant was usable or the time up. */
  met: boolean | null;
  /** When the tenant could work again. */
  usableAt: string | null;
}

export interface Projection {
  /** Until the tenant is usable. */
  remainingSeconds: number;
  usableAt: string;
  /** Seconds since detection at that moment. */
  usableAfterSeconds: number;
  /** Sum of the estimates that count, the budget column. */
  budgetSeconds: number;
  /** The estimates alone are more than the RTO: late on paper before anything was done. */
  estimatesExceed: boolean;
  /** No step still to come rests on anything but its estimate. */
  onlyEstimates: boolean;
}

export interface Clocks {
  elapsedSeconds: number;
  rto: RtoClock;
  steps: StepProjection[];
  /** null once the tenant is usable or the incident is closed. */
  projection: Projection | null;
  rpo: (Rpo & { backupTakenAt: string | null; damagedAt: string }) | null;
  /** What going back to the backup gives up: rows newer than it, and the time they span. */
  atStake: { rows: number; seconds: number | null } | null;
  nextUpdate: { dueAt: string; inSeconds: number } | null;
  /** Seconds by which the wall clock was set back meanwhile; the clocks above do not follow it. */
  setBackSeconds: number;
}

/** `now`: milliseconds since 1970, as the wall clock says it. */
export function clocksOf(
  state: IncidentState,
  now: number,
  knowledge: { history?: History; live?: LiveProgress | null } = {},
): Clocks {
  const elapsedSeconds = elapsedAt(state, now);
  const rto = rtoClock(state, elapsedSeconds);
  const open = !state.usable && !state.closed;
  const steps = projectSteps(state, elapsedSeconds, knowledge.history ?? noHistory, knowledge.live ?? null);
  const projection = open ? project(state, steps, elapsedSeconds, now) : null;
  const late =
    rto.verdict === 'on-track' && (projection?.usableAfterSeconds ?? 0) > (rto.limitSeconds ?? Infinity);
  return {
    elapsedSeconds,
    rto: late ? { ...rto, verdict: 'late' } : rto,
    steps,
    projection,
    rpo: rpoClock(state),
    atStake: atStake(state),
    nextUpdate: nextUpdate(state, elapsedSeconds),
    setBackSeconds: state.clock.setBackSeconds,
  };
}

/**
 * Seconds since detection: wall time, through crashes; made good for a clock that was set back, and never less
 * than the journal has already reached, so that it neither turns negative nor runs backwards.
 */
export function elapsedAt(state: IncidentState, now: number): number {
  const elapsed = (now - state.clock.start) / 1000 + state.clock.setBackSeconds;
  return Math.max(0, state.last.elapsedSeconds, elapsed);
}

/** A bare suspension does not bring anybody back, so nothing runs out. */
function rtoLimit({ opened }: IncidentState): number | null {
  return opened.kind === 'suspend' ? null : opened.rtoSeconds;
}

/** RTO ends when the tenant can work again; if it never could, it ran until the incident was closed. */
function rtoClock(state: IncidentState, elapsed: number): RtoClock {
  const limitSeconds = rtoLimit(state);
  const usedSeconds = state.usable?.elapsedSeconds ?? state.closed?.elapsedSeconds ?? elapsed;
  const usableAt = state.usable?.at ?? null;
  if (limitSeconds === null) {
    const verdict = 'unlimited';
    return { limitSeconds, usedSeconds, leftSeconds: null, overSeconds: 0, verdict, met: null, usableAt };
  }
  const overSeconds = Math.max(0, usedSeconds - limitSeconds);
  const leftSeconds = Math.max(0, limitSeconds - usedSeconds);
  const decided = { limitSeconds, usedSeconds, leftSeconds, overSeconds, usableAt };
  if (state.usable) return { ...decided, ...(overSeconds > 0 ? missed : kept) };
  if (state.closed) return { ...decided, ...(overSeconds > 0 ? missed : unreached) };
  return { ...decided, verdict: overSeconds > 0 ? 'over' : 'on-track', met: null };
}

const kept = { verdict: 'met', met: true } as const;
const missed = { verdict: 'missed', met: false } as const;
const unreached = { verdict: 'unreached', met: null } as const;

function project(state: IncidentState, steps: StepProjection[], elapsed: number, now: number): Projection {
  const counting = steps.filter((step) => step.counts);
  const remainingSeconds = counting.reduce((sum, step) => sum + step.remainingSeconds, 0);
  const budgetSeconds = counting.reduce((sum, step) => sum + step.estimateSeconds, 0);
  const coming = counting.filter((step) => step.source !== null);
  return {
    remainingSeconds,
    usableAt: new Date(now + remainingSeconds * 1000).toISOString(),
    usableAfterSeconds: elapsed + remainingSeconds,
    budgetSeconds,
    estimatesExceed: budgetSeconds > (rtoLimit(state) ?? Infinity),
    onlyEstimates: coming.every((step) => step.source === 'estimate'),
  };
}

/** Computed from the times, whatever was recorded beside them; a backup after the damage may hold it. */
function rpoClock(state: IncidentState): Clocks['rpo'] {
  if (!state.backup) return null;
  const { takenAt, rpo } = state.backup;
  const damagedAt = state.opened.damagedAt ?? state.opened.detectedAt;
  if (takenAt === null) return { ...rpo, backupTakenAt: null, damagedAt };
  const ageSeconds = (Date.parse(damagedAt) - Date.parse(takenAt)) / 1000;
  const { limitSeconds } = rpo;
  const met = ageSeconds >= 0 && (limitSeconds === null || ageSeconds <= limitSeconds);
  return { limitSeconds, ageSeconds, met, backupTakenAt: takenAt, damagedAt };
}

function atStake(state: IncidentState): Clocks['atStake'] {
  if (state.plans.length === 0) return null;
  const rows = state.plans.reduce((sum, plan) => sum + (plan.atStake?.rows ?? lossesOf(plan.tables)), 0);
  const takenAt = state.backup?.takenAt ?? null;
  const spans = state.plans.map((plan) => {
    if (plan.atStake) return plan.atStake.seconds;
    return takenAt === null ? null : Math.max(0, (Date.parse(plan.at) - Date.parse(takenAt)) / 1000);
  });
  const known = spans.filter((span) => span !== null);
  return { rows, seconds: known.length > 0 ? Math.max(...known) : null };
}

function lossesOf(tables: { losses: number }[]): number {
  return tables.reduce((sum, table) => sum + table.losses, 0);
}

function nextUpdate(state: IncidentState, elapsed: number): Clocks['nextUpdate'] {
  const { nextUpdateDueAt: dueAt, nextUpdateDueSeconds: due } = state;
  if (dueAt === null || due === null || state.closed) return null;
  return { dueAt, inSeconds: due - elapsed };
}
