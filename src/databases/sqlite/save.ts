import { createHash, hash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { MultisetHash } from '../../engine/digest.ts';
import { reasonOf, TenantDrError } from '../../errors.ts';
import { connect } from './connect.ts';
import type { TableHashes } from './digest.ts';
import { changedRows, liveRowEncodings } from './digest.ts';
import { encodeRows } from './encode-rows.ts';
import { fromSqlite } from './errors.ts';
import { createWriteStreamSync } from './files.ts';
import { quote } from './identifiers.ts';
import { storedText, withoutChecks, withoutGenerated } from './stored-text.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { located, locator } from './workspace.ts';

/**
 * Writes the live slice, adopted orphans included, to a SQLite file with the same tables: a tenant archive that
 * can be staged like any backup. Rows move inside SQLite. The file is read back and its digest compared before
 * this returns, so a way back exists before anything changes.
 * @param live hashes of the slice
 */
export function saveSlice(work: Workspace, path: string, live: TableHashes): { rows: number; bytes: number } {
  const temporaryPath = `${path}.partial`;
  rmSync(temporaryPath, { force: true });
  try {
    createEmpty(work, temporaryPath);
    const rows = copyRows(work, temporaryPath);
    readBack(work, temporaryPath, live);
    syncFile(temporaryPath);
    renameSync(temporaryPath, path);
    syncFile(dirname(path));
    return { rows, bytes: statSync(path).size };
  } catch (error) {
    rmSync(temporaryPath, { force: true });
    throw fromSqlite(error, path);
  }
}

function createEmpty(work: Workspace, path: string): void {
  closeSync(openSync(path, 'wx', 0o600));
  const file = new Database(path);
  try {
    file.pragma(`encoding = '${work.encoding}'`);
    file.pragma('page_size = 4096');
    file.pragma('journal_mode = DELETE');
    file.pragma('foreign_keys = OFF');
    // Each table by itself would wait for the disk.
    file.exec('BEGIN');
    for (const { live } of work.tables) {
      const names = live.columns.map(({ name }) => name);
      // A rule may call what only the application's connection has, and rows are kept as they are anyway.
      createTable(file, withoutChecks(storedText(live.sql ?? '', names)));
    }
    file.exec('COMMIT');
  } finally {
    file.close();
  }
}

/** Where a generated column calls such a function, it computes nothing: it is not part of what is kept. */
function createTable(file: Database.Database, sql: string): void {
  try {
    file.exec(sql);
  } catch (error) {
    if (!/no such function/.test(reasonOf(error))) throw error;
    file.exec(withoutGenerated(sql));
  }
}

function copyRows(work: Workspace, path: string): number {
  const { connection } = work;
  connection.prepare('ATTACH ? AS safety').run(path);
  try {
    connection.pragma('ignore_check_constraints = ON');
    let rows = 0;
    // One transaction; with a read open already (a plan in progress) it joins that.
    const begun = !connection.inTransaction;
    if (begun) connection.exec('BEGIN');
    for (const table of work.tables) {
      const columns = table.columns.map(quote);
      rows += connection
        .prepare(
          `INSERT INTO safety.${quote(table.slice.name)} (${columns.join(', ')}) SELECT ${columns.map((c) => `t.${c}`).join(', ')} ` +
            `FROM temp.${table.names.liveRows} r CROSS JOIN main.${quote(table.slice.name)} t ON ${located(table.live, 't', 'r', 'l')}`,
        )
        .run().changes;
    }
    connection.exec('COMMIT');
    return rows;
  } catch (error) {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    throw error;
  } finally {
    connection.pragma('ignore_check_constraints = OFF');
    connection.exec('DETACH safety');
  }
}

function readBack(work: Workspace, path: string, live: TableHashes): void {
  const file = connect(path, 'read');
  try {
    for (const table of work.tables) {
      const sum = new MultisetHash();
      const rows = encodeRows(file, work.encoding, {
        values: table.columns.map((column) => `t.${quote(column)}`),
        from: `main.${quote(table.slice.name)} t`,
        locator: locator(table.live, 't'),
      });
      for (const row of rows) sum.addRow(row.encoded);
      const expected = (live.get(table.slice.name) as MultisetHash).finish(table.slice.name, table.columns);
      if (sum.finish(table.slice.name, table.columns).digest !== expected.digest) {
        throw new TenantDrError(
          'verification-failed',
          `The safety copy of "${table.slice.name}" does not read back as it was written. Nothing was changed.`,
          {
            hint: 'Check the disk of the state folder.',
            table: table.slice.name,
          },
        );
      }
    }
  } finally {
    file.close();
  }
}

function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * One line of the effects file: enough to find out after a crash whether the change happened, and later whether
 * anybody touched the rows since. No row values but keys.
 */
export interface SavedChange {
  table: string;
  op: string;
  key: (string | null)[];
  /** Where the change writes the key differently. */
  newKey?: (string | null)[];
  before: string | null;
  after: string | null;
}

/** Writes key, old and new hash of every row to change, one JSON object a line. */
export function saveEffects(work: Workspace, path: string): { rows: number; sha256: string } {
  const file = createWriteStreamSync(path);
  const sum = createHash('sha256');
  let rows = 0;
  try {
    for (const table of work.tables) {
      for (const change of savedChanges(work, table)) {
        const line = `${JSON.stringify(change)}\n`;
        sum.update(line);
        file.write(line);
        rows++;
      }
    }
    file.finish();
  } catch (error) {
    file.abandon();
    throw error;
  }
  return { rows, sha256: sum.digest('hex') };
}

/** The changes of one table as they are saved. A row without a key is known by its content, and counted. */
export function* savedChanges(work: Workspace, table: TableWork): Generator<SavedChange> {
  if (table.key.length === 0) return yield* contentChanges(work, table);
  for (const change of changedRows(work, table)) {
    const before = change.before?.toString('base64') ?? null;
    const after = change.after?.toString('base64') ?? null;
    const key = change.key.map(keyToText);
    const newKey = change.newKey.map(keyToText);
    const rewritten = newKey.some((part, i) => part !== key[i]);
    yield { table: table.slice.name, op: change.op, key, ...(rewritten ? { newKey } : {}), before, after };
  }
}

function* contentChanges(work: Workspace, table: TableWork): Generator<SavedChange> {
  const added = new Map<string, number>();
  for (const { before, after } of changedRows(work, table)) {
    const content = (after ?? (before as Buffer)).toString('base64');
    added.set(content, (added.get(content) ?? 0) + (after ? 1 : -1));
  }
  if (added.size === 0) return;
  const held = new Map<string, number>();
  for (const row of liveRowEncodings(work, table)) {
    const content = hash('sha256', row, 'base64');
    if (added.has(content)) held.set(content, (held.get(content) ?? 0) + 1);
  }
  for (const [content, more] of added) {
    const before = held.get(content) ?? 0;
    yield {
      table: table.slice.name,
      op: 'content',
      key: [`h${content}`],
      before: `${before}`,
      after: `${before + more}`,
    };
  }
}

/** Key values with their type in front: i123, r<bits>, ttext, bhex. */
function keyToText(value: unknown): string | null {
  if (value === null) return null;
  if (typeof value === 'bigint') return `i${value}`;
  if (typeof value === 'number') return `r${value}`;
  return Buffer.isBuffer(value) ? `b${value.toString('hex')}` : `t${String(value)}`;
}

export function keyFromText(text: string | null): bigint | number | string | Buffer | null {
  if (text === null) return null;
  const rest = text.slice(1);
  if (text[0] === 'i') return BigInt(rest);
  if (text[0] === 'r') return Number(rest);
  return text[0] === 'b' ? Buffer.from(rest, 'hex') : rest;
}
