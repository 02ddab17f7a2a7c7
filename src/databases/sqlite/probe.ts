import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sortedColumns } from '../../engine/digest.ts';
import type { Outcome } from '../../engine/port.ts';
import { storedColumns } from '../../engine/schema.ts';
import type { Connection } from './connect.ts';
import { encodedRow } from './encoding.ts';
import { quote } from './identifiers.ts';
import type { SqliteSchema, SqliteTable } from './introspect.ts';
import type { SavedChange } from './save.ts';
import { keyFromText, savedChanges } from './save.ts';
import type { Workspace } from './workspace.ts';

/**
 * Did the change recorded at `path` happen? Row by row: any planned row in its new state proves the commit, any
 * in its old state proves that there was none; both at once is for a person to decide.
 */
export function probe(connection: Connection, schema: SqliteSchema, path: string): Outcome {
  let fresh = 0;
  let old = 0;
  const readers = new Map<string, (change: SavedChange) => string | null>();
  for (const change of readSaved(path)) {
    const table = schema.tables.find((known) => known.name === change.table);
    if (!table || change.before === change.after) continue;
    const kind = `${change.table}\n${change.op === 'content'}`;
    const look = readers.get(kind) ?? reader(connection, schema, table, change.op === 'content');
    readers.set(kind, look);
    const now = look(change);
    if (now === change.after) fresh++;
    else if (now === change.before) old++;
  }
  if (fresh > 0 && old > 0) return 'contradictory';
  return fresh > 0 ? 'committed' : 'not-committed';
}

/**
 * What an undo would touch beyond the recorded change: rows the change did not write, or that hold something else
 * than it left. Call after compare, with the safety copy staged. Not the tenant's own row: its status moves, and undo looks at it by itself.
 */
export function changedSince(work: Workspace, path: string): { table: string; key: string }[] {
  const left = new Map<string, SavedChange>();
  const nameOf = (table: string, key: (string | null)[]): string => JSON.stringify([table, key]);
  for (const change of readSaved(path)) left.set(nameOf(change.table, change.newKey ?? change.key), change);
  const moved: { table: string; key: string }[] = [];
  for (const table of work.tables) {
    if (table.slice.membership.via === 'identity') continue;
    for (const change of savedChanges(work, table)) {
      const recorded = left.get(nameOf(change.table, change.key));
      if (recorded && recorded.after === change.before) continue;
      moved.push({
        table: change.table,
        key: JSON.stringify(change.key.map((part) => part?.slice(1) ?? null)),
      });
    }
  }
  return moved;
}

function* readSaved(path: string): Generator<SavedChange> {
  for (const line of readFileSync(path, 'utf8').split('\n'))
    if (line !== '') yield JSON.parse(line) as SavedChange;
}

/** Reads what a saved change says about its row now: its hash by key, or how many rows have its content. */
function reader(
  connection: Connection,
  schema: SqliteSchema,
  table: SqliteTable,
  byContent: boolean,
): (change: SavedChange) => string | null {
  const columns = sortedColumns(storedColumns(table).map((column) => column.name));
  const row = encodedRow(
    columns.map((column) => `t.${quote(column)}`),
    schema.encoding,
  );
  if (byContent) {
    const counts = new Map<string, number>();
    for (const encoded of connection
      .prepare(`SELECT ${row} FROM main.${quote(table.name)} t`)
      .pluck()
      .iterate()) {
      const content = hash('sha256', encoded as Buffer | string, 'base64');
      counts.set(content, (counts.get(content) ?? 0) + 1);
    }
    return ({ key }) => String(counts.get((key[0] as string).slice(1)) ?? 0);
  }
  const where = table.primaryKey.map((column) => `t.${quote(column)} = ?`).join(' AND ');
  const statement = connection
    .prepare(`SELECT ${row} FROM main.${quote(table.name)} t WHERE ${where}`)
    .pluck();
  return ({ key }) => {
    const found = statement.get(...key.map(keyFromText)) as Buffer | string | undefined;
    return found === undefined ? null : hash('sha256', found, 'base64');
  };
}
