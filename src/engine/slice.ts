import type { Column } from './schema.ts';

/** A slice is all rows of one tenant. Its shape says, table by table, how rows belong and how they compare. */

/** One way a row belongs to the tenant: these columns hold the key of a parent row that does. */
export interface Link {
  columns: string[];
  parent: string;
  parentColumns: string[];
}

export type Membership =
  /** The tenants table itself: the one row whose id is the tenant's. */
  | { via: 'identity'; column: string }
  /** The tenant column. NULL belongs to nobody. */
  | { via: 'column'; column: string }
  /** Any of these links; links that disagree are reported. */
  | {
      via: 'links';
      links: Link[];
      /** Keys to the table itself, or back into one that inherits from it: followed until nothing new is found. */
      loops?: Link[];
    };

/** What may happen to a table's rows in this run. */
export type TableMode = 'exact' | 'keep-new' | 'missing' | 'keep';

export interface SliceTable {
  name: string;
  membership: Membership;
  /** Columns that identify a row (the primary key); empty: compared as a multiset. */
  key: string[];
  /** Stored columns of the live table. */
  columns: Column[];
  mode: TableMode;
  /** Columns that never change in existing rows (the tenant's status, which the runbook decides). */
  untouched: string[];
  /** Rows left out of the change, by their key text (unticked in the plan browser). */
  except: string[];
  /** Keys into other owned tables whose owner must agree; see Ownership. */
  crossLinks: Link[];
  /** Rows that must not simply come back to life (design section 4). */
  review: Review | null;
}

/** What to do with rows that would come back to life: unfinished queue rows, credentials removed since. */
export interface Review {
  kind: 'credentials' | 'queue' | 'billing';
  decision: 'restore' | 'skip' | 'set';
  /** Values for decision `set`. */
  set: Record<string, string | number | boolean | null>;
  /** Column that tells finished from unfinished rows; null: every row that returns counts. */
  statusColumn: string | null;
}

/** Parents before children: the order in which slices are collected and rows are inserted. */
export interface SliceShape {
  tables: SliceTable[];
  /** Every other table of the database: the guards refuse any write to them. */
  others: string[];
}

/** All keys through which a table's rows can belong. */
export function linksOf({ membership }: Pick<SliceTable, 'membership'>): Link[] {
  return membership.via === 'links' ? [...membership.links, ...(membership.loops ?? [])] : [];
}

/** Those of them that lead to the tenant without looping. */
export function plainLinksOf({ membership }: Pick<SliceTable, 'membership'>): Link[] {
  return membership.via === 'links' ? membership.links : [];
}

/** A table, and all that ways lead over from it along such keys. `byName`: whatever is kept for a table. */
export function tablesAbove<One extends { slice: SliceTable }>(
  from: One,
  byName: ReadonlyMap<string, One>,
  keysOf: typeof linksOf,
): Set<One> {
  const found = new Set([from]);
  // A set is walked while it grows.
  for (const one of found) for (const { parent } of keysOf(one.slice)) found.add(byName.get(parent) as One);
  return found;
}

/** Sets of columns each of which, where none is NULL, leads out of the table towards the tenant. */
export function waysOf({ membership }: Pick<SliceTable, 'membership'>): string[][] {
  return membership.via === 'links' ? membership.links.map(({ columns }) => columns) : [[membership.column]];
}

/**
 * Whether a row of the table can be cut loose: be left without a tenant by a key that was set to NULL (ON DELETE SET
 * NULL). Only a row with a key of its own can be known again, and what must not be NULL always leads to a tenant.
 */
export function canBeLoose({ membership, key, columns }: SliceTable): boolean {
  if (key.length === 0 || membership.via === 'identity') return false;
  const filled = new Set(columns.filter((column) => column.notNull).map((column) => column.name));
  return waysOf({ membership }).every((way) => !way.every((name) => filled.has(name)));
}

/** One expression that finds a row's tenant may look up this many rows on the way. Every key multiplies them. */
const lookupsAtMost = 16;

/** Whether finding a table's tenants along all ways at once would take too many lookups. Parents come first. */
export function hasManyWays(tables: SliceTable[]): (table: string) => boolean {
  const lookups = new Map<string, number>();
  for (const table of tables) lookups.set(table.name, lookupsFrom(table, lookups));
  return (table) => (lookups.get(table) ?? 0) > lookupsAtMost;
}

/**
 * Tables the owners of whose rows are best kept while all tables are asked whose rows they hold, so that no
 * expression takes too many lookups. Parents come first.
 */
export function waypoints(tables: SliceTable[]): Set<string> {
  const parents = new Set(tables.flatMap((table) => linksOf(table).map((link) => link.parent)));
  const lookups = new Map<string, number>();
  const kept = new Set<string>();
  for (const table of tables) {
    const own = lookupsFrom(table, lookups);
    if (own > lookupsAtMost && parents.has(table.name)) kept.add(table.name);
    lookups.set(table.name, kept.has(table.name) ? 1 : own);
  }
  return kept;
}

function lookupsFrom({ membership }: SliceTable, lookups: Map<string, number>): number {
  if (membership.via !== 'links') return 0;
  return membership.links.reduce((sum, { parent }) => sum + 1 + (lookups.get(parent) ?? 0), 0);
}
