import { z } from '../zod.ts';
import {
  audience,
  changeMarker,
  check,
  decidedBy,
  failure,
  isolation,
  messageKind,
  restoreMode,
  rpo,
  safetyCopy,
  seconds,
  settleSample,
  stepEffect,
  stepSpec,
  tableCounts,
  tenantId,
  tenantRef,
  time,
} from './facts.ts';
import { runModes } from './mode.ts';

const runbook = z.object({ name: z.string(), hash: z.string() });
const task = { step: z.string(), task: z.string() };
/** Live incidents about the same tenants that nobody had closed when this one was begun or gone on with. */
const openToo = z.array(z.string()).optional();
const data = z.record(z.string(), z.unknown());

/**
 * Everything that can happen in an incident, by name. To add a kind: add its payload here; the compiler then asks
 * for its sentence in describe.ts, and state.ts decides whether it changes the state. Payloads hold keys, names, counts
 * and hashes, never row values or addresses of people.
 */
export const payloads = {
  'incident.opened': z.object({
    id: z.string(),
    kind: z.enum(['runbook', 'restore', 'undo', 'suspend', 'reactivate']),
    title: z.string(),
    /** Version of tenant-dr that wrote this. */
    version: z.string(),
    runbook: runbook.nullable(),
    steps: z.array(stepSpec),
    database: z.object({ name: z.string(), location: z.string(), kind: z.enum(['sqlite', 'postgres']) }),
    environment: z.string(),
    mode: z.enum(runModes),
    tenants: z.array(tenantRef),
    detectedAt: time,
    damagedAt: time.nullable(),
    /** The tier figures in force: those of the highest tier among the tenants. null: no limit. */
    rtoSeconds: seconds.nullable(),
    rpoSeconds: seconds.nullable(),
    /** For an undo: the incident it undoes. */
    of: z.string().optional(),
    openToo,
    /** What flags said, by action id: whoever resumes it goes on with the same backup and mode. */
    input: z.record(z.string(), data).optional(),
  }),
  'lock.acquired': z.object({ pid: z.number(), openToo }),
  'lock.released': z.object({ reason: z.string().optional() }),
  'taken-over': z.object({
    reason: z.string(),
    from: z.object({ name: z.string(), host: z.string(), pid: z.number() }),
    /** The former process was known to be gone, so nobody had to ask. */
    automatic: z.boolean(),
    openToo,
  }),
  'handed-over': z.object({ situation: z.string(), note: z.string() }),
  'torn-line.cut': z.object({ line: z.number(), bytes: z.number() }),
  'clock.jumped': z.object({ bySeconds: z.number(), seenBy: z.enum(['running-clock', 'journal']) }),
  'mirror.failed': z.object({ reason: z.string() }),
  'mirror.recovered': z.object({}),

  /** The runbook file was edited meanwhile and the operator went on with the new version. */
  'run.planned': z.object({ runbook, steps: z.array(stepSpec) }),
  /** `input`: what flags said this time, by action id; it replaces what was said before. */
  'run.resumed': z.object({ input: z.record(z.string(), data).optional() }),
  /** The run ended early; the incident stays open. */
  'run.stopped': z.object({
    why: z.enum(['operator', 'signal', 'gate', 'refused', 'failed']),
    code: z.string().optional(),
    message: z.string(),
  }),

  'step.started': z.object({ step: z.string(), attempt: z.number().int().positive().default(1) }),
  'step.progress': z.object({
    step: z.string(),
    phase: z.string(),
    done: z.number(),
    total: z.number().nullable(),
    unit: z.string(),
  }),
  'step.finished': z.object({
    step: z.string(),
    seconds,
    summary: z.string().optional(),
    outcome: data.optional(),
  }),
  'step.failed': z.object({ step: z.string(), seconds, error: failure }),
  'step.skipped': z.object({ step: z.string(), reason: z.string(), by: decidedBy }),
  /** Found on resume: it had started and never ended. */
  'step.interrupted': z.object({
    step: z.string(),
    task: z.string().optional(),
    reason: z.string().optional(),
  }),
  'step.probed': z.object({
    step: z.string(),
    outcome: z.enum(['done', 'not-done', 'unknown']),
    detail: z.string().optional(),
  }),

  'task.started': z.object({
    ...task,
    action: z.string().optional(),
    effect: stepEffect.optional(),
    input: z.unknown().optional(),
    /** Shell lines that do the same with this input. */
    commands: z.array(z.string()).optional(),
    /** It is the task's way back that started. */
    rollback: z.literal(true).optional(),
  }),
  'task.finished': z.object({
    ...task,
    action: z.string().optional(),
    state: z.enum(['done', 'failed', 'undone']),
    seconds,
    output: z.unknown().optional(),
    error: failure.optional(),
    /** How an interrupted task was found to have ended. */
    found: z.enum(['probe', 'operator']).optional(),
  }),
  'task.skipped': z.object({ ...task, reason: z.string(), by: z.enum(['operator', 'runbook', 'condition']) }),
  'task.note': z.object({ ...task, text: z.string(), data: data.optional() }),
  /** `why` is set when nobody was there and the run answered by itself. */
  'operator.answered': z.object({
    ...task,
    question: z.string(),
    kind: z.string(),
    answer: z.unknown(),
    auto: z.boolean().optional(),
    why: z.string().optional(),
  }),
  'gate.failed': z.object({ ...task, needs: z.array(z.string()) }),
  'gate.overridden': z.object({ ...task, reason: z.string() }),

  'backup.held': z.object({ backups: z.array(z.string()) }),
  'backup.chosen': z.object({
    ref: z.string(),
    path: z.string(),
    sha256: z.string().nullable(),
    takenAt: time.nullable(),
    rpo,
    /** Typed when an older backup than needed was picked. */
    reason: z.string().optional(),
  }),
  'plan.made': z.object({
    tenant: tenantId,
    from: z.string(),
    mode: restoreMode,
    tables: z.array(tableCounts),
    live: z.string(),
    staged: z.string().nullable(),
    planned: z.string().optional(),
    conflicts: z.number().default(0),
    drift: z.number().default(0),
    /** Rows and seconds between the backup and now that the restore would give up. */
    atStake: z.object({ rows: z.number(), seconds: z.number().nullable() }).optional(),
  }),
  choice: z.object({ what: z.string(), answer: z.string(), reason: z.string().optional() }),
  reason: z.object({ what: z.string(), text: z.string() }),
  /** The phrase itself is a slug or a name already in the journal; only its kind is kept. */
  confirmed: z.object({
    what: z.string(),
    phrase: z.enum(['slug', 'tenants', 'database', 'source-name']),
    by: z.enum(['typed', 'flag']).default('typed'),
  }),

  /** On disk before the first change; `effects` holds key, old and new hash per planned row, for probing. */
  'restore.intended': z.object({
    tenant: tenantId,
    from: z.string(),
    mode: restoreMode,
    digest: z.object({ before: z.string(), planned: z.string() }),
    effects: z.object({ file: z.string(), sha256: z.string(), rows: z.number() }),
    safetyCopy,
    marker: changeMarker,
    tables: z.array(tableCounts),
    /** Where the tenant's status moves with its row: what reactivating goes back to, and what it is then. */
    status: z
      .object({
        former: z.string().nullable(),
        status: z.string().nullable(),
        seen: z.enum(['live', 'backup']),
      })
      .optional(),
  }),
  'restore.finished': z.object({
    tenant: tenantId,
    committed: z.literal(true),
    digest: z.object({ before: z.string(), planned: z.string(), after: z.string().nullable() }),
    /** null when a probe found the commit: the proof died with the process that held it. */
    isolation: isolation.nullable(),
    tables: z.array(tableCounts),
    seconds: z.record(z.string(), z.number()),
    foundBy: z.enum(['apply', 'probe', 'operator']).default('apply'),
  }),
  'restore.rolled-back': z.object({
    tenant: tenantId,
    error: failure.optional(),
    foundBy: z.enum(['apply', 'probe', 'operator']).default('apply'),
  }),
  'restore.unknown': z.object({ tenant: tenantId, reason: z.string() }),

  /** On disk before the status is set: what it is, so that nobody has to guess it after a crash. */
  'tenant.suspending': z.object({
    tenant: tenantId,
    former: z.string().nullable(),
    status: z.string().nullable(),
  }),
  'tenant.suspended': z.object({
    tenant: tenantId,
    former: z.string().nullable(),
    status: z.string().nullable(),
  }),
  'tenant.settled': z.object({
    tenant: tenantId,
    quiet: z.boolean(),
    seconds,
    samples: z.array(settleSample),
    /** Typed when going on although the slice was not still. */
    reason: z.string().optional(),
  }),
  'tenant.reactivated': z.object({
    tenant: tenantId,
    former: z.string().nullable(),
    status: z.string().nullable(),
  }),
  'tenant.renamed': z.object({ tenant: tenantId, slug: z.string(), name: z.string() }),
  'health.checked': z.object({ ok: z.boolean(), detail: z.string() }),
  verified: z.object({
    level: z.enum(['full', 'standard', 'basic']),
    ok: z.boolean(),
    checks: z.array(check),
    tenant: tenantId.optional(),
  }),

  note: z.object({ text: z.string() }),
  'message.drafted': z.object({
    message: z.string(),
    audience,
    kind: messageKind,
    /** A person changed the words of the draft. */
    edited: z.boolean().optional(),
  }),
  'message.sent': z.object({
    message: z.string(),
    audience,
    kind: messageKind,
    via: z.string(),
    file: z.string().optional(),
    nextUpdateDueAt: time.nullable(),
  }),
  'message.written': z.object({
    message: z.string(),
    audience,
    kind: messageKind,
    file: z.string(),
    nextUpdateDueAt: time.nullable(),
  }),
  'message.waived': z.object({ audience, kind: messageKind, reason: z.string() }),

  closed: z.object({ outcome: z.enum(['completed', 'stopped', 'failed']), reason: z.string().optional() }),
};
