import { sameId, type TenantId } from '../engine/tenant.ts';
import type { Entry, EntryOf } from './events.ts';
import type { IncidentState, MessageRecord, Moment, StepRecord, TaskRecord } from './records.ts';
import { applyStatus } from './state-status.ts';
import { applyStep, blankStep } from './state-steps.ts';
import { applyRestore, applyTenant, isUsable } from './state-tenant.ts';

/**
 * The state of an incident is a pure reduction of its journal. Applying an entry changes only the draft's own
 * fields and lists; the records in them are replaced, never changed, so that a shallow copy is a snapshot.
 */

/** Throws RangeError unless the first entry is `incident.opened`. */
export function reduce([first, ...rest]: readonly Entry[]): IncidentState {
  if (first?.event !== 'incident.opened') throw new RangeError('An incident begins with incident.opened.');
  const state = begin(first);
  for (const entry of rest) applyEntry(state, entry);
  return state;
}

/** A copy that later entries do not change. */
export function snapshot(state: IncidentState): IncidentState {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(state))
    copy[name] = Array.isArray(value) ? value.slice() : value;
  return { ...(copy as unknown as IncidentState), tasks: { ...state.tasks } };
}

/** The state right after `incident.opened`. */
export function begin(entry: EntryOf<'incident.opened'>): IncidentState {
  return {
    id: entry.id,
    opened: entry,
    tenants: entry.tenants,
    runbook: entry.runbook,
    input: entry.input ?? {},
    steps: entry.steps.map(blankStep),
    tasks: {},
    taskNotes: [],
    currentStep: null,
    openToo: entry.openToo ?? [],
    restores: [],
    suspensions: [],
    statuses: [],
    backup: null,
    heldBackups: [],
    plans: [],
    confirmations: [],
    choices: [],
    answers: [],
    reasons: [],
    verifications: [],
    healthChecks: [],
    notes: [],
    messages: [],
    nextUpdateDueAt: null,
    nextUpdateDueSeconds: null,
    handOver: null,
    takeOvers: [],
    stopped: null,
    interruptions: [],
    mirrorFailure: null,
    operators: [entry.actor.name],
    clock: { start: Date.parse(entry.detectedAt), setBackSeconds: 0, jumps: [] },
    usable: null,
    closed: null,
    last: { ...momentOf(entry, Date.parse(entry.detectedAt), 0, 0), seq: entry.seq, by: entry.actor, entry },
  };
}

/** Applies the next entry to a draft. */
export function applyEntry(state: IncidentState, entry: Entry): void {
  if (entry.event === 'clock.jumped') {
    // a jump forward may be the computer waking up, which counts; it only ever takes a set-back clock back to right
    const setBackSeconds = Math.max(0, state.clock.setBackSeconds - entry.bySeconds);
    state.clock = { ...state.clock, setBackSeconds, jumps: [...state.clock.jumps, entry] };
  }
  const now = momentOf(entry, state.clock.start, state.clock.setBackSeconds, state.last.elapsedSeconds);
  state.last = { ...now, seq: entry.seq, by: entry.actor, entry };
  if (!state.operators.includes(entry.actor.name)) state.operators.push(entry.actor.name);
  applyRecord(state, entry, now);
  applyStep(state, entry, now);
  applyTenant(state, entry);
  applyStatus(state, entry);
  applyRestore(state, entry);
  const usable = isUsable(state);
  if (!usable) state.usable = null;
  else state.usable ??= now;
}

