import type { TenantId } from '../engine/tenant.ts';
import type { Entry, EntryOf } from './events.ts';
import type { Actor, Audience, MessageKind, SettleSample, StepSpec, TenantRef } from './facts.ts';

/** What an incident's state is made of. Times are as journaled: ISO 8601 UTC. */

export type StepStatus = 'todo' | 'running' | 'done' | 'failed' | 'skipped' | 'interrupted';

export interface Failure {
  code: string;
  message: string;
  hint?: string;
}

export interface TaskRecord {
  id: string;
  step: string;
  action: string | null;
  state: StepStatus | 'undone';
  attempt: number;
  input: unknown;
  /** What does the same by hand, with that input; null until it started. */
  commands: string[] | null;
  output: unknown;
  startedAt: string | null;
  seconds: number | null;
  error: Failure | null;
  /** Why it was skipped, and who decided. */
  reason: string | null;
  skippedBy: 'operator' | 'runbook' | 'condition' | null;
  /** What started last was its way back, after it had failed with this. */
  rolledBackFrom: Failure | null;
}

/** A line of a task's output worth keeping, with the facts it measured. */
export interface TaskNote {
  at: string;
  step: string;
  task: string;
  text: string;
  data: Record<string, unknown> | null;
}

/** `sinceSeconds`: when the phase began, in seconds since detection. */
export interface StepProgress {
  phase: string;
  done: number;
  total: number | null;
  unit: string;
  sinceSeconds: number;
}

export interface StepRecord extends StepSpec {
  state: StepStatus;
  attempt: number;
  startedAt: string | null;
  /** The same moment in seconds since detection. */
  startedSeconds: number | null;
  endedAt: string | null;
  /** Seconds of all attempts that ended, interrupted ones with the time the tool was dead. */
  seconds: number | null;
  error: Failure | null;
  /** Why it was skipped, and by whom. */
  reason: string | null;
  skippedBy: 'operator' | 'auto' | null;
  summary: string | null;
  outcome: Record<string, unknown> | null;
  /** As of its last entry in the journal; a process at work knows better. */
  progress: StepProgress | null;
}

/** `intended` and `unknown`: nobody knows yet whether it happened; it must be probed before anything else. */
export type RestoreStatus = 'intended' | 'unknown' | 'finished' | 'rolled-back';

export interface RestoreRecord {
  state: RestoreStatus;
  tenant: TenantId;
  intended: EntryOf<'restore.intended'>;
  finished: EntryOf<'restore.finished'> | null;
  /** Why it was rolled back, or why nobody knows. */
  failure: string | null;
  endedAt: string | null;
}

export interface SuspensionRecord {
  tenant: TenantId;
  former: string | null;
  suspendedAt: string;
  reactivatedAt: string | null;
  settled: { quiet: boolean; seconds: number; samples: SettleSample[]; reason: string | null } | null;
}

/** A status this incident gave a tenant, by a step or with the tenant's row. All as text, as the database shows it. */
export interface StatusRecord {
  tenant: TenantId;
  at: string;
  /** What reactivating goes back to, unless that is no status to work with either. */
  former: string | null;
  /** False where `former` is null because nobody knows. */
  known: boolean;
  status: string | null;
  /** Said before it was done; a crash may have come between. */
  announced: boolean;
  /** Where `former` was seen: live, or in the backup the tenant's row came back from. */
  seen: 'live' | 'backup';
}

export interface MessageRecord {
  id: string;
  audience: Audience;
  kind: MessageKind;
  state: 'drafted' | 'sent' | 'written' | 'waived';
  at: string;
  via: string | null;
  file: string | null;
  reason: string | null;
  nextUpdateDueAt: string | null;
}

/** A moment on the incident's own time line: wall time as written, and seconds since detection that never run back. */
export interface Moment {
  at: string;
  elapsedSeconds: number;
}

export interface IncidentState {
  id: string;
  opened: EntryOf<'incident.opened'>;
  tenants: TenantRef[];
  runbook: { name: string; hash: string } | null;
  /** What flags said, by action id. */
  input: Record<string, Record<string, unknown>>;
  steps: StepRecord[];
  /** By task id, which is unique within a runbook. */
  tasks: Record<string, TaskRecord>;
  taskNotes: TaskNote[];
  currentStep: string | null;
  /** Incidents about the same tenants that were open when somebody last took this one up. */
  openToo: string[];
  restores: RestoreRecord[];
  suspensions: SuspensionRecord[];
  /** Oldest first. */
  statuses: StatusRecord[];
  backup: EntryOf<'backup.chosen'> | null;
  heldBackups: string[];
  plans: EntryOf<'plan.made'>[];
  confirmations: EntryOf<'confirmed'>[];
  choices: EntryOf<'choice'>[];
  answers: EntryOf<'operator.answered'>[];
  reasons: { at: string; by: Actor; what: string; text: string }[];
  verifications: EntryOf<'verified'>[];
  healthChecks: EntryOf<'health.checked'>[];
  notes: { at: string; by: Actor; text: string }[];
  messages: MessageRecord[];
  /** When the latest message promised the next one. */
  nextUpdateDueAt: string | null;
  /** The same moment in seconds since detection: it does not move with a clock that is set back. */
  nextUpdateDueSeconds: number | null;
  handOver: EntryOf<'handed-over'> | null;
  takeOvers: EntryOf<'taken-over'>[];
  stopped: EntryOf<'run.stopped'> | null;
  interruptions: EntryOf<'step.interrupted'>[];
  mirrorFailure: string | null;
  operators: string[];
  clock: {
    /** When it was detected, milliseconds since 1970: what seconds are counted from. */
    start: number;
    /** Seconds the wall clock was set back by while the incident ran; added to what it says now. */
    setBackSeconds: number;
    jumps: EntryOf<'clock.jumped'>[];
  };
  /** When all tenants could work again; null while they cannot. */
  usable: Moment | null;
  closed: (Moment & { outcome: 'completed' | 'stopped' | 'failed'; reason: string | null }) | null;
  last: Moment & { seq: number; by: Actor; entry: Entry };
}
