import { chained } from './identifiers.ts';

/**
 * Values by their stored representation: never by collation, never through a JavaScript string.
 *
 * Row encoding, the input of the digest: for each stored column, in the order of `sortedColumns`,
 * `N` for NULL; `I<decimal>;` for INTEGER; `R<16 hex digits>` for REAL, its IEEE 754 bits, big-endian;
 * `T<bytes>:<text>` for TEXT; `B<bytes>:<upper-case hex>` for BLOB; `<bytes>` counted in the database's encoding.
 * In a UTF-8 database the encoding is hashed as bytes; in a UTF-16 one as the UTF-8 form of its text.
 */

/** SQL for one value's encoding. */
export function encoded(value: string): string {
  return (
    `CASE typeof(${value}) WHEN 'text' THEN 'T'||octet_length(${value})||':'||${value} ` +
    `WHEN 'integer' THEN 'I'||${value}||';' WHEN 'null' THEN 'N' ` +
    `WHEN 'real' THEN 'R'||tenant_dr_bits(${value}) ELSE 'B'||octet_length(${value})||':'||hex(${value}) END`
  );
}

/** SQL for a row's encoding; `values` in the order of the sorted column names. */
export function encodedRow(values: string[], encoding: string): string {
  const joined = values.length === 0 ? "''" : chained(values.map(encoded), '||');
  return encoding === 'UTF-8' ? `CAST(${joined} AS BLOB)` : `(${joined})`;
}

/**
 * SQL condition: two values of a column are stored alike. A typed column stores every value in one representation
 * (1.0 as 1 in INTEGER and NUMERIC, 1 as 1.0 in REAL, 1 as '1' in TEXT), so equal bytes are equal values there; in
 * an untyped one 1, 1.0 and -0.0 differ in type or bits only.
 */
export function alike(a: string, b: string, affinity: string): string {
  const same = `${a} IS ${b} COLLATE BINARY`;
  if (affinity !== '') return `(${same})`;
  return (
    `(${same} AND typeof(${a}) = typeof(${b}) AND ` +
    `(typeof(${a}) <> 'real' OR ${a} <> 0 OR tenant_dr_bits(${a}) = tenant_dr_bits(${b})))`
  );
}

/** SQL for a row's key as people and plans see it: a JSON array; blobs as x'…'. */
export function keyText(values: string[]): string {
  const one = (value: string): string =>
    `CASE typeof(${value}) WHEN 'blob' THEN '"x''' || hex(${value}) || '''"' WHEN 'integer' THEN CAST(${value} AS TEXT) ` +
    `WHEN 'null' THEN 'null' ELSE json_quote(${value}) END`;
  const parts = values.flatMap((value, i) => (i === 0 ? [one(value)] : [`','`, one(value)]));
  return `'[' || ${chained(parts, '||')} || ']'`;
}

/** SQL for a value as a person may see it (only with --with-values). */
export function shown(value: string): string {
  return `CASE typeof(${value}) WHEN 'null' THEN NULL WHEN 'blob' THEN 'x''' || hex(${value}) || '''' ELSE CAST(${value} AS TEXT) END`;
}

/**
 * The same encoding made from a row's values, several times faster than in SQL. Returns null for text that may not
 * be valid UTF-8 (it was decoded with a replacement character): the database encodes such a row, byte for byte.
 * @param values as better-sqlite3 gives them with safe integers: bigint, number (REAL), string, Buffer, null
 * @param count how many of them, from the first, make up the row
 */
export function encodeValues(values: unknown[], count: number, encoding: string): Buffer | string | null {
  let row = '';
  for (let index = 0; index < count; index++) {
    const value = values[index];
    if (typeof value === 'string') {
      if (row.length + value.length > longest) return encodeLong(values.slice(0, count), encoding);
      if (encoding !== 'UTF-8') row += `T${value.length * 2}:${value}`;
      else if (value.includes('\ufffd')) return null;
      else row += `T${Buffer.byteLength(value)}:${value}`;
    } else if (typeof value === 'bigint') row += `I${value};`;
    else if (value === null) row += 'N';
    else if (typeof value === 'number') row += `R${realBits(value)}`;
    else {
      const blob = value as Buffer;
      if (row.length + blob.length > longest) return encodeLong(values.slice(0, count), encoding);
      row += `B${blob.length}:${blob.toString('hex').toUpperCase()}`;
    }
  }
  return row;
}

/** Longer rows are put together as bytes: a text has at most 2^29 characters, and a blob takes two for each byte. */
const longest = 2 ** 26;

/** The same encoding as bytes, whatever its length. */
export function encodeLong(values: unknown[], encoding: string): Buffer | null {
  const parts: Buffer[] = [];
  for (const value of values) {
    if (typeof value === 'string') {
      if (encoding === 'UTF-8' && value.includes('\ufffd')) return null;
      const bytes = Buffer.from(value);
      const size = encoding === 'UTF-8' ? bytes.length : value.length * 2;
      parts.push(Buffer.from(`T${size}:`), bytes);
    } else if (value instanceof Buffer) parts.push(Buffer.from(`B${value.length}:`), hexOf(value));
    else parts.push(Buffer.from(encodeValues([value], 1, encoding) as string));
  }
  return Buffer.concat(parts);
}

const mebibyte = 2 ** 20;

/** Upper-case hex, a piece at a time. */
function hexOf(blob: Buffer): Buffer {
  const hex = Buffer.allocUnsafe(2 * blob.length);
  for (let at = 0; at < blob.length; at += mebibyte)
    hex.write(blob.toString('hex', at, at + mebibyte).toUpperCase(), 2 * at, 'latin1');
  return hex;
}

const eight = Buffer.alloc(8);

/** IEEE 754 bits of a REAL, big-endian hex: the one exact text of it (-0.0 differs from 0.0). */
export function realBits(value: number): string {
  eight.writeDoubleBE(value);
  return eight.toString('hex');
}
