import { type Clocks, clocksOf, elapsedAt } from '../clocks.ts';
import { describe } from '../describe.ts';
import type { Entry } from '../events.ts';
import type { TableCounts } from '../facts.ts';
import type { IncidentState, MessageRecord, RestoreRecord, StepRecord } from '../records.ts';
import { slugOf, taskTitle } from '../words.ts';
import { equivalentCommands } from './commands.ts';
import { decisionsOf } from './decisions.ts';

/** Whether the journal behind a report is whole. */
export interface Integrity {
  ok: boolean;
  lines: number;
  /** sha256 of the last line that was read; the same journal always ends in the same one. */
  head: string;
  /** Where the chain breaks, and how. Everything below is from the lines before. */
  brokenAt: number | null;
  problem: string | null;
  /** Bytes of a line cut short by a crash at the end, not counted. */
  tornBytes: number;
}

/**
 * Everything an incident's report says, from its journal alone. The JSON report is this object; Markdown and HTML
 * only lay it out. Times ISO 8601 UTC, durations seconds. Text is as it was journaled, not escaped.
 */
export interface Report {
  incident: string;
  title: string;
  kind: string;
  mode: string;
  /** `open`: a report so far. */
  outcome: 'completed' | 'stopped' | 'failed' | 'open';
  outcomeReason: string | null;
  integrity: Integrity;
  version: string;
  database: { name: string; location: string; kind: string };
  environment: string;
  runbook: { name: string; hash: string } | null;
  of: string | null;
  tenants: { id: string; slug: string; name: string; tier: string }[];
  operators: string[];
  times: {
    openedAt: string;
    detectedAt: string;
    damagedAt: string | null;
    usableAt: string | null;
    closedAt: string | null;
    /** The last event; what "so far" means. */
    lastAt: string;
    clockSetBackSeconds: number;
  };
  rto: {
    limitSeconds: number | null;
    usedSeconds: number;
    met: boolean | null;
    /** By how much it was missed, or kept. */
    overSeconds: number;
    leftSeconds: number | null;
  };
  rpo: {
    limitSeconds: number | null;
    ageSeconds: number | null;
    met: boolean | null;
    overSeconds: number;
    backup: {
      ref: string;
      path: string;
      sha256: string | null;
      takenAt: string | null;
      reason: string | null;
    };
  } | null;
  atStake: { rows: number; seconds: number | null } | null;
  estimateSeconds: number;
  actualSeconds: number;
  steps: ReportStep[];
  restores: ReportRestore[];
  safetyCopies: { tenant: string; path: string; sha256: string; rows: number }[];
  suspensions: {
    tenant: string;
    former: string | null;
    suspendedAt: string;
    reactivatedAt: string | null;
    quiet: boolean | null;
    settleSeconds: number | null;
  }[];
  confirmations: { at: string; by: string; what: string; phrase: string; how: 'typed' | 'flag' }[];
  decisions: { at: string; by: string; what: string; answer: string; reason: string | null }[];
  verifications: {
    at: string;
    level: string;
    ok: boolean;
    checks: { name: string; ok: boolean; detail?: string }[];
  }[];
  healthChecks: { at: string; ok: boolean; detail: string }[];
  messages: MessageRecord[];
  notes: { at: string; by: string; text: string }[];
  interruptions: { at: string; step: string; reason: string | null }[];
  takeOvers: { at: string; by: string; from: string; reason: string }[];
  commands: { step: string; command: string }[];
  timeline: { seq: number; at: string; by: string; event: string; text: string }[];
}

export type ReportStep = Pick<
  StepRecord,
  | 'id'
  | 'title'
  | 'state'
  | 'attempt'
  | 'estimateSeconds'
  | 'seconds'
  | 'startedAt'
  | 'endedAt'
  | 'reason'
  | 'skippedBy'
> & {
  counts: boolean;
  error: string | null;
  /** Parts of the step that a person or the runbook left out. */
  leftOut: { task: string; title: string; reason: string; by: 'operator' | 'runbook' }[];
};

export interface ReportRestore {
  tenant: string;
  state: RestoreRecord['state'];
  mode: string;
  from: string;
  at: string;
  tables: TableCounts[];
  total: { insert: number; update: number; delete: number; losses: number };
  digest: { before: string; planned: string; after: string | null };
  isolation: { method: string; otherRowsWritten: number; tablesGuarded: number; notes: string[] } | null;
  seconds: Record<string, number>;
  failure: string | null;
}

/** Events that say nothing to a reader later. */
const silent = new Set<string>(['step.progress', 'lock.acquired', 'task.started']);

