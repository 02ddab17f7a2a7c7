import { restoreModes } from '../engine/plan.ts';
import { z } from '../zod.ts';
import type { PlanOptions } from './change.ts';
import { shellLine } from './command.ts';

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
  live: z
    .string()
    .optional()
    .describe('Digest before the change, of a plan made before: refused when it differs'),
  planned: z.string().optional().describe('Digest after the change, in the same way'),
});
export type RestoreInput = z.output<typeof input>;

/** How the plan of a restore with this input is made. Throws for what is no such input. */
export function planOptions(given: unknown): PlanOptions {
  const { mode, tables, except, review: decisions, withShared } = input.parse(given ?? {});
  return { mode: mode ?? 'exact', tables, except, review: decisions, withShared: withShared || undefined };
}

/** The options of the commands that do what this input does. */
export function restoreOptions(given: Omit<RestoreInput, 'except' | 'live' | 'planned'>): string[] {
  const { from, mode, tables, review, withShared, foreignSource, disableTriggers } = given;
  const decided = Object.entries(review ?? {}).map(([table, decision]) => `${table}=${decision}`);
  return [
    ...['--from', from ?? '<ref>', '--mode', mode ?? '<mode>'],
    ...(tables ? ['--tables', tables.join(',')] : []),
    ...(decided.length > 0 ? ['--review', decided.join(',')] : []),
    ...(withShared ? ['--with-shared'] : []),
    ...(foreignSource === undefined ? [] : ['--foreign-source', foreignSource]),
    ...(disableTriggers ? ['--disable-triggers'] : []),
  ];
}

/** The restore of one tenant as a command. Rows left out one by one are no option of it: that is said. */
export function restoreCommand(given: RestoreInput, tenant = '<tenant>', phrase = '<slug>'): string {
  const rows = Object.values(given.except ?? {}).flat().length;
  const without = rows > 0 ? `   # and leave ${rows} single rows out` : '';
  const line = ['tenant-dr', 'restore', tenant, ...restoreOptions(given), '--confirm', phrase];
  return `${shellLine(line)}${without}`;
}
