import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { OnProgress } from '../../engine/port.ts';
import type { Table } from '../../engine/schema.ts';
import { TenantDrError } from '../../errors.ts';
import { readBinary } from './copy-binary.ts';
import { rowHash, shown } from './encoding.ts';
import { translate } from './errors.ts';
import { ident, identList, literal } from './identifiers.ts';
import { NewFile } from './new-file.ts';
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
  const file = await NewFile.create(path);
  let rows = 0;
  const total = work.slots.reduce((all, slot) => all + slot.rows.live, 0);
  try {
    await file.write(header(work));
    for (const slot of work.slots) {
      await file.write(
        `COPY ${ident(work.sql.target.schema)}.${ident(slot.slice.name)} (${identList(slot.columns)}) FROM stdin;\n`,
      );
      if (slot.rows.live > 0) await copyRows(work, slot, file);
      await file.write('\\.\n\n');
      rows += slot.rows.live;
      onProgress?.({ phase: 'safety copy', done: rows, total, unit: 'rows' });
    }
    await file.write(`${endMark}${rows}\n`);
    await readBack(file.temporary, await file.end());
    await file.publish();
    return { rows, bytes: file.bytes };
  } catch (error) {
    throw await file.discard(error);
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

async function copyRows(work: Workspace, slot: Slot, file: NewFile): Promise<void> {
  // Sorted for whoever compares two of them by eye; for many wide rows that would take longer than writing them.
  const order = slot.key.length > 0 && slot.rows.live <= sortedRows ? ` ORDER BY ${identList(slot.key)}` : '';
  try {
    const rows = work.sql.copyOut(
      `COPY (SELECT ${identList(slot.columns)} FROM ${slot.live}${order}) TO STDOUT`,
    );
    for await (const chunk of rows) await file.write(chunk);
  } catch (error) {
    throw translate(error, `Reading the present rows of "${slot.slice.name}"`);
  }
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
  const file = await NewFile.create(path);
  let rows = 0;
  try {
    for (const slot of work.slots) {
      for (const query of changeQueries(slot)) {
        await readBinary(work.sql, query, (fields) => {
          file.add(Buffer.from(fields[0] as Buffer));
          file.add('\n');
          rows++;
        });
        await file.flush();
      }
    }
    const sha256 = await file.end();
    await file.publish();
    return { rows, sha256 };
  } catch (error) {
    throw await file.discard(error);
  }
}

/**
 * One query per kind of change, giving a SavedChange as JSON per row. A key can change in what it prints while it
 * stays the same key (case in citext): rows are named by the key they shall have, or by the one they have `now`.
 */
export function changeQueries(slot: Slot, now = false): string[] {
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
    const key = now
      ? slot.key
          .map((name) => shown(`CASE WHEN w.tdr_kind = 'u' THEN l.${ident(name)} ELSE w.${ident(name)} END`))
          .join(', ')
      : keyOf('w');
    queries.push(
      `SELECT ${line('w.tdr_kind::text', key, `encode(l.tdr_hash, 'hex')`, after)} FROM ${slot.want} w LEFT JOIN ${slot.live} l ON ${sameRow('l', 'w')}`,
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