/** Builds a report. Deterministic: an open incident is measured at its last event, not at the reader's clock. */
export function buildReport(entries: readonly Entry[], state: IncidentState, integrity: Integrity): Report {
  const { opened, closed } = state;
  const clocks = clocksOf(state, Date.parse(state.last.at));
  const counts = new Map(clocks.steps.map((step) => [step.id, step.counts]));
  const { verdict: _verdict, usableAt, ...rto } = clocks.rto;
  return {
    incident: state.id,
    title: opened.title,
    kind: opened.kind,
    mode: opened.mode,
    outcome: closed?.outcome ?? 'open',
    outcomeReason: closed?.reason ?? null,
    integrity,
    version: opened.version,
    database: opened.database,
    environment: opened.environment,
    runbook: state.runbook,
    of: opened.of ?? null,
    tenants: state.tenants.map(({ id, slug, name, tier }) => ({ id: id.text, slug, name, tier })),
    operators: state.operators,
    times: {
      openedAt: opened.at,
      detectedAt: opened.detectedAt,
      damagedAt: opened.damagedAt,
      usableAt,
      closedAt: closed?.at ?? null,
      lastAt: state.last.at,
      clockSetBackSeconds: state.clock.setBackSeconds,
    },
    rto,
    rpo: rpoOf(state, clocks.rpo),
    atStake: clocks.atStake,
    estimateSeconds: state.steps.reduce((sum, step) => sum + step.estimateSeconds, 0),
    actualSeconds: elapsedAt(state, Date.parse(state.last.at)),
    steps: state.steps.map((step) => stepOf(state, step, counts.get(step.id) ?? true)),
    restores: state.restores.map((restore) => restoreOf(state, restore)),
    safetyCopies: state.restores.map(({ intended }) => ({
      tenant: slugOf(state, intended.tenant),
      ...intended.safetyCopy,
    })),
    suspensions: state.suspensions.map((one) => ({
      tenant: slugOf(state, one.tenant),
      former: one.former,
      suspendedAt: one.suspendedAt,
      reactivatedAt: one.reactivatedAt,
      quiet: one.settled?.quiet ?? null,
      settleSeconds: one.settled?.seconds ?? null,
    })),
    confirmations: state.confirmations.map(({ at, actor, what, phrase, by }) => ({
      at,
      by: actor.name,
      what,
      phrase,
      how: by,
    })),
    decisions: decisionsOf(state),
    verifications: state.verifications.map(({ at, level, ok, checks }) => ({ at, level, ok, checks })),
    healthChecks: state.healthChecks.map(({ at, ok, detail }) => ({ at, ok, detail })),
    messages: state.messages,
    notes: state.notes.map(({ at, by, text }) => ({ at, by: by.name, text })),
    interruptions: state.interruptions.map(({ at, step, reason }) => ({ at, step, reason: reason ?? null })),
    takeOvers: state.takeOvers.map(({ at, actor, from, reason }) => ({
      at,
      by: actor.name,
      from: `${from.name} on ${from.host}`,
      reason,
    })),
    commands: equivalentCommands(state),
    timeline: entries
      .filter((entry) => !silent.has(entry.event))
      .map((entry) => ({
        seq: entry.seq,
        at: entry.at,
        by: entry.actor.name,
        event: entry.event,
        text: describe(entry, state),
      })),
  };
}

function rpoOf(state: IncidentState, rpo: Clocks['rpo']): Report['rpo'] {
  if (!state.backup || !rpo) return null;
  const { ref, path, sha256, takenAt, reason } = state.backup;
  const { limitSeconds, ageSeconds, met } = rpo;
  const overSeconds = Math.max(0, (ageSeconds ?? 0) - (limitSeconds ?? Number.POSITIVE_INFINITY));
  const backup = { ref, path, sha256, takenAt, reason: reason ?? null };
  return { limitSeconds, ageSeconds, met, overSeconds, backup };
}

function stepOf(state: IncidentState, step: StepRecord, counts: boolean): ReportStep {
  const { id, title, attempt, estimateSeconds, seconds, startedAt, endedAt, reason, skippedBy } = step;
  const error = step.error?.message ?? null;
  return {
    id,
    title,
    state: step.state,
    attempt,
    estimateSeconds,
    seconds,
    startedAt,
    endedAt,
    reason,
    skippedBy,
    counts,
    error,
    leftOut: leftOutOf(state, id),
  };
}

function leftOutOf(state: IncidentState, step: string): ReportStep['leftOut'] {
  return Object.values(state.tasks).flatMap(
    ({ id: task, step: of, skippedBy: by, reason, state: reached }) => {
      if (of !== step || reached !== 'skipped' || (by !== 'operator' && by !== 'runbook')) return [];
      return [{ task, title: taskTitle(state, { step, task }), reason: reason ?? '', by }];
    },
  );
}

function restoreOf(state: IncidentState, restore: RestoreRecord): ReportRestore {
  const { intended, finished } = restore;
  const tables = finished?.tables ?? intended.tables;
  const sum = (pick: (table: TableCounts) => number) =>
    tables.reduce((total, table) => total + pick(table), 0);
  return {
    tenant: slugOf(state, intended.tenant),
    state: restore.state,
    mode: intended.mode,
    from: intended.from,
    at: finished?.at ?? intended.at,
    tables,
    total: {
      insert: sum((table) => table.insert),
      update: sum((table) => table.update),
      delete: sum((table) => table.delete),
      losses: sum((table) => table.losses),
    },
    digest: finished?.digest ?? { ...intended.digest, after: null },
    isolation: finished?.isolation ?? null,
    seconds: finished?.seconds ?? {},
    failure: restore.failure,
  };
}
