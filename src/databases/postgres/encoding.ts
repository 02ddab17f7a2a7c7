import { sortedColumns } from '../../engine/digest.ts';
import type { RelationColumn } from './catalog.ts';
import { ident, literal } from './identifiers.ts';

/**
 * Values by what the server prints for them, never by an operator: numeric 1.0 and 1.00, 0 and -0, 'a' and 'A' in
 * citext all differ.
 *
 * Row encoding, the input of the digest: the text PostgreSQL prints for `ROW(c1, c2, …)`, stored columns in the
 * order of `sortedColumns`, as UTF-8, under the settings that connect.ts pins. That text is unambiguous: values are
 * separated by commas, NULL is nothing, everything else that could be mistaken is in double quotes, with `"` and
 * `\` doubled.
 */
export function rowText(alias: string, columns: string[]): string {
  return `ROW(${sortedColumns(columns)
    .map((name) => `${alias}.${ident(name)}`)
    .join(', ')})::text`;
}

/** SHA-256 of the row encoding, as bytea. */
export function rowHash(alias: string, columns: string[]): string {
  return `sha256(convert_to(${rowText(alias, columns)}, 'UTF8'))`;
}

/** Condition: two values print differently (NULL prints as nothing). */
export function differs(a: string, b: string): string {
  return `ROW(${a})::text <> ROW(${b})::text`;
}

/** A value as the server prints it; NULL stays NULL, also for composite types whose fields are all NULL. */
export function shown(value: string): string {
  return `CASE WHEN ${value} IS DISTINCT FROM NULL THEN format('%s', ${value}) END`;
}

const whole = ['smallint', 'integer', 'bigint'];

/** A row's key as people and plans see it: a JSON array; integers as numbers, everything else as text. */
export function keyText(alias: string, columns: RelationColumn[]): string {
  const one = (column: RelationColumn): string => {
    const value = `${alias}.${ident(column.name)}`;
    const text = whole.includes(column.baseType) ? `${value}::text` : `to_json(${shown(value)})::text`;
    return `coalesce(${text}, 'null')`;
  };
  return columns.length === 0 ? `'[]'` : `'[' || ${columns.map(one).join(` || ',' || `)} || ']'`;
}

/** Rows without a key are named by their hash. */
export function hashKey(hash: string): string {
  return `'["row ' || substr(encode(${hash}, 'hex'), 1, 16) || '"]'`;
}

const counted = ['varchar', 'bpchar', 'bit', 'varbit'];

/**
 * SQL that reads printed text as a column's type and fails where it does not fit. A plain cast would cut text that
 * is too long; the length functions with `false` refuse it, as INSERT does.
 */
export function castTo(column: RelationColumn, source: string): string {
  let value = `CAST(${source} AS ${column.baseType})`;
  if (column.modifier >= 0 && counted.includes(column.baseName)) {
    value = `pg_catalog.${ident(column.baseName)}(${value}, ${column.modifier}, false)`;
  } else if (!column.domain && column.category !== 'A') {
    value = `CAST(${source} AS ${column.type})`;
  }
  return column.domain ? `CAST(${value} AS ${column.type})` : value;
}

/** A value of the config as a constant of a column's type. */
export function scalarFor(column: RelationColumn, value: string | number | boolean | null): string {
  if (value === null) return `CAST(NULL AS ${column.type})`;
  const text = typeof value === 'boolean' && column.category === 'N' ? String(Number(value)) : String(value);
  return castTo(column, literal(text));
}
