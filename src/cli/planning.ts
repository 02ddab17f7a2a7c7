import type { ChangeDeps, PlanOptions, Workbench } from '../actions/change.ts';
import { type RestoreMode, restoreModes } from '../engine/plan.ts';
import type { Plan } from '../engine/planning.ts';
import { countEffects, leftAsIs } from '../engine/planning.ts';
import { printable } from '../engine/printable.ts';
import { idForJson } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { Context } from './context.ts';
import { textTable } from './format.ts';
import { choice, flag, list, text } from './parameters.ts';

/** What plan, diff and restore have in common: their options, the document of a plan, and its text. */

export const planParameters = {
  mode: choice(
    restoreModes,
    'exact (default): as it was; keep-new: newer rows stay; missing: only bring back deleted rows',
  ),
  tables: list('a,b', 'only these tables change'),
  review: list(
    'table=decision',
    'what happens to rows of a table or group that would come back to life: restore, skip or set',
  ),
  withShared: flag('bring back shared rows the tenant needs and that are gone'),
  foreignSource: text('name', 'accept a backup of another database; type its name'),
};

/** For commands that change rows. */
export const changeParameters = {
  disableTriggers: flag(
    'PostgreSQL: disable triggers during the change where the role may not keep them from running; all writers of their tables wait',
  ),
};

export interface PlanInput {
  mode: RestoreMode | undefined;
  tables: string[] | undefined;
  review: string[] | undefined;
  withShared: boolean;
}

const decisions = ['restore', 'skip', 'set'] as const;

/** Throws `usage` for a --review that is not table=restore|skip|set. */
export function planOptionsOf(input: PlanInput): PlanOptions {
  const review = input.review?.map((given) => {
    const at = given.lastIndexOf('=');
    const decision = decisions.find((known) => known === given.slice(at + 1));
    if (at <= 0 || !decision) {
      throw new TenantDrError(
        'usage',
        `--review ${printable(given)} is not table=decision. Nothing was changed.`,
        {
          hint: `For instance --review jobs=skip; decisions are ${decisions.join(', ')}.`,
        },
      );
    }
    return [given.slice(0, at), decision] as const;
  });
  return {
    mode: input.mode ?? 'exact',
    tables: input.tables,
    except: undefined,
    review: review ? Object.fromEntries(review) : undefined,
    withShared: input.withShared ? true : undefined,
  };
}

/** What a workbench needs, from a command. Mode `dry-run` opens the live database read-only. */
export async function depsOf(
  context: Context,
  mode: 'live' | 'dry-run',
  { disableTriggers }: { disableTriggers?: boolean } = {},
): Promise<ChangeDeps> {
  const config = await context.config();
  const database = await context.openDatabase(config);
  // Threads and processes start while the rest of the program is being loaded.
  database.makeReady();
  const { looksItself, readyReader } = await import('../backups/reader-jobs.ts');
  if (!looksItself(config)) readyReader();
  return {
    config,
    database,
    mode,
    disableTriggers,
    signal: context.signal,
    progress: (progress) => {
      if (progress.unit !== 'seconds') context.output.progress({ ...progress, unit: progress.unit });
    },
    output: (line) => context.output.note(line),
  };
}

/** The plan as contract.md describes it, with keys, column names and digests; values only with --with-values. */
export function planDocument(plan: Plan, from: string): Record<string, unknown> {
  return {
    tenant: { id: idForJson(plan.tenant.id), slug: plan.tenant.slug },
    from,
    mode: plan.mode,
    live: plan.live.digest,
    staged: plan.staged?.digest ?? null,
    planned: plan.planned.digest,
    tables: plan.tables,
    conflicts: plan.conflicts,
    drift: plan.drift,
    sharedNeeded: plan.sharedNeeded,
    inbound: plan.inbound,
    revivals: plan.revivals,
  };
}

export function planText(plan: Plan, from: string, bench: Workbench, width: number): string {
  const { insert, update, delete: deleted } = countEffects(plan);
  const place = `${printable(bench.ground.session.identity.name)} (${printable(bench.deps.config.environment)})`;
  const heading = `Tenant ${printable(plan.tenant.slug)} (${printable(plan.tenant.name)}) in ${place}, from ${printable(from)}, mode ${plan.mode}`;
  const left = [leftAsIs(plan) ?? []].flat().map(printable);
  if (insert + update + deleted === 0) {
    const why =
      left.length > 0 || plan.conflicts.some(({ blocking }) => blocking)
        ? 'Nothing to restore in this way.'
        : 'The backup holds the same state: nothing to restore.';
    return [heading, '', why, ...left, ...findings(plan)].join('\n');
  }
  const touched = plan.tables.filter((table) => table.insert + table.update + table.delete > 0);
  const still = plan.tables.filter((table) => !touched.includes(table));
  const numbers = (table: Plan['tables'][number]): string[] =>
    [table.live, table.backup, table.insert, table.update, table.delete].map(String);
  const rest = still.reduce((sum, table) => sum + table.live, 0);
  const rows = touched.map((table) => [
    printable(table.name),
    ...numbers(table),
    table.updatedColumns.map((c) => printable(c)).join(', '),
  ]);
  if (still.length > 0)
    rows.push([`${still.length} more tables`, String(rest), '', '0', '0', '0', 'unchanged']);
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'table' },
    right('live'),
    right('backup'),
    right('add'),
    right('change'),
    right('delete'),
    { title: 'columns' },
  ];
  const losses = deleted > 0 ? [`${deleted} newer rows would be deleted; they stay in the safety copy.`] : [];
  return [heading, '', textTable(columns, rows, width), ...losses, ...left, ...findings(plan)].join('\n');
}

/** Of many conflicts of one sort the first ones are told: the document has them all. */
const toldOfEach = 3;

function conflictLines(conflicts: Plan['conflicts']): string[] {
  // What stops the plan is told of every table, a note once: triggers may run in all of them.
  const sorts = Map.groupBy(conflicts, ({ kind, table, constraint, blocking }) =>
    JSON.stringify(blocking ? [kind, table, constraint] : [kind]),
  );
  return [...sorts.values()].flatMap((alike) => {
    const lines = alike
      .slice(0, toldOfEach)
      .map((one) => `${one.blocking ? 'CONFLICT' : 'note'}: ${printable(one.detail)}`);
    const more = alike.slice(toldOfEach);
    const tables = [...new Set(more.map(({ table }) => printable(table)))].join(', ');
    return more.length > 0 ? [...lines, `  … and ${more.length} more like it in ${tables}`] : lines;
  });
}

/** Everything that stands against the plan or wants a person's eye. */
function findings(plan: Plan): string[] {
  const lines = [
    ...conflictLines(plan.conflicts),
    ...plan.drift.map((one) => `${one.blocking ? 'CONFLICT' : 'drift'}: ${printable(one.detail)}`),
    ...plan.revivals.map(revivalText),
  ];
  return lines.length === 0 ? [] : ['', ...lines];
}

/** Rows that were done with or taken away, and what becomes of them. */
export function revivalText({
  review,
  rows,
  table,
  decision,
}: Pick<Plan['revivals'][number], 'review' | 'rows' | 'table' | 'decision'>): string {
  return `would come back to life (${review}): ${rows} rows of ${printable(table)} → ${decision}`;
}
