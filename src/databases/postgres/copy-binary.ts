import { translate } from './errors.ts';
import type { Sql } from './sql.ts';

/**
 * Reads the rows of a query as bytes (COPY BINARY), without a JavaScript string in between; a NULL field is null.
 * Format: 11 bytes signature, flags, extension; per row a field count, per field a length and the bytes; -1 ends.
 */
export async function readBinary(
  sql: Sql,
  query: string,
  onRow: (fields: (Buffer | null)[]) => void,
): Promise<void> {
  await readCopy(sql, query, (buffer) => takeRows(buffer, onRow));
}

/** Runs the copy without its header; `take` eats complete rows from the front and returns what is left. */
async function readCopy(sql: Sql, query: string, take: (buffer: Buffer) => Buffer): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  try {
    for await (const chunk of sql.copyOut(`COPY (${query}) TO STDOUT (FORMAT binary)`)) {
      rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      if (!started) {
        if (rest.length < 19) continue;
        rest = rest.subarray(19 + rest.readInt32BE(15));
        started = true;
      }
      rest = take(rest);
    }
  } catch (error) {
    throw translate(error, `Database ${sql.target.location}`);
  }
}

/** Hands over the complete rows of a buffer; what is left of it. */
function takeRows(buffer: Buffer, onRow: (fields: (Buffer | null)[]) => void): Buffer {
  let at = 0;
  for (;;) {
    if (at + 2 > buffer.length) break;
    const count = buffer.readInt16BE(at);
    if (count < 0) return Buffer.alloc(0);
    const fields: (Buffer | null)[] = [];
    let next = at + 2;
    while (fields.length < count && next + 4 <= buffer.length) {
      const length = buffer.readInt32BE(next);
      next += 4;
      if (length < 0) fields.push(null);
      else if (next + length <= buffer.length) {
        fields.push(buffer.subarray(next, next + length));
        next += length;
      } else break;
    }
    if (fields.length < count) break;
    onRow(fields);
    at = next;
  }
  return buffer.subarray(at);
}

/** Bytes of a row of an int4 and a SHA-256, with its field count and lengths. */
const hashRow = 2 + 4 + 4 + 4 + 32;

/**
 * Reads a query of a number (int4) and a row hash (bytea, 32 bytes), neither of them NULL: all rows have one length, so
 * nothing is made per row. `onHash` gets the number, and where in the buffer the hash is.
 */
export async function readHashes(
  sql: Sql,
  query: string,
  onHash: (number: number, buffer: Buffer, at: number) => void,
): Promise<void> {
  await readCopy(sql, query, (buffer) => {
    let at = 0;
    for (; at + hashRow <= buffer.length; at += hashRow) {
      if (buffer.readInt32BE(at + 10) !== 32) throw new Error('a row without a hash');
      onHash(buffer.readInt32BE(at + 6), buffer, at + 14);
    }
    return buffer.subarray(at);
  });
}
