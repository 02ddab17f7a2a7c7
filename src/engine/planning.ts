import type { Config } from '../config/schema.ts';
import { TenantDrError } from '../errors.ts';
import { findDrift } from './drift.ts';
import type { Ground } from './ground.ts';
import type {
  Conflict,
  Drift,
  InboundReference,
  RestoreMode,
  Revival,
  SharedNeed,
  TableEffects,
} from './plan.ts';
import type { OnProgress, SliceDigest, Staged } from './port.ts';
import type { Schema } from './schema.ts';
import { findTable } from './schema.ts';
import type { ShapeOptions } from './shape.ts';
import { buildShape } from './shape.ts';
import type { SliceShape, SliceTable, TableMode } from './slice.ts';
import type { FoundTenant } from './tenants.ts';
import { wayAround } from './way-around.ts';

export interface PlanRequest extends ShapeOptions {
  tenant: FoundTenant;
  staged: Staged;
  /** Every staged row is the tenant's (tenant archive, safety copy). */
  whole: boolean;
  mode: RestoreMode;
  /** Bring back shared rows the slice needs. */
  withShared?: boolean | undefined;
  /** A plan to be shown gives the backup's digest too; applying one does not need it. */
  digestStaged?: boolean | undefined;
}

export interface Plan {
  tenant: FoundTenant;
  mode: RestoreMode;
  /** Digests of the slice: now, in the backup (where asked for), and after the change. */
  live: SliceDigest;
  staged: SliceDigest | null;
  planned: SliceDigest;
  tables: TableEffects[];
  conflicts: Conflict[];
  drift: Drift[];
  sharedNeeded: SharedNeed[];
  inbound: InboundReference[];
  revivals: Revival[];
  /** What it was made from: execute makes it again when anything moved meanwhile. */
  request: PlanRequest;
}

/** Computes exact row effects; writes nothing. The session keeps them for `execute`. */
export async function makePlan(ground: Ground, request: PlanRequest, onProgress?: OnProgress): Promise<Plan> {
  const { session } = ground;
  try {
    await session.beginRead();
    return await planInside(ground, request, onProgress);
  } finally {
    await session.endRead();
  }
}

/** The same inside a reading or a transaction that is already open. */
export async function planInside(
  ground: Ground,
  request: PlanRequest,
  onProgress?: OnProgress,
): Promise<Plan> {
  const { session, config, schema, ownership } = ground;
  const shape = asFarAsKnown(buildShape(schema, ownership, config, request), request.staged.schema);
  const drift = request.whole ? [] : findDrift(schema, request.staged.schema, shape);
  const collected = await session.collect({
    shape,
    tenant: request.tenant.id,
    staged: request.whole ? 'whole' : 'slice',
    status: request.verbatim ? null : suspendedStatus(config, schema),
  });
  const live = await session.digest('live', onProgress);
  const staged = request.digestStaged ? await session.digest('staged', onProgress) : null;
  const comparison = await session.compare(onProgress);
  const planned = await session.digest('planned', onProgress);
  const helped = request.withShared === true;
  const plan: Plan = {
    tenant: request.tenant,
    mode: request.mode,
    live,
    staged,
    planned,
    tables: comparison.tables,
    conflicts: [
      ...comparison.conflicts.filter(
        (conflict) => !(helped && isSharedNeed(conflict, comparison.sharedNeeded)),
      ),
      ...collected.disagreements,
    ],
    drift,
    sharedNeeded: comparison.sharedNeeded,
    inbound: comparison.inbound,
    revivals: comparison.revivals,
    request,
  };
  ground.latest = plan;
  return plan;
}

/**
 * Rows the backup does not know of are not rows that were deleted: a table it does not have keeps its rows, and one it
 * has only parts of, or whose rows belong through such a table, loses none.
 */
function asFarAsKnown(shape: SliceShape, staged: Schema): SliceShape {
  const known = new Map(staged.tables.map((table) => [table.name, table]));
  const partial = new Set<string>();
  const modeOf = ({ name, membership, mode }: SliceTable): TableMode => {
    const table = known.get(name);
    if (!table) return 'keep';
    const through = membership.via === 'links' ? membership.links : [];
    if (table.incomplete?.length || through.some(({ parent }) => partial.has(parent))) partial.add(name);
    return partial.has(name) && mode === 'exact' ? 'keep-new' : mode;
  };
  return { ...shape, tables: shape.tables.map((table) => ({ ...table, mode: modeOf(table) })) };
}

/** How a tenant whose row is gone comes back: suspended. Without a configured status only a textual one is set. */
function suspendedStatus(
  config: Config,
  schema: Schema,
): { column: string; suspended: string | number | boolean | null } | null {
  const { status, table } = config.tenants;
  if (status) return { column: status.column, suspended: status.suspended };
  const column = findTable(schema, table)?.columns.find((known) => known.name === 'status');
  if (!column || !/^$|char|text|clob/i.test(column.type)) return null;
  return { column: column.name, suspended: 'suspended' };
}

function isSharedNeed(conflict: Conflict, needs: SharedNeed[]): boolean {
  return (
    conflict.kind === 'reference-missing' &&
    needs.some((need) => need.table === conflict.other?.table && need.key === conflict.other?.key)
  );
}

