import { restoreModes } from '../engine/plan.ts';
import { tiers } from '../policy/tiers.ts';
import { z } from '../zod.ts';

/** The shapes that several journal events share. Times are ISO 8601 UTC, durations are seconds. */

export const time = z.iso.datetime();
export const seconds = z.number().nonnegative();

export const tenantId = z.object({ type: z.enum(['integer', 'text', 'blob']), text: z.string() });

/** A tenant as an incident remembers it: the name may change meanwhile, the id may not. */
export const tenantRef = z.object({ id: tenantId, slug: z.string(), name: z.string(), tier: z.enum(tiers) });
export type TenantRef = z.infer<typeof tenantRef>;

/** Who wrote a line. `ssh` is the address the session came from, where there was one. */
export const actor = z.object({ name: z.string(), host: z.string(), ssh: z.string().optional() });
export type Actor = z.infer<typeof actor>;

/** What a step may do to the world; `manual` is a checklist for a person. */
export const stepEffect = z.enum(['read', 'write', 'destroy', 'manual']);

/** One task of a step: an action, a command or a checklist. A plain step has a single one with its own id. */
export const taskSpec = z.object({
  id: z.string(),
  title: z.string(),
  kind: z.enum(['action', 'run', 'checklist']),
  action: z.string().optional(),
  effect: stepEffect,
});

/**
 * One step of the runbook, copied whole: the report needs nothing but the journal. `usable` marks the step
 * after which the tenant can work again: where RTO ends. `command` is the equivalent command line.
 */
export const stepSpec = z.object({
  id: z.string(),
  title: z.string(),
  estimateSeconds: seconds,
  effect: stepEffect,
  uses: z.string().optional(),
  usable: z.boolean().optional(),
  command: z.string().optional(),
  tasks: z.array(taskSpec).optional(),
});
export type StepSpec = z.infer<typeof stepSpec>;

export const restoreMode = z.enum(restoreModes);

/** Row effects of one table: counts only, never values. */
export const tableCounts = z.object({
  name: z.string(),
  insert: z.number(),
  update: z.number(),
  delete: z.number(),
  unchanged: z.number(),
  losses: z.number(),
  live: z.number().optional(),
  backup: z.number().optional(),
  kept: z.number().optional(),
});
export type TableCounts = z.infer<typeof tableCounts>;

/** RPO age: the damage minus the backup, against the tier's RPO. Negative: the backup was taken after the damage. */
export const rpo = z.object({
  limitSeconds: seconds.nullable(),
  ageSeconds: z.number().nullable(),
  met: z.boolean().nullable(),
});
export type Rpo = z.infer<typeof rpo>;

export const safetyCopy = z.object({ path: z.string(), sha256: z.string(), rows: z.number() });

export const isolation = z.object({
  method: z.string(),
  otherRowsWritten: z.number(),
  tablesGuarded: z.number(),
  notes: z.array(z.string()),
});

/** What the database needs to find out later whether a change committed. */
export const changeMarker = z.record(z.string(), z.union([z.string(), z.number(), z.null()]));

/** Whether a person decided or the run did by itself. */
export const decidedBy = z.enum(['operator', 'auto']);

export const failure = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });

export const check = z.object({ name: z.string(), ok: z.boolean(), detail: z.string().optional() });

/** Writes seen in one interval after suspending, by table. */
export const settleSample = z.object({
  atSeconds: seconds,
  writes: z.number(),
  tables: z.array(z.string()),
});
export type SettleSample = z.infer<typeof settleSample>;

export const audience = z.enum(['tenant', 'status-page', 'internal']);
export type Audience = z.infer<typeof audience>;
export const messageKind = z.enum(['first-notice', 'update', 'resolved']);
export type MessageKind = z.infer<typeof messageKind>;

/** What was left out of a plan when it was looked through, as it is journaled. */
export const planReview = z.object({
  mode: restoreMode.optional(),
  withoutTables: z.array(z.string()),
  withoutRows: z.record(z.string(), z.array(z.string())),
  revivals: z.record(z.string(), z.enum(['restore', 'skip', 'set'])),
});
