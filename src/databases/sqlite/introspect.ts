import { createHash } from 'node:crypto';
import type {
  Column,
  ForeignKey,
  Schema,
  Table,
  TableKind,
  Trigger,
  UniqueIndex,
} from '../../engine/schema.ts';
import type { Connection } from './connect.ts';
import { quote } from './identifiers.ts';
import { storedDefault, storedText } from './stored-text.ts';

/** A unique index with what SQLite needs to compare by it. */
export interface SqliteUnique extends UniqueIndex {
  /** Collation per column. */
  collations: string[];
  /** Text of the expressions and of the WHERE clause, for indexes that have them. */
  expressions: string[];
  where: string | null;
}

export interface SqliteTable extends Table {
  uniques: SqliteUnique[];
  withoutRowid: boolean;
  strict: boolean;
  /** Name under which the rowid is reachable; null when the table has none. */
  rowid: string | null;
  /** Column that is an alias of the rowid (INTEGER PRIMARY KEY). */
  rowidColumn: string | null;
  /** Default expression per column that has one. */
  defaults: Record<string, string>;
}

export interface SqliteSchema extends Schema {
  tables: SqliteTable[];
  encoding: string;
}

interface ListedTable {
  name: string;
  type: string;
  wr: bigint;
  strict: bigint;
}

/** Reads the structure of one attached database (`main`, `staged`, …). Changes nothing. */
export function introspect(connection: Connection, database: string): SqliteSchema {
  const listed = (
    connection.pragma(`${quote(database)}.table_list`) as (ListedTable & { schema: string })[]
  ).filter(
    (table) =>
      table.schema === database && table.type !== 'view' && !table.name.toLowerCase().startsWith('sqlite_'),
  );
  const names = listed.map((table) => table.name);
  const definitions = readDefinitions(connection, database);
  const tables = listed
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((table) => readTable(connection, database, table, definitions));
  for (const table of tables) table.foreignKeys = resolveReferences(table.foreignKeys, tables, names);
  const encoding = connection.pragma(`${quote(database)}.encoding`, { simple: true }) as string;
  return { tables, encoding, fingerprint: fingerprintOf(tables), foldsCase: true };
}

type Definitions = { type: string; name: string; tbl_name: string; sql: string | null }[];

function readDefinitions(connection: Connection, database: string): Definitions {
  return connection
    .prepare(`SELECT type, name, tbl_name, sql FROM ${quote(database)}.sqlite_schema`)
    .all() as Definitions;
}

function readTable(
  connection: Connection,
  database: string,
  listed: ListedTable,
  definitions: Definitions,
): SqliteTable {
  const pragma = (name: string, argument: string): Record<string, unknown>[] =>
    connection.pragma(`${quote(database)}.${name}(${quote(argument)})`) as Record<string, unknown>[];
  const info = pragma('table_xinfo', listed.name);
  const columns: Column[] = info
    .filter((row) => Number(row.hidden) !== 1)
    .map((row) => ({
      name: String(row.name),
      type: String(row.type),
      notNull: Number(row.notnull) === 1,
      hasDefault: row.dflt_value !== null,
      generated: Number(row.hidden) >= 2,
    }));
  const primaryKey = info
    .filter((row) => Number(row.pk) > 0)
    .sort((a, b) => Number(a.pk) - Number(b.pk))
    .map((row) => String(row.name));
  const withoutRowid = Number(listed.wr) === 1;
  const indexes = pragma('index_list', listed.name);
  const sql = definitions.find((row) => row.type === 'table' && row.name === listed.name)?.sql ?? undefined;
  const rowidColumn = withoutRowid ? null : rowidAlias(columns, primaryKey, indexes);
  const taken = new Set(columns.map((column) => column.name.toLowerCase()));
  return {
    name: listed.name,
    kind: kindOf(listed.type),
    columns,
    primaryKey,
    uniques: indexes
      .filter((row) => Number(row.unique) === 1)
      .map((row) =>
        readUnique(
          row,
          pragma('index_xinfo', String(row.name)),
          definitions,
          columns.map(({ name }) => name),
        ),
      ),
    foreignKeys: groupForeignKeys(pragma('foreign_key_list', listed.name)),
    triggers: triggersOf(definitions, listed.name),
    withoutRowid,
    strict: Number(listed.strict) === 1,
    rowid: withoutRowid
      ? null
      : (rowidColumn ?? ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name)) ?? null),
    rowidColumn,
    defaults: Object.fromEntries(
      info
        .filter((row) => row.dflt_value !== null)
        .map((row) => [String(row.name), storedDefault(String(row.dflt_value))]),
    ),
    ...(sql === undefined ? {} : { sql }),
    ...(listed.type === 'virtual' && sql ? virtualFacts(sql) : {}),
  };
}

function kindOf(type: string): TableKind {
  if (type === 'virtual') return 'virtual';
  return type === 'shadow' ? 'shadow' : 'table';
}

/** INTEGER PRIMARY KEY is the rowid, unless it was declared DESC, which shows by an index of its own. */
function rowidAlias(
  columns: Column[],
  primaryKey: string[],
  indexes: Record<string, unknown>[],
): string | null {
  if (primaryKey.length !== 1 || indexes.some((row) => row.origin === 'pk')) return null;
  const column = columns.find((known) => known.name === primaryKey[0]);
  return column?.type.toUpperCase() === 'INTEGER' ? column.name : null;
}

