import { setImmediate as breathe } from 'node:timers/promises';
import { MultisetHash, sortedColumns } from '../../engine/digest.ts';
import type { OnProgress } from '../../engine/port.ts';
import { prepareOwners } from './census.ts';
import type { Connection } from './connect.ts';
import type { ShareRequest, ShareSums } from './digest-copy.ts';
import { encodedRow } from './encoding.ts';
import { quote } from './identifiers.ts';
import { ownerOf, ownerText } from './ownership.ts';
import { SqliteSession } from './session.ts';
import type { TableWork, Workspace } from './workspace.ts';

/** One stretch of a table: rowids above `after`, up to `upTo`; null where the table has no rowids: all of it. */
interface Piece {
  table: TableWork;
  range: { after: bigint; upTo: bigint } | null;
}

const piecesPerTable = 16n;

/** Sums the rows of this process's pieces, by table and tenant. */
export async function digestShare(
  { path, shape, share, of }: ShareRequest,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<ShareSums> {
  const session = new SqliteSession(path, 'read');
  try {
    const work = session.workspace(shape);
    prepareOwners(work);
    const sums = new Map<string, Map<string, MultisetHash>>();
    const own = work.tables
      .flatMap((table) => piecesOf(work, table))
      .filter((_, index) => index % of === share);
    for (const [index, piece] of own.entries()) {
      const name = piece.table.slice.name;
      const byTenant = sums.get(name) ?? new Map<string, MultisetHash>();
      sums.set(name, byTenant);
      sumPiece(work, piece, byTenant);
      onProgress({ phase: 'digest', done: index + 1, total: own.length, unit: 'tables' });
      // Lets an order to stop arrive.
      await breathe();
      signal.throwIfAborted();
    }
    return parts(sums);
  } finally {
    session.close();
  }
}

function parts(sums: Map<string, Map<string, MultisetHash>>): ShareSums {
  const entries = [...sums].map(([table, byTenant]) => [
    table,
    Object.fromEntries([...byTenant].map(([tenant, sum]) => [tenant, sum.part()])),
  ]);
  return Object.fromEntries(entries) as ShareSums;
}

function piecesOf({ connection, encoding }: Workspace, table: TableWork): Piece[] {
  const { rowid, name } = table.live;
  if (rowid === null || encoding !== 'UTF-8') return [{ table, range: null }];
  const ends = `SELECT min(${quote(rowid)}) AS low, max(${quote(rowid)}) AS high FROM main.${quote(name)}`;
  const { low, high } = connection.prepare(ends).get() as { low: bigint | null; high: bigint | null };
  if (low === null || high === null) return [];
  const pieces: Piece[] = [];
  const count = high - low < 4096n ? 1n : piecesPerTable;
  for (let index = 0n; index < count; index++) {
    const at = (step: bigint) => low - 1n + ((high - low + 1n) * step) / count;
    pieces.push({ table, range: { after: at(index), upTo: at(index + 1n) } });
  }
  return pieces;
}

function sumPiece(work: Workspace, piece: Piece, sums: Map<string, MultisetHash>): void {
  const { table, range } = piece;
  const owner = ownerText(ownerOf(work, table, 't'));
  const row = encodedRow(
    sortedColumns(table.columns).map((column) => `t.${quote(column)}`),
    work.encoding,
  );
  if (range) sumBatches(work.connection, table, range, owner, row, sums);
  else {
    const rows = work.connection.prepare(`SELECT ${owner}, ${row} FROM main.${quote(table.slice.name)} t`);
    sumRows(rows.raw().iterate() as Iterable<[string | null, Buffer | string]>, sums);
  }
}

function sumRows(rows: Iterable<[string | null, Buffer | string]>, sums: Map<string, MultisetHash>): void {
  for (const [tenant, encoded] of rows) if (tenant !== null) sumOf(sums, tenant).addRow(encoded);
}

/** Batches end up about this large: big enough to save calls, small enough for any memory. */
const batchBytes = 256 * 1024;

/**
 * Hands many rows to JavaScript as one blob, each preceded by the lengths of its owner and its encoding: a Buffer
 * per row would cost as much as hashing it.
 */
function sumBatches(
  connection: Connection,
  table: TableWork,
  range: { after: bigint; upTo: bigint },
  owner: string,
  row: string,
  sums: Map<string, MultisetHash>,
): void {
  const rowid = `t.${quote(table.live.rowid ?? 'rowid')}`;
  const source = `main.${quote(table.slice.name)} t WHERE ${rowid} > ? AND ${rowid} <= ? ORDER BY ${rowid} LIMIT ?`;
  const batch = connection.prepare(
    `SELECT max(k) AS last, count(*) AS rows, CAST(group_concat(octet_length(o)||','||octet_length(r)||':'||o||r, '') ` +
      `FILTER (WHERE o IS NOT NULL) AS BLOB) AS bytes FROM (SELECT ${rowid} AS k, ${owner} AS o, ${row} AS r FROM ${source})`,
  );
  let size = 8n;
  for (let after = range.after; ; ) {
    const found = batch.get(after, range.upTo, size) as {
      last: bigint | null;
      rows: bigint;
      bytes: Buffer | null;
    };
    if (found.last === null) return;
    if (found.bytes) sumBatch(found.bytes, sums);
    after = found.last;
    const length = found.bytes?.length ?? 0;
    if (length > batchBytes && size > 1n) size /= 2n;
    else if (length < batchBytes / 2 && size < 512n) size *= 2n;
  }
}

const comma = 0x2c;
const colon = 0x3a;

function sumBatch(batch: Buffer, sums: Map<string, MultisetHash>): void {
  let position = 0;
  const number = (end: number): number => {
    let value = 0;
    for (let digit = batch[position++]; digit !== undefined && digit !== end; digit = batch[position++]) {
      value = value * 10 + digit - 0x30;
    }
    return value;
  };
  while (position < batch.length) {
    const ownerBytes = number(comma);
    const rowBytes = number(colon);
    const tenant = batch.toString('utf8', position, position + ownerBytes);
    position += ownerBytes;
    sumOf(sums, tenant).addRow(batch.subarray(position, position + rowBytes));
    position += rowBytes;
  }
}

function sumOf(sums: Map<string, MultisetHash>, tenant: string): MultisetHash {
  const known = sums.get(tenant);
  if (known) return known;
  const sum = new MultisetHash();
  sums.set(tenant, sum);
  return sum;
}
