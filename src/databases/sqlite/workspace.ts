import { sortedColumns } from '../../engine/digest.ts';
import type { SliceTable } from '../../engine/slice.ts';
import { linksOf } from '../../engine/slice.ts';
import { TenantDrError } from '../../errors.ts';
import type { Connection } from './connect.ts';
import { affinityOf, quote, temporary } from './identifiers.ts';
import type { SqliteSchema, SqliteTable } from './introspect.ts';

/**
 * One table of the slice while a tenant is being worked on: where its rows are, live and staged, and the names
 * of the temporary tables that hold what was found. A *locator* is what addresses one row: the rowid, or the
 * primary key of a WITHOUT ROWID table.
 */
export interface TableWork {
  index: number;
  slice: SliceTable;
  live: SqliteTable;
  staged: SqliteTable | null;
  /** Columns both sides store: what is compared. */
  common: string[];
  /** Stored columns of the live table, in digest order. */
  columns: string[];
  /** Key used for pairing rows; empty: multiset. Set by collect, which sees NULLs in keys. */
  key: string[];
  /** The relation staged rows are read from, aliased s, and its locator. Set by the source step. */
  source: { from: string; locator: string[] };
  names: {
    /** Locators of the slice's rows, live and staged. */
    liveRows: string;
    stagedRows: string;
    effects: string;
    /** Owner per row, for tables whose ownership loops; null until the census makes it. */
    owners: string | null;
    /** Full new rows of effects that are deleted and inserted again. */
    renewed: string;
    sourceCopy: string;
  };
}

export interface Workspace {
  connection: Connection;
  encoding: string;
  tables: TableWork[];
  byName: Map<string, TableWork>;
  /** By table, the sets of its columns that keys of others hold, by which their rows belong. */
  referred: Map<string, string[][]>;
  liveSchema: SqliteSchema;
  stagedSchema: SqliteSchema | null;
  others: string[];
  /** The tenants table and its id: what a tenant column is compared with. */
  root: { table: SqliteTable; column: string };
}

/** The id of the tenant being worked on, where triggers can read it too. */
export const tenantIdTable = temporary('tenant');
export const theTenant = `(SELECT id FROM temp.${tenantIdTable})`;

export function tableWork(
  slice: SliceTable,
  index: number,
  live: SqliteSchema,
  staged: SqliteSchema | null,
): TableWork {
  const now = live.tables.find((table) => table.name === slice.name);
  if (!now)
    throw new TenantDrError('table-unknown', `Table "${slice.name}" is gone.`, {
      table: slice.name,
      hint: 'Plan again.',
    });
  if (!now.withoutRowid && now.rowid === null) {
    throw new TenantDrError(
      'table-unknown',
      `Every name of the rowid of "${slice.name}" is taken by a column, so its rows can't be addressed.`,
      {
        table: slice.name,
        hint: 'Rename one of its columns rowid, oid or _rowid_.',
      },
    );
  }
  const then = staged?.tables.find((table) => table.name === slice.name && table.kind === 'table') ?? null;
  const stored = new Set(
    (then?.columns ?? []).filter((column) => !column.generated).map((column) => column.name),
  );
  return {
    index,
    slice,
    live: now,
    staged: then,
    common: slice.columns.map((column) => column.name).filter((name) => stored.has(name)),
    columns: sortedColumns(slice.columns.map((column) => column.name)),
    key: slice.key,
    source: { from: '', locator: [] },
    names: {
      liveRows: temporary(`live_${index}`),
      stagedRows: temporary(`staged_${index}`),
      effects: temporary(`effects_${index}`),
      owners: null,
      renewed: temporary(`renewed_${index}`),
      sourceCopy: temporary(`source_${index}`),
    },
  };
}

/** SQL: the change `effect` of a row gives this column another value. */
export function maskChanged(table: TableWork, effect: string, column: string): string {
  const position = table.common.indexOf(column) + 1;
  return position === 0 ? '0' : `substr(${effect}.mask, ${position}, 1) = '1'`;
}

export function referredColumns(slices: SliceTable[]): Workspace['referred'] {
  const referred: Workspace['referred'] = new Map();
  for (const { parent, parentColumns } of slices.flatMap(linksOf)) {
    const sets = referred.get(parent) ?? [];
    referred.set(parent, sets);
    if (!sets.some((known) => known.join('\n') === parentColumns.join('\n'))) sets.push(parentColumns);
  }
  return referred;
}

/** Names of what a locator of a real table consists of. */
export function locatorNames(table: SqliteTable): string[] {
  return table.withoutRowid ? table.primaryKey : [table.rowid as string];
}

/** Locator expressions of a real table under an alias. */
export function locator(table: SqliteTable, alias: string): string[] {
  return locatorNames(table).map((name) => `${alias}.${quote(name)}`);
}

/** Names of the columns that hold a locator in a temporary table: l0, l1, … or s0, s1, …. */
export function locatorColumns(table: SqliteTable, letter: 'l' | 's'): string[] {
  const width = table.withoutRowid ? table.primaryKey.length : 1;
  return Array.from({ length: width }, (_, i) => `${letter}${i}`);
}

/**
 * The same columns with the affinity and collation of what they hold. Without them SQLite could not use an index on
 * them to find a row by its rowid or key, and every lookup would read the whole table.
 */
export function locatorDefinitions(table: SqliteTable, letter: 'l' | 's', prefix = ''): string[] {
  const names = locatorColumns(table, letter).map((name) => `${prefix}${name}`);
  if (!table.withoutRowid) return names.map((name) => `${name} INTEGER`);
  const collations = keyCollations(table, table.primaryKey);
  return names.map(
    (name, i) =>
      `${name} ${affinityIn(table, table.primaryKey[i] as string)} COLLATE ${quote(collations[i] as string)}`,
  );
}

/** "a = b AND …": `left` decides collation and affinity, so the real table's columns stand there. */
export function equal(left: string[], right: string[]): string {
  return left.map((expression, i) => `${expression} = ${right[i]}`).join(' AND ');
}

/** Join of a real table to a temporary table that holds its locators. */
export function located(table: SqliteTable, alias: string, holder: string, letter: 'l' | 's'): string {
  return equal(
    locator(table, alias),
    locatorColumns(table, letter).map((column) => `${holder}.${column}`),
  );
}

export function affinityIn(table: SqliteTable, column: string): ReturnType<typeof affinityOf> {
  return affinityOf(table.columns.find((known) => known.name === column)?.type ?? '');
}

/** Collation by which a key of the table is unique, per column: the one foreign keys into it compare by. */
export function keyCollations(table: SqliteTable, columns: string[]): string[] {
  const unique = table.uniques.find(
    (index) =>
      index.columns.length === columns.length && columns.every((column) => index.columns.includes(column)),
  );
  return columns.map((column) => unique?.collations[unique.columns.indexOf(column)] ?? 'BINARY');
}

/** Definition of a temporary table of locators, unique by locator; `more` adds columns. */
export function locatorTable(table: SqliteTable, letter: 'l' | 's', more: string): string {
  const columns = locatorColumns(table, letter);
  const extra = more ? `, ${more}` : '';
  if (!table.withoutRowid) return `(${columns[0]} INTEGER PRIMARY KEY${extra})`;
  return `(${locatorDefinitions(table, letter).join(', ')}${extra}, PRIMARY KEY (${columns.join(', ')})) WITHOUT ROWID`;
}