function readUnique(
  index: Record<string, unknown>,
  info: Record<string, unknown>[],
  definitions: Definitions,
  columns: string[],
): SqliteUnique {
  const keys = info.filter((row) => Number(row.key) === 1);
  const partial = Number(index.partial) === 1;
  const sql = definitions.find((row) => row.type === 'index' && row.name === index.name)?.sql ?? '';
  const { expressions, where } = sql ? indexParts(sql) : { expressions: [], where: null };
  return {
    name: String(index.name),
    columns: keys.map((row) => (Number(row.cid) === -2 ? null : String(row.name))),
    partial,
    primary: index.origin === 'pk',
    collations: keys.map((row) => String(row.coll ?? 'BINARY')),
    expressions: expressions.map((expression) => storedText(expression, columns)),
    where: partial && where !== null ? storedText(where, columns) : null,
  };
}

/**
 * Splits CREATE UNIQUE INDEX … ON t (a, lower(b)) WHERE c into its terms and condition. The database does not
 * report expressions, so the stored definition is read: quotes and brackets are respected, nothing is interpreted.
 */
export function indexParts(sql: string): { expressions: string[]; where: string | null } {
  const start = topLevel(sql, 0, (at) => sql[at] === '(');
  if (start < 0) return { expressions: [], where: null };
  const terms: string[] = [];
  let from = start + 1;
  let end = from;
  for (;;) {
    end = topLevel(sql, from, (at) => sql[at] === ',' || sql[at] === ')');
    if (end < 0) return { expressions: [], where: null };
    terms.push(
      sql
        .slice(from, end)
        .replace(/\s+(ASC|DESC)\s*$/i, '')
        .trim(),
    );
    if (sql[end] === ')') break;
    from = end + 1;
  }
  const rest = /^\s*WHERE\b([\s\S]*)$/i.exec(sql.slice(end + 1));
  return { expressions: terms, where: rest?.[1]?.trim() ?? null };
}

/** First position from `at` where `found` holds outside quotes, comments and nested brackets; -1 if none. */
function topLevel(sql: string, at: number, found: (at: number) => boolean): number {
  let depth = 0;
  for (let i = at; i < sql.length; i++) {
    const character = sql[i] as string;
    if (sql.startsWith('--', i)) i = endOf(sql, '\n', i);
    else if (sql.startsWith('/*', i)) i = endOf(sql, '*/', i) + 1;
    else if (`'"\``.includes(character)) i = endOf(sql, character, i + 1);
    else if (character === '[') i = endOf(sql, ']', i + 1);
    else if (depth === 0 && found(i)) return i;
    else if (character === '(') depth++;
    else if (character === ')') depth--;
  }
  return -1;
}

function endOf(sql: string, mark: string, from: number): number {
  const at = sql.indexOf(mark, from);
  return at < 0 ? sql.length : at;
}

function groupForeignKeys(rows: Record<string, unknown>[]): ForeignKey[] {
  const keys = new Map<number, ForeignKey>();
  for (const row of [...rows].sort((a, b) => Number(a.id) - Number(b.id) || Number(a.seq) - Number(b.seq))) {
    const id = Number(row.id);
    const key = keys.get(id) ?? {
      columns: [],
      table: String(row.table),
      parentColumns: [],
      onDelete: String(row.on_delete),
      onUpdate: String(row.on_update),
    };
    key.columns.push(String(row.from));
    if (row.to !== null) key.parentColumns.push(String(row.to));
    keys.set(id, key);
  }
  return [...keys.values()];
}

/** Names in a REFERENCES clause are case-insensitive and may leave out the columns; a missing parent is dropped. */
function resolveReferences(keys: ForeignKey[], tables: SqliteTable[], names: string[]): ForeignKey[] {
  return keys.flatMap((key) => {
    const name = names.find((known) => known.toLowerCase() === key.table.toLowerCase());
    const parent = tables.find((table) => table.name === name);
    if (!parent) return [];
    const wanted = key.parentColumns.length > 0 ? key.parentColumns : parent.primaryKey;
    const parentColumns = wanted.map(
      (column) =>
        parent.columns.find((known) => known.name.toLowerCase() === column.toLowerCase())?.name ?? column,
    );
    return parentColumns.length === key.columns.length ? [{ ...key, table: parent.name, parentColumns }] : [];
  });
}

function triggersOf(definitions: Definitions, table: string): Trigger[] {
  return definitions
    .filter((row) => row.type === 'trigger' && row.tbl_name.toLowerCase() === table.toLowerCase())
    .map((row) => ({ name: row.name, sql: row.sql ?? '' }));
}

function virtualFacts(sql: string): { module?: string; contentOf?: string } {
  const module = /\bUSING\s+["'`[]?(\w+)/i.exec(sql)?.[1];
  const content = /\bcontent\s*=\s*(?:'([^']*)'|"([^"]*)"|([^\s,)]+))/i.exec(sql);
  const contentOf = content?.[1] ?? content?.[2] ?? content?.[3];
  return { ...(module ? { module: module.toLowerCase() } : {}), ...(contentOf ? { contentOf } : {}) };
}

function fingerprintOf(tables: SqliteTable[]): string {
  const facts = tables.map((table) => [
    table.name,
    table.kind,
    table.columns.map((column) => [column.name, column.type, column.notNull, column.generated]),
    table.primaryKey,
    table.foreignKeys,
    table.uniques.map((unique) => [unique.columns, unique.partial, unique.expressions, unique.where]),
  ]);
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}
