import { restoreModes } from '../engine/plan.ts';
import { z } from '../zod.ts';
import type { PlanOptions } from './change.ts';

/** What a restore can be told, by a runbook, by flags, or by the person who is asked. */
export const input = z.strictObject({
  from: z.string().optional().describe('The backup; default: the one chosen in this incident'),
  mode: z.enum(restoreModes).optional().describe('Asked for when not given'),
  tables: z.array(z.string()).optional().describe('Only these tables change'),
  except: z
    .record(z.string(), z.array(z.string()))
    .optional()
    .describe('Rows left out, by key text per table'),
  review: z
    .record(z.string(), z.enum(['restore', 'skip', 'set']))
    .optional()
    .describe('Per table under review: what happens to rows that would come back to life'),
  withShared: z.boolean().optional().describe('Bring back shared rows the tenant’s rows need'),
  foreignSource: z.string().optional().describe('Name of another database whose backup is accepted'),
  disableTriggers: z
    .boolean()
    .optional()
    .describe(
      'PostgreSQL, for a role that may not keep triggers from running: they are disabled during the change, and all writers of their tables wait',
    ),
  planned: z
    .string()
    .optional()
    .describe('Digest after the change, of a plan made before: refused when it differs'),
});
export type RestoreInput = z.output<typeof input>;

/** How the plan of a restore with this input is made. Throws for what is no such input. */
export function planOptions(given: unknown): PlanOptions {
  const { mode, tables, except, review: decisions, withShared } = input.parse(given ?? {});
  return { mode: mode ?? 'exact', tables, except, review: decisions, withShared: withShared || undefined };
}