export function countEffects(plan: Pick<Plan, 'tables'>): { insert: number; update: number; delete: number } {
  const sum = (kind: 'insert' | 'update' | 'delete'): number =>
    plan.tables.reduce((total, table) => total + table[kind], 0);
  return { insert: sum('insert'), update: sum('update'), delete: sum('delete') };
}

/** What differs from the backup and stays so, in a sentence; null when nothing does. Rules and choices leave rows alone. */
export function leftAsIs({
  mode,
  tables,
}: {
  mode?: RestoreMode;
  tables: { name: string; kept?: number; mode?: TableMode }[];
}): string | null {
  const left = tables
    .map(({ kept = 0, ...table }) => ({ ...table, kept }))
    .filter(({ kept }) => kept > 0)
    .sort((a, b) => b.kept - a.kept);
  if (left.length === 0) return null;
  const named = left
    .slice(0, 5)
    .map(
      (table) =>
        `${table.name} ${table.kept}${table.mode === undefined || table.mode === mode ? '' : ` (${table.mode})`}`,
    );
  const more = left.length > named.length ? [`${left.length - named.length} more tables`] : [];
  const rows = left.reduce((sum, { kept }) => sum + kept, 0);
  return `Rows that differ from the backup and stay as they are: ${rows} (${[...named, ...more].join(', ')}).`;
}

/** Throws backup-without-tenant. Of a `whole` backup every row is the tenant's. */
export function requireInBackup({ slug, inBackup }: FoundTenant, whole: boolean | undefined): void {
  if (inBackup || whole) return;
  throw new TenantDrError(
    'backup-without-tenant',
    `The backup does not hold tenant ${slug}. Nothing was changed.`,
    { hint: 'Choose a backup from when the tenant existed: `tenant-dr backups --tenant <tenant>`.' },
  );
}

/** Refuses a plan that must not be applied. Throws backup-without-tenant, conflict. */
export function requireApplicable(plan: Plan): void {
  requireInBackup(plan.tenant, plan.request.whole);
  const drift = plan.drift.find((entry) => entry.blocking);
  if (drift) {
    throw new TenantDrError('conflict', `${drift.detail} Nothing was changed.`, {
      table: drift.table,
      hint: 'Leave the table out with --tables, or choose a backup from after that change.',
      facts: { drift: plan.drift },
    });
  }
  const blocking = plan.conflicts.filter((conflict) => conflict.blocking);
  const first = blocking[0];
  if (!first) return;
  const more = blocking.length > 1 ? ` (and ${blocking.length - 1} more)` : '';
  // An undo puts back everything, and takes none of the options that are named next.
  const where = plan.request.verbatim
    ? `Instead of undo, \`plan\` and \`restore ${plan.tenant.slug} --from safety:<incident>\` show them all and can put back less.`
    : 'See them all with `tenant-dr plan`.';
  const code = first.kind === 'trigger-cannot-run' ? 'trigger-refused' : 'conflict';
  throw new TenantDrError(code, `${first.detail}${more} Nothing was changed.`, {
    table: first.table,
    key: first.key,
    hint: `${where} ${wayAround(blocking, plan)}`,
    facts: { conflicts: blocking },
  });
}

/** Both plans change the same rows into the same. What else was written to their tables does not matter. */
export function sameEffects(plan: Plan, other: Plan): boolean {
  return plan.tables.every(({ name }) => sameChange(name, plan, other));
}

function sameChange(table: string, plan: Plan, other: Plan): boolean {
  return plan.planned.tables[table]?.change === other.planned.tables[table]?.change;
}

/** Refuses when the plan made now would not do exactly what was confirmed, and says what changed. */
export function requireWithin(plan: Plan, confirmed: Plan): void {
  const effects = (table: TableEffects): number => table.insert + table.update + table.delete;
  // A table that needs nothing any more surprises nobody.
  const tables = plan.tables.filter(
    (table) => effects(table) > 0 && !sameChange(table.name, plan, confirmed),
  );
  if (tables.length > 0) throw staleError(plan.tenant.slug, confirmed.tables, tables);
  requireApplicable(plan);
}

export function staleError(
  slug: string,
  shown: Pick<TableEffects, 'name' | 'insert' | 'update' | 'delete'>[],
  now: TableEffects[],
): TenantDrError {
  const changes = now.map((table) => {
    const before = shown.find((known) => known.name === table.name) ?? { insert: 0, update: 0, delete: 0 };
    return { table: table.name, shown: pick(before), now: pick(table) };
  });
  const text = changes
    .map(({ table, shown: a, now: b }) => {
      const [before, after] = [a, b].map((one) => `+${one.insert} ~${one.update} -${one.delete}`);
      return `${table}: ${before === after ? `${after} as before, but its rows are not` : `${before} became ${after}`}`;
    })
    .join('; ');
  return new TenantDrError(
    'plan-stale',
    text === ''
      ? `The rows of tenant ${slug}, or the tables they are in, are no longer what the plan was made from, though it would change as many rows. Nothing was changed.`
      : `Rows of tenant ${slug} changed since the plan was made (${text}). Nothing was changed.`,
    {
      hint: 'Look at the new plan and confirm again. If its rows keep changing, suspend the tenant first.',
      table: changes[0]?.table ?? '',
      facts: { changes },
    },
  );
}

function pick({ insert, update, delete: deleted }: { insert: number; update: number; delete: number }): {
  insert: number;
  update: number;
  delete: number;
} {
  return { insert, update, delete: deleted };
}
