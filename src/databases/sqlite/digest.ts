import { hash } from 'node:crypto';
import { MultisetHash, sliceDigest, sortedColumns } from '../../engine/digest.ts';
import type { SliceDigest } from '../../engine/port.ts';
import { storedColumns } from '../../engine/schema.ts';
import { encodeRows, everywhere, type Stretch } from './encode-rows.ts';
import { encodedRow } from './encoding.ts';
import { quote } from './identifiers.ts';
import type { SqliteTable } from './introspect.ts';
import { fromSource, newValue } from './source.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { located, locator, locatorColumns } from './workspace.ts';

/** Row encodings are documented in `encoding.ts`, the sum in `engine/digest.ts`. */
export type TableHashes = Map<string, MultisetHash>;

function encodingOf(work: Workspace, columns: string[], alias: string): string {
  return encodedRow(inOrder(columns, alias), work.encoding);
}

function inOrder(columns: string[], alias: string): string[] {
  return sortedColumns(columns).map((column) => `${alias}.${quote(column)}`);
}

/** Hashes of the live slice as it was collected, adopted orphans included: they are what a safety copy must hold. */
export function hashLive(work: Workspace): TableHashes {
  const hashes: TableHashes = new Map();
  for (const table of work.tables) {
    const sum = new MultisetHash();
    for (const row of liveRowEncodings(work, table)) sum.addRow(row);
    hashes.set(table.slice.name, sum);
  }
  return hashes;
}

/** Rows found by their rowid, which the holder `r` has as its own key. */
function inBatches(table: SqliteTable, letter: 'l' | 's'): { stretch?: Stretch } {
  if (table.withoutRowid) return {};
  return { stretch: { key: `r.${locatorColumns(table, letter)[0]}`, ...everywhere } };
}

/** Encoding of every live row of one table of the slice. */
export function* liveRowEncodings(work: Workspace, table: TableWork): Generator<Buffer | string> {
  const rows = encodeRows(work.connection, work.encoding, {
    values: inOrder(table.columns, 't'),
    from:
      `temp.${table.names.liveRows} r CROSS JOIN main.${quote(table.slice.name)} t ` +
      `ON ${located(table.live, 't', 'r', 'l')}`,
    ...inBatches(table.live, 'l'),
    locator: locator(table.live, 't'),
  });
  for (const row of rows) yield row.encoded;
}

/** Digest of the staged slice, over the columns the backup has. */
export function digestStaged(work: Workspace): SliceDigest {
  const tables: SliceDigest['tables'] = {};
  for (const table of work.tables) {
    if (!table.staged) continue;
    const columns = storedColumns(table.staged).map((column) => column.name);
    const sum = new MultisetHash();
    const rows = encodeRows(work.connection, work.encoding, {
      values: inOrder(columns, 't'),
      from:
        `temp.${table.names.stagedRows} r CROSS JOIN staged.${quote(table.slice.name)} t ` +
        `ON ${located(table.staged, 't', 'r', 's')}`,
      ...inBatches(table.staged, 's'),
      locator: locator(table.staged, 't'),
    });
    for (const row of rows) sum.addRow(row.encoded);
    tables[table.slice.name] = sum.finish(table.slice.name, columns);
  }
  return sliceDigest(tables);
}

/** The live slice's hashes with the compared effects applied: arithmetic, so that only changed rows are read. */
export function hashPlanned(work: Workspace, live: TableHashes): TableHashes {
  const planned: TableHashes = new Map();
  for (const table of work.tables) {
    const sum = (live.get(table.slice.name) as MultisetHash).copy();
    for (const change of changedRows(work, table)) {
      if (change.before) sum.subtract(change.before);
      if (change.after) sum.add(change.after);
    }
    planned.set(table.slice.name, sum);
  }
  return planned;
}

export interface RowChange {
  op: string;
  /** Values of the key columns, or of nothing for a table without a key. */
  key: unknown[];
  /** The same after the change: a key may be equal under its collation and yet be written differently. */
  newKey: unknown[];
  before: Buffer | null;
  after: Buffer | null;
}

/** Old and new hash of every row the effects of a table change. */
export function* changedRows(work: Workspace, table: TableWork): Generator<RowChange> {
  const digest = (row: Buffer | string | null): Buffer | null =>
    row === null ? null : hash('sha256', row, 'buffer');
  const before = encodingOf(work, table.columns, 'l');
  const after = (inserting: boolean): string =>
    encodedRow(
      table.columns.map((column) => newValue(table, column, inserting)),
      work.encoding,
    );
  const key = (alias: string): string => table.key.map((column) => `, ${alias}.${quote(column)}`).join('');
  const live = `CROSS JOIN main.${quote(table.slice.name)} l ON ${located(table.live, 'l', 'e', 'l')}`;
  const effects = `temp.${table.names.effects} e`;
  const queries = [`SELECT e.op, ${before}, NULL${key('l')} FROM ${effects} ${live} WHERE e.op = 'd'`];
  if (table.staged) {
    const source = `CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')}`;
    queries.push(
      `SELECT e.op, ${before}, ${after(false)}${key('l')}${key('s')} FROM ${effects} ${live} ${source} WHERE e.op IN ('u', 'r')`,
      `SELECT e.op, NULL, ${after(true)}${key('s')} FROM ${effects} ${source} WHERE e.op = 'i'`,
    );
  }
  for (const query of queries) {
    for (const row of work.connection.prepare(query).raw().iterate() as Iterable<unknown[]>) {
      const [op, old, fresh, ...values] = row as [
        string,
        Buffer | string | null,
        Buffer | string | null,
        ...unknown[],
      ];
      const width = table.key.length;
      const newKey = values.length > width ? values.slice(width) : values;
      yield { op, key: values.slice(0, width), newKey, before: digest(old), after: digest(fresh) };
    }
  }
}

/** @param from the hashes a change was computed from, where these are those after it */
export function finishDigest(work: Workspace, hashes: TableHashes, from?: TableHashes): SliceDigest {
  const tables: SliceDigest['tables'] = {};
  for (const table of work.tables) {
    tables[table.slice.name] = (hashes.get(table.slice.name) as MultisetHash).finish(
      table.slice.name,
      table.columns,
      from?.get(table.slice.name),
    );
  }
  return sliceDigest(tables);
}
