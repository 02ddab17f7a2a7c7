import { hash } from 'node:crypto';
import type { SliceDigest, TableDigest } from './port.ts';

/**
 * The digest of a slice: independent of row order, counting duplicates.
 *
 * - row: SHA-256 of the row's canonical encoding (each database documents its own, in its `digest.ts`);
 * - table: the row hashes, read as 256-bit little-endian numbers, summed modulo 2^256; a sum, not an XOR, so that
 *   two equal rows do not cancel. The table's digest is SHA-256 of the JSON `[name, [columns sorted], rows, sum]`,
 *   sum in hex, least significant byte first;
 * - slice: SHA-256 of the JSON `[[table, digest], …]` sorted by table, tables without rows left out.
 *
 * All JSON is UTF-8 without spaces. `test/check/digest.py` recomputes it in another language.
 */
export class MultisetHash {
  rows = 0;
  private readonly lanes = new Uint32Array(8);

  /** Adds one row hash: the 32 bytes at `at`. */
  add(hash: Buffer, at = 0): void {
    let carry = 0;
    for (let lane = 0; lane < 8; lane++) {
      const sum = (this.lanes[lane] as number) + hash.readUInt32LE(at + lane * 4) + carry;
      this.lanes[lane] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
    this.rows++;
  }

  /** Adds a row by its canonical encoding. */
  addRow(encoded: Buffer | string): void {
    // A Latin-1 string of the 32 bytes comes back twice as fast as a Buffer, which needs memory of its own.
    const bytes = hash('sha256', encoded, 'binary');
    let carry = 0;
    for (let lane = 0; lane < 8; lane++) {
      const at = lane * 4;
      const high = bytes.charCodeAt(at + 3) * 0x1000000;
      const low = bytes.charCodeAt(at) | (bytes.charCodeAt(at + 1) << 8) | (bytes.charCodeAt(at + 2) << 16);
      const sum = (this.lanes[lane] as number) + high + low + carry;
      this.lanes[lane] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
    this.rows++;
  }

  /** Writes the sum so far into eight numbers at `at`, for adding it up elsewhere. */
  save(into: Uint32Array, at: number): void {
    into.set(this.lanes, at);
  }

  /** Adds all rows of another sum, which `save` wrote. */
  merge(rows: number, from: Uint32Array, at: number): void {
    let carry = 0;
    for (let lane = 0; lane < 8; lane++) {
      const sum = (this.lanes[lane] as number) + (from[at + lane] as number) + carry;
      this.lanes[lane] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
    this.rows += rows;
  }

  /** Takes one row hash out again: the digest of a change is arithmetic on the digest before it. */
  subtract(hash: Buffer, at = 0): void {
    let borrow = 0;
    for (let lane = 0; lane < 8; lane++) {
      const difference = (this.lanes[lane] as number) - hash.readUInt32LE(at + lane * 4) - borrow;
      this.lanes[lane] = difference;
      borrow = difference < 0 ? 1 : 0;
    }
    this.rows--;
  }

  copy(): MultisetHash {
    const copy = new MultisetHash();
    copy.rows = this.rows;
    copy.lanes.set(this.lanes);
    return copy;
  }

  /** @param from the sum before a change, to give the digest of the change too */
  finish(table: string, columns: string[], from?: MultisetHash): TableDigest {
    return {
      rows: this.rows,
      digest: sha256(JSON.stringify([table, sortedColumns(columns), this.rows, this.hex()])),
      ...(from && { change: this.minus(from).hex() }),
    };
  }

  private minus(other: MultisetHash): MultisetHash {
    const difference = this.copy();
    difference.subtract(Buffer.from(other.hex(), 'hex'));
    return difference;
  }

  private hex(): string {
    const sum = Buffer.alloc(32);
    for (let lane = 0; lane < 8; lane++) sum.writeUInt32LE(this.lanes[lane] as number, lane * 4);
    return sum.toString('hex');
  }
}

/** Columns in the order the row encoding uses: by code unit, so that column order in the table does not matter. */
export function sortedColumns(columns: string[]): string[] {
  if (columns.every((column, index) => index === 0 || (columns[index - 1] as string) <= column))
    return columns;
  return [...columns].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

export function sliceDigest(tables: Record<string, TableDigest>): SliceDigest {
  const listed = sortedColumns(Object.keys(tables))
    .filter((name) => (tables[name] as TableDigest).rows > 0)
    .map((name) => [name, (tables[name] as TableDigest).digest]);
  return { digest: sha256(JSON.stringify(listed)), tables };
}

function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}
