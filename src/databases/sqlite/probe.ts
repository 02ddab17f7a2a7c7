import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Outcome } from '../../engine/port.ts';
import { encodedRow } from './encoding.ts';
import { quote } from './identifiers.ts';
import { changedRows } from './digest.ts';
import type { SavedChange } from './save.ts';
import { keyFromText, toSaved } from './save.ts';
import type { Workspace } from './workspace.ts';

/**
 * Did the change recorded at `path` happen? Row by row: any planned row in its new state proves the commit, any
 * in its old state proves that there was none; both at once is for a person to decide.
 */
export function probe(work: Workspace, path: string): Outcome {
  let fresh = 0;
  let old = 0;
  const read = new Map<string, (key: (string | null)[]) => string | null>();
  for (const change of readSaved(path)) {
    if (change.before === change.after) continue;
    const look = read.get(change.table) ?? reader(work, change.table);
    if (!look) continue;
    read.set(change.table, look);
    const now = look(change.key);
    if (now === change.after) fresh++;
    else if (now === change.before) old++;
  }
  if (fresh > 0 && old > 0) return 'contradictory';
  return fresh > 0 ? 'committed' : 'not-committed';
}

function* readSaved(path: string): Generator<SavedChange> {
  for (const line of readFileSync(path, 'utf8').split('\n')) if (line !== '') yield JSON.parse(line) as SavedChange;
}

/**
 * What an undo would touch beyond the recorded change: rows the change did not write, or that hold something else
 * than it left. Call after compare, with the safety copy staged. The tenant's own row may differ: its status moves.
 */
export function changedSince(work: Workspace, path: string): { table: string; key: string }[] {
  const left = new Map<string, number>();
  const nameOf = (change: SavedChange, content: string | null): string =>
    JSON.stringify([change.table, change.key.length > 0 ? change.key : null, content]);
  for (const change of readSaved(path)) {
    const name = nameOf(change, change.key.length > 0 ? change.after : (change.before ?? change.after));
    left.set(name, (left.get(name) ?? 0) + 1);
  }
  const moved: { table: string; key: string }[] = [];
  for (const table of work.tables) {
    if (table.slice.membership.via === 'identity') continue;
    for (const change of changedRows(work, table)) {
      const saved = toSaved(table.slice.name, change);
      const name = nameOf(saved, saved.key.length > 0 ? saved.before : (saved.after ?? saved.before));
      const known = left.get(name) ?? 0;
      if (known > 0) left.set(name, known - 1);
      else moved.push({ table: saved.table, key: JSON.stringify(saved.key.map((part) => part?.slice(1) ?? null)) });
    }
  }
  return moved;
}

/** Reads the present hash of a row by its key; null when there is no such row. */
function reader(work: Workspace, name: string): ((key: (string | null)[]) => string | null) | undefined {
  const table = work.byName.get(name);
  if (!table || table.slice.key.length === 0) return undefined;
  const row = encodedRow(
    table.columns.map((column) => `t.${quote(column)}`),
    work.encoding,
  );
  const where = table.slice.key.map((column) => `t.${quote(column)} = ?`).join(' AND ');
  const statement = work.connection
    .prepare(`SELECT ${row} FROM main.${quote(name)} t WHERE ${where}`)
    .pluck();
  return (key) => {
    const found = statement.get(...key.map(keyFromText)) as Buffer | string | undefined;
    return found === undefined ? null : hash('sha256', found, 'base64');
  };
}
