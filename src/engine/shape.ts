import type { ConfigFile, TableRule } from '../config/schema.ts';
import { TenantDrError } from '../errors.ts';
import { own } from './own.ts';
import type { Ownership, TableOwnership } from './ownership.ts';
import type { RestoreMode } from './plan.ts';
import type { Schema, Table } from './schema.ts';
import { findTable, storedColumns } from './schema.ts';
import type { Review, SliceShape, SliceTable, TableMode } from './slice.ts';
import { asSpelled } from './spelling.ts';

export interface ShapeOptions {
  mode: RestoreMode;
  /** Only these tables change; others keep their rows. */
  tables?: string[] | undefined;
  /** Rows left out, table → key texts. */
  except?: Record<string, string[]> | undefined;
  /** Answers to the review questions, table or group (queue, credentials, billing) → decision. */
  review?: Record<string, Review['decision']> | undefined;
  /** Undo puts back everything: per-table rules and reviews do not apply, the status neither. */
  verbatim?: boolean | undefined;
}

type ShapeConfig = Pick<ConfigFile, 'tenants' | 'ownership'>;

/**
 * The shape of one tenant's slice in this database: which tables, how rows belong, what may happen to them.
 * Throws table-unknown for a name in `tables` that is not an owned table, or in `review` that is not reviewed.
 */
export function buildShape(
  schema: Schema,
  ownership: Ownership,
  given: ShapeConfig,
  options: ShapeOptions,
): SliceShape {
  const config = asSpelled(schema, given);
  const owned = new Map(
    ownership.tables.filter((table) => table.membership).map((table) => [table.name, table]),
  );
  for (const name of options.tables ?? []) requireOwned(name, ownership, owned);
  for (const name of Object.keys(options.review ?? {})) requireReviewed(name, config);
  const tables = ownership.order.map((name) =>
    sliceTable(findTable(schema, name) as Table, owned.get(name) as TableOwnership, config, options),
  );
  const others = schema.tables
    .filter((table) => table.kind === 'table' && !owned.has(table.name))
    .map((table) => table.name);
  return { tables, others };
}

function requireOwned(name: string, ownership: Ownership, owned: Map<string, TableOwnership>): void {
  if (owned.has(name)) return;
  const known = ownership.tables.find((table) => table.name === name);
  throw new TenantDrError(
    'table-unknown',
    known
      ? `Table "${name}" holds no tenant's rows: it is ${known.ownership}.`
      : `There is no table "${name}".`,
    { hint: `Owned tables: ${[...owned.keys()].join(', ')}.`, table: name },
  );
}

/** An answer is about one table that is reviewed, or about a whole group. */
function requireReviewed(name: string, config: ShapeConfig): void {
  const reviewed = Object.entries(config.ownership.tables).flatMap(([table, rule]) =>
    typeof rule === 'object' && rule.review ? [table, rule.review] : [],
  );
  if (reviewed.includes(name)) return;
  throw new TenantDrError('table-unknown', `Nothing called "${name}" is reviewed. Nothing was changed.`, {
    hint:
      reviewed.length > 0
        ? `Reviewed are: ${[...new Set(reviewed)].join(', ')}.`
        : 'No table of the config has `review: credentials | queue | billing`.',
    table: name,
  });
}

function sliceTable(
  table: Table,
  ownership: TableOwnership,
  config: ShapeConfig,
  options: ShapeOptions,
): SliceTable {
  const rule = options.verbatim ? {} : ruleOf(config, table.name);
  const identity = ownership.membership?.via === 'identity';
  const status = config.tenants.status?.column ?? 'status';
  return {
    name: table.name,
    membership: ownership.membership as NonNullable<TableOwnership['membership']>,
    key: table.primaryKey,
    columns: storedColumns(table),
    mode: tableMode(table.name, identity, rule, options),
    untouched:
      identity && !options.verbatim && table.columns.some((column) => column.name === status) ? [status] : [],
    except: own(options.except, table.name) ?? [],
    crossLinks: ownership.crossLinks,
    review: reviewOf(table, rule, options),
  };
}

function ruleOf(config: ShapeConfig, name: string): Exclude<TableRule, string> {
  const rule = own(config.ownership.tables, name);
  return rule === undefined || rule === 'shared' ? {} : rule;
}

function tableMode(
  name: string,
  identity: boolean,
  rule: { restore?: 'exact' | 'missing' | 'keep' | undefined },
  options: ShapeOptions,
): TableMode {
  const listed = options.tables === undefined || options.tables.includes(name);
  // The tenant's own row must exist before anything else can belong to it, whatever was ticked.
  if (!listed) return identity ? 'missing' : 'keep';
  if (rule.restore === 'keep') return 'keep';
  if (rule.restore === 'missing' || options.mode === 'missing') return 'missing';
  return options.mode;
}

function reviewOf(
  table: Table,
  rule: { review?: Review['kind'] | undefined; set?: Review['set'] | undefined },
  options: ShapeOptions,
): Review | null {
  if (!rule.review) return null;
  const set = rule.set ?? {};
  const declared = Object.keys(set).length > 0;
  const decision =
    own(options.review, table.name) ?? own(options.review, rule.review) ?? (declared ? 'set' : 'restore');
  if (decision === 'set' && !declared) {
    throw new TenantDrError(
      'usage',
      `Table "${table.name}" has no values to set: its config gives no \`set:\`.`,
      {
        hint: `Choose restore or skip, or add \`set: { status: cancelled }\` to ownership.tables.${table.name}.`,
        table: table.name,
      },
    );
  }
  const names = table.columns.map((column) => column.name);
  const statusColumn =
    Object.keys(set)[0] ?? ['status', 'state'].find((name) => names.includes(name)) ?? null;
  return { kind: rule.review, decision, set, statusColumn };
}
