import type { Statement } from 'better-sqlite3';
import type { Connection } from './connect.ts';
import { encodedRow, encodeValues } from './encoding.ts';

/** Rows to encode: value expressions in digest order, what they are selected from, and what addresses one row. */
export interface EncodedRows {
  values: string[];
  /** Everything after FROM, joins included, without WHERE. */
  from: string;
  where?: string;
  /** Expressions that address a row of `from`. */
  locator: string[];
  /** Further expressions handed along with each row. */
  also?: string[];
  /** Only the rows whose integer key lies in a stretch, both ends included: read in batches, which is faster. */
  stretch?: Stretch;
}

export interface Stretch {
  key: string;
  from: bigint;
  upTo: bigint;
}

/** Every rowid there can be. */
export const everywhere = { from: -(2n ** 63n), upTo: 2n ** 63n - 1n };

/**
 * Each row's canonical encoding, ready to be hashed. Values are encoded here, which is much faster than in SQL; the few rows
 * whose text is not certainly valid UTF-8 are encoded by the database afterwards.
 */
export function* encodeRows(
  connection: Connection,
  encoding: string,
  rows: EncodedRows,
): Generator<{ encoded: Buffer | string; also: unknown[] }> {
  const { values, from, locator } = rows;
  const also = rows.also ?? [];
  const width = values.length;
  const conditions = rows.where ? [`(${rows.where})`] : [];
  const uncertain: unknown[][] = [];
  const columns = [...values, ...also, ...locator];
  const progress = { bytes: 0 };
  for (const row of select(connection, columns, { from, conditions }, rows.stretch, progress)) {
    const encoded = encodeValues(row, width, encoding);
    if (encoded === null) uncertain.push(row.slice(width, columns.length));
    else {
      progress.bytes += encoded.length;
      yield { encoded, also: also.length > 0 ? row.slice(width, width + also.length) : [] };
    }
  }
  if (uncertain.length === 0) return;
  const found = [...conditions, ...locator.map((expression) => `${expression} IS ?`)].join(' AND ');
  const again = connection
    .prepare(`SELECT ${encodedRow(values, encoding)} FROM ${from} WHERE ${found}`)
    .pluck();
  for (const row of uncertain) {
    const encoded = again.get(...row.slice(also.length)) as Buffer | string;
    yield { encoded, also: row.slice(0, also.length) };
  }
}

function select(
  connection: Connection,
  columns: string[],
  { from, conditions }: { from: string; conditions: string[] },
  stretch: Stretch | undefined,
  progress: { bytes: number },
): Iterable<unknown[]> {
  const prepared = (more: string[], selected: string[], ending: string): Statement => {
    const all = [...conditions, ...more];
    const where = all.length > 0 ? `WHERE ${all.join(' AND ')}` : '';
    return connection
      .prepare(`SELECT ${selected.join(', ')} FROM ${from} ${where} ${ending}`)
      .raw()
      .safeIntegers(true);
  };
  if (!stretch) return prepared([], columns, '').iterate() as Iterable<unknown[]>;
  const { key } = stretch;
  const bounds = [`${key} >= ?`, `${key} <= ?`];
  return batches(prepared(bounds, [...columns, key], `ORDER BY ${key} LIMIT ?`), stretch, progress);
}

/** Batches end up about this large: big enough to save calls, small enough for any memory. */
const batchBytes = 256 * 1024;

/** Fetching many rows by one call costs two thirds of fetching them one by one. The key is each row's last column. */
function* batches(
  statement: Statement,
  { from, upTo }: Stretch,
  progress: { bytes: number },
): Generator<unknown[]> {
  for (let size = 8; ; ) {
    const before = progress.bytes;
    const rows = statement.all(from, upTo, size) as unknown[][];
    yield* rows;
    const last = rows.at(-1)?.at(-1) as bigint;
    if (rows.length < size || last === upTo) return;
    from = last + 1n;
    const bytes = progress.bytes - before;
    if (bytes > batchBytes && size > 1) size /= 2;
    else if (bytes < batchBytes / 2 && size < 512) size *= 2;
  }
}
