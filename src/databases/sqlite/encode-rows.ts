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
}

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
  const where = rows.where ? `WHERE ${rows.where}` : '';
  const uncertain: unknown[][] = [];
  const query = `SELECT ${[...values, ...also, ...locator].join(', ')} FROM ${from} ${where}`;
  for (const row of connection.prepare(query).raw().safeIntegers(true).iterate() as Iterable<unknown[]>) {
    const encoded = encodeValues(width === row.length ? row : row.slice(0, width), encoding);
    if (encoded === null) uncertain.push(row.slice(width));
    else yield { encoded, also: also.length > 0 ? row.slice(width, width + also.length) : [] };
  }
  if (uncertain.length === 0) return;
  const found = locator.map((expression) => `${expression} IS ?`).join(' AND ');
  const again = connection
    .prepare(
      `SELECT ${encodedRow(values, encoding)} FROM ${from} WHERE ${rows.where ? `(${rows.where}) AND ` : ''}${found}`,
    )
    .pluck();
  for (const row of uncertain) {
    const encoded = again.get(...row.slice(also.length)) as Buffer | string;
    yield { encoded, also: row.slice(0, also.length) };
  }
}
