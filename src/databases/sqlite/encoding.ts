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
  const joined = values.length === 0 ? "''" : values.map(encoded).join('||');
  return encoding === 'UTF-8' ? `CAST(${joined} AS BLOB)` : `(${joined})`;
}

/** SQL condition: two values are stored alike. Only an untyped column can hold -0.0, so only there bits are compared. */
export function alike(a: string, b: string, affinity: string): string {
  const same = `(${a} IS ${b} COLLATE BINARY AND typeof(${a}) = typeof(${b}))`;
  if (affinity !== '') return same;
  return `(${same} AND (typeof(${a}) <> 'real' OR ${a} <> 0 OR tenant_dr_bits(${a}) = tenant_dr_bits(${b})))`;
}

/** SQL for a row's key as people and plans see it: a JSON array; blobs as x'…'. */
export function keyText(values: string[]): string {
  const one = (value: string): string =>
    `CASE typeof(${value}) WHEN 'blob' THEN '"x''' || hex(${value}) || '''"' WHEN 'integer' THEN CAST(${value} AS TEXT) ` +
    `WHEN 'null' THEN 'null' ELSE json_quote(${value}) END`;
  return `'[' || ${values.map(one).join(` || ',' || `)} || ']'`;
}

/** SQL for a value as a person may see it (only with --with-values). */
export function shown(value: string): string {
  return `CASE typeof(${value}) WHEN 'null' THEN NULL WHEN 'blob' THEN 'x''' || hex(${value}) || '''' ELSE CAST(${value} AS TEXT) END`;
}
