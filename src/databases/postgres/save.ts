import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../engine/durable.ts';
import type { OnProgress } from '../../engine/port.ts';
import type { Table } from '../../engine/schema.ts';
import { TenantDrError } from '../../errors.ts';
import { readBinary } from './copy-binary.ts';
import { rowHash, shown } from './encoding.ts';
import { translate } from './errors.ts';
import { ident, identList, literal } from './identifiers.ts';
import { endMark, schemaMark, sliceMark } from './slice-marks.ts';
import type { Slot, Workspace } from './workspace.ts';
import { sameRow } from './workspace.ts';

/**
 * A tenant archive of PostgreSQL: plain SQL with one COPY block per table, parents first, readable by psql and by
 * our own dump reader. Written under a temporary name, fsynced, read back and compared byte by byte (by SHA-256)
 * with what the server sent, then renamed.
 */
export async function saveSlice(
  work: Workspace,
  path: string,
  onProgress?: OnProgress,
): Promise<{ rows: number; bytes: number }> {
  const temporary = `${path}.partial`;
  const file = await openNew(temporary);
  const sum = createHash('sha256');
  let bytes = 0;
  let rows = 0;
  const write = async (chunk: Buffer | string): Promise<void> => {
    const buffer = typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk;
    sum.update(buffer);
    bytes += buffer.length;
    await writeAll(file, buffer);
  };
  const total = work.slots.reduce((all, slot) => all + slot.rows.live, 0);
  try {
    try {
      await write(header(work));
      for (const slot of work.slots) {
        await write(
          `COPY ${ident(work.sql.target.schema)}.${ident(slot.slice.name)} (${identList(slot.columns)}) FROM stdin;\n`,
        );
        if (slot.rows.live > 0) await copyRows(work, slot, write);
        await write('\\.\n\n');
        rows += slot.rows.live;
        onProgress?.({ phase: 'safety copy', done: rows, total, unit: 'rows' });
      }
      await write(`${endMark}${rows}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await readBack(temporary, sum.digest('hex'));
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return { rows, bytes };
  } catch (error) {
    await unlink(temporary).catch((second: unknown) => void second);
    throw fileError(error, path);
  }
}

function header(work: Workspace): string {
  const tables: Table[] = work.structure.schema.tables.filter((table) => work.byName.has(table.name));
  return [
    sliceMark,
    `${schemaMark}${JSON.stringify({ fingerprint: work.structure.schema.fingerprint, tables })}`,
    "SET client_encoding = 'UTF8';",
    'SET standard_conforming_strings = on;',
    "SET DateStyle = 'ISO, YMD';",
    "SET IntervalStyle = 'postgres';",
    "SET TimeZone = 'UTC';",
    '',
    '',
  ].join('\n');
}

const sortedRows = 20_000;

async function copyRows(work: Workspace, slot: Slot, write: (chunk: Buffer) => Promise<void>): Promise<void> {
  // Sorted for whoever compares two of them by eye; for many wide rows that would take longer than writing them.
  const order = slot.key.length > 0 && slot.rows.live <= sortedRows ? ` ORDER BY ${identList(slot.key)}` : '';
  try {
    const rows = work.sql.copyOut(
      `COPY (SELECT ${identList(slot.columns)} FROM ${slot.live}${order}) TO STDOUT`,
    );
    for await (const chunk of rows as AsyncIterable<Buffer>) await write(chunk);
  } catch (error) {
    throw translate(error, `Reading the present rows of "${slot.slice.name}"`);
  }
}

/** A plan that was made again writes its files again; what an interrupted one left behind is replaced. */
async function openNew(path: string): Promise<FileHandle> {
  await rm(path, { force: true });
  return open(path, 'wx', 0o600);
}

async function writeAll(file: FileHandle, buffer: Buffer): Promise<void> {
  for (let at = 0; at < buffer.length; ) at += (await file.write(buffer, at)).bytesWritten;
}

async function readBack(path: string, expected: string): Promise<void> {
  const sum = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) sum.update(chunk as Buffer);
  if (sum.digest('hex') === expected) return;
  throw new TenantDrError(
    'verification-failed',
    'The safety copy does not read back as it was written. Nothing was changed.',
    {
      hint: 'Check the disk of the state folder.',
    },
  );
}

function fileError(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TenantDrError('disk-full', `There is no room for ${path}. Nothing was changed.`, {
      hint: 'Free space on the disk of the state folder.',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new TenantDrError('permission-denied', `${path} cannot be written. Nothing was changed.`, {
      hint: 'Check the rights of the state folder.',
      cause: error,
    });
  }
  return error;
}

/** One line of the effects file: enough to find out after a crash whether the change happened. No row values but keys. */
export interface SavedChange {
  table: string;
  op: 'i' | 'u' | 'd';
  /** Key values as the server prints them; for a table without a key, the hash of the row's content. */
  key: (string | null)[];
  /** SHA-256 of the row encoding, hex, null for no row; for a table without a key, how many rows have that content. */
  before: string | null;
  after: string | null;
}

/** Writes key, old and new hash of every row to change, one JSON object a line. */
export async function saveEffects(work: Workspace, path: string): Promise<{ rows: number; sha256: string }> {
  const temporary = `${path}.partial`;
  const file = await openNew(temporary);
  const sum = createHash('sha256');
  let rows = 0;
  let pending: Buffer[] = [];
  try {
    const flush = async (): Promise<void> => {
      const buffer = Buffer.concat(pending);
      pending = [];
      sum.update(buffer);
      await writeAll(file, buffer);
    };
    for (const slot of work.slots) {
      for (const query of changeQueries(slot)) {
        await readBinary(work.sql, query, (fields) => {
          pending.push(Buffer.from(fields[0] as Buffer), Buffer.from('\n'));
          rows++;
        });
        await flush();
      }
    }
    await file.sync();
  } catch (error) {
    throw fileError(error, path);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
  return { rows, sha256: sum.digest('hex') };
}

/** One query per kind of change, giving a SavedChange as JSON per row. */
export function changeQueries(slot: Slot): string[] {
  if (slot.key.length === 0) return contentQueries(slot);
  const line = (op: string, key: string, before: string, after: string): string =>
    `json_build_object('table', ${literal(slot.slice.name)}::text, 'op', ${op}, 'key', json_build_array(${key}), 'before', ${before}, 'after', ${after})::text`;
  const keyOf = (alias: string): string =>
    slot.key.map((name) => shown(`${alias}.${ident(name)}`)).join(', ');
  const queries: string[] = [];
  if (slot.rows.gone > 0)
    queries.push(
      `SELECT ${line(`'d'`, keyOf('g'), `encode(g.tdr_hash, 'hex')`, 'NULL')} FROM ${slot.gone} g`,
    );
  if (slot.rows.want > 0) {
    const after = `encode(${rowHash('w', slot.columns)}, 'hex')`;
    queries.push(
      `SELECT ${line('w.tdr_kind::text', keyOf('w'), `encode(l.tdr_hash, 'hex')`, after)} FROM ${slot.want} w LEFT JOIN ${slot.live} l ON ${sameRow('l', 'w')}`,
    );
  }
  return queries;
}

/** Rows without a key are counted by content: how many there are now, and how many there will be. */
function contentQueries(slot: Slot): string[] {
  if (slot.rows.want + slot.rows.gone === 0) return [];
  const parts = [
    slot.rows.gone > 0 ? `SELECT g.tdr_hash AS h, -1 AS d FROM ${slot.gone} g` : null,
    slot.rows.want > 0 ? `SELECT ${rowHash('w', slot.columns)} AS h, 1 AS d FROM ${slot.want} w` : null,
  ].filter((part) => part !== null);
  const now = `(SELECT count(*) FROM ${slot.live} l WHERE l.tdr_hash = c.h)`;
  return [
    `SELECT json_build_object('table', ${literal(slot.slice.name)}::text, 'op', CASE WHEN c.d > 0 THEN 'i' ELSE 'd' END, 'key', json_build_array(encode(c.h, 'hex')),
      'before', ${now}::text, 'after', (${now} + c.d)::text)::text FROM (SELECT h, sum(d) AS d FROM (${parts.join(' UNION ALL ')}) p GROUP BY h) c`,
  ];
}