function applyRecord(state: IncidentState, entry: Entry, now: Moment): void {
  const by = entry.actor;
  switch (entry.event) {
    case 'backup.held':
      state.heldBackups = [...new Set([...state.heldBackups, ...entry.backups])];
      return;
    case 'backup.chosen':
      state.backup = entry;
      return;
    case 'plan.made':
      state.plans = [...state.plans.filter((plan) => !sameId(plan.tenant, entry.tenant)), entry];
      return;
    case 'confirmed':
      state.confirmations.push(entry);
      return;
    case 'choice':
      state.choices.push(entry);
      return;
    case 'operator.answered':
      state.answers.push(entry);
      return;
    case 'reason':
      state.reasons.push({ at: entry.at, by, what: entry.what, text: entry.text });
      return;
    case 'gate.overridden':
      state.reasons.push({
        at: entry.at,
        by,
        what: `gate before ${entry.task} overridden`,
        text: entry.reason,
      });
      return;
    case 'verified':
      state.verifications.push(entry);
      return;
    case 'health.checked':
      state.healthChecks.push(entry);
      return;
    case 'note':
      state.notes.push({ at: entry.at, by, text: entry.text });
      return;
    case 'handed-over':
      state.handOver = entry;
      return;
    case 'taken-over':
      state.takeOvers.push(entry);
      state.openToo = entry.openToo ?? [];
      return;
    case 'lock.acquired':
      if (state.handOver && state.handOver.seq < entry.seq) state.handOver = null;
      state.openToo = entry.openToo ?? [];
      return;
    case 'run.stopped':
      state.stopped = entry;
      return;
    case 'run.resumed':
      state.stopped = null;
      state.input = { ...state.input, ...entry.input };
      return;
    case 'mirror.failed':
      state.mirrorFailure = entry.reason;
      return;
    case 'mirror.recovered':
      state.mirrorFailure = null;
      return;
    case 'message.drafted':
    case 'message.sent':
    case 'message.written':
    case 'message.waived':
      applyMessage(state, entry);
      return;
    case 'closed':
      state.closed = { ...now, outcome: entry.outcome, reason: entry.reason ?? null };
      return;
    default:
      return;
  }
}

type MessageEntry = EntryOf<'message.drafted' | 'message.sent' | 'message.written' | 'message.waived'>;

/** A message is drafted once and then sent or written; one waived before it was drafted has no id. */
function applyMessage(state: IncidentState, entry: MessageEntry): void {
  const id = entry.event === 'message.waived' ? `${entry.kind}-${entry.audience}` : entry.message;
  const record: MessageRecord = {
    id,
    audience: entry.audience,
    kind: entry.kind,
    state: entry.event.slice('message.'.length) as MessageRecord['state'],
    at: entry.at,
    via: entry.event === 'message.sent' ? entry.via : null,
    file: 'file' in entry ? (entry.file ?? null) : null,
    reason: entry.event === 'message.waived' ? entry.reason : null,
    nextUpdateDueAt: 'nextUpdateDueAt' in entry ? entry.nextUpdateDueAt : null,
  };
  const known = state.messages.findIndex((message) => message.id === id);
  if (known === -1) state.messages.push(record);
  else state.messages[known] = record;
  if (entry.event === 'message.sent' || entry.event === 'message.written') {
    const dueAt = entry.kind === 'resolved' ? null : entry.nextUpdateDueAt;
    const { start, setBackSeconds } = state.clock;
    state.nextUpdateDueAt = dueAt;
    state.nextUpdateDueSeconds = dueAt === null ? null : (Date.parse(dueAt) - start) / 1000 + setBackSeconds;
  }
}

/** Seconds since detection: wall time with set-back clocks made good, and never less than what was reached. */
function momentOf(entry: Entry, start: number, setBackSeconds: number, reached: number): Moment {
  const elapsed = (Date.parse(entry.at) - start) / 1000 + setBackSeconds;
  return { at: entry.at, elapsedSeconds: Math.max(0, reached, elapsed) };
}

export function stepOf(state: IncidentState, id: string): StepRecord | undefined {
  return state.steps.find((step) => step.id === id);
}

export function tasksOf(state: IncidentState, step: string): TaskRecord[] {
  return Object.values(state.tasks).filter((task) => task.step === step);
}

/** Restores whose outcome nobody knows: while there are any, nothing new may start for their tenants. */
export function unprobedTenants(state: IncidentState): TenantId[] {
  return state.restores
    .filter((restore) => restore.state === 'intended' || restore.state === 'unknown')
    .map((restore) => restore.tenant);
}
