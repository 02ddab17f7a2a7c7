import { restoreModes } from '../engine/plan.ts';
import type { Tenant } from '../engine/tenant.ts';
import { z } from '../zod.ts';
import type { PlanOptions } from './change.ts';
import { input as restoreInput } from './restore-input.ts';

/** What a restore of several tenants takes and gives. */

const tenantId = z.object({ type: z.enum(['integer', 'text', 'blob']), text: z.string() });

export const input = z.strictObject({
  from: z.string().describe('The backup'),
  tenants: z.array(tenantId).min(1).describe('Ids of the tenants'),
  mode: z.enum(restoreModes).default('exact'),
  tables: z.array(z.string()).optional().describe('Only these tables change'),
  review: restoreInput.shape.review,
  withShared: z.boolean().optional().describe('Bring back shared rows the tenants’ rows need'),
  foreignSource: z.string().optional().describe('Name of another database whose backup is accepted'),
  disableTriggers: restoreInput.shape.disableTriggers,
});
export type Input = z.output<typeof input>;

export const failure = z.object({
  tenant: z.object({ id: z.union([z.number(), z.string()]), slug: z.string() }),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }),
  /** The database was gone before its turn came: whoever resumes begins here. */
  begun: z.literal(false).optional(),
});
export type Failure = z.output<typeof failure>;

/** One entry per tenant: what a single restore reports, or why there was none. */
export const output = z.object({
  results: z.array(z.union([failure, z.looseObject({ tenant: failure.shape.tenant })])),
});
export type ManyOutput = z.output<typeof output>;

export function manyOptions({
  mode,
  tables,
  review,
  withShared,
}: Pick<Input, 'mode' | 'tables' | 'review' | 'withShared'>): PlanOptions {
  return { mode, tables, except: undefined, review, withShared };
}

/** Contract: one tenant's slug; for several `<n> tenants in <database name>`. */
export function phraseFor(tenants: Pick<Tenant, 'slug'>[], database: string): string {
  const [only] = tenants;
  return only && tenants.length === 1 ? only.slug : `${tenants.length} tenants in ${database}`;
}
