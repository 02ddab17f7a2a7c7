import { randomInt } from 'node:crypto';
import { linksOf } from '../../engine/slice.ts';
import type { RelationColumn, Term, Unique } from './catalog.ts';
import { ident } from './identifiers.ts';
import type { Slot } from './workspace.ts';
import { columnOf } from './workspace.ts';

/** Where a row waits: a column of it, and what kind of value it holds meanwhile. */
export interface Refuge {
  column: RelationColumn;
  value: 'null' | 'low' | 'high';
}

/**
 * Two rows that exchange a unique value cannot be updated one after the other. One of them is parked meanwhile, in
 * the same transaction, on a value nobody has: NULL where that is allowed, else one of the column's type. The best
 * first; whether the table's rules allow it shows only when it is tried.
 */
export function refuges(slot: Slot, unique: Unique): Refuge[] {
  const usable = unique.terms
    .flatMap((term) => sources(slot, term))
    .filter((column) => mayMove(slot, column));
  // An expression may take NULL for a value.
  const nullable = usable.filter(
    ({ name, notNull }) =>
      !notNull && !holdsNulls(slot, name) && unique.terms.some((term) => term.column === name),
  );
  return [
    ...nullable.map((column) => ({ column, value: 'null' as const })),
    ...(['low', 'high'] as const).flatMap((value) =>
      usable.filter((column) => parkedValue(column, value, 0) !== null).map((column) => ({ column, value })),
    ),
  ];
}

/** A constraint with NULLS NOT DISTINCT lets only one row hold NULL. */
function holdsNulls(slot: Slot, column: string): boolean {
  return slot.relation.uniques.some(
    (unique) => unique.nullsNotDistinct && unique.terms.some((term) => term.column === column),
  );
}

/** The columns that decide a term's value: itself, or those an expression or a generated column is computed from. */
function sources(slot: Slot, term: Term): RelationColumn[] {
  if (term.column === null) return columnsIn(slot, term.sql);
  const column = columnOf(slot, term.column);
  return column.expression === null ? [column] : columnsIn(slot, column.expression);
}

/** Columns an index expression mentions: parking changes the expression's value with them. */
function columnsIn(slot: Slot, expression: string): RelationColumn[] {
  const words = new Set(
    expression
      .match(/"(?:[^"]|"")+"|\w+/g)
      ?.map((word) => word.replace(/^"|"$/g, '').replaceAll('""', '"')) ?? [],
  );
  return slot.relation.columns.filter((column) => words.has(column.name));
}

/** Not the key, not what makes the row the tenant's, not what other rows or this row's parents are found by. */
function mayMove(slot: Slot, column: RelationColumn): boolean {
  const { membership } = slot.slice;
  const owning =
    membership.via === 'links' ? linksOf(slot.slice).flatMap((link) => link.columns) : [membership.column];
  const { relation } = slot;
  return (
    !column.generated &&
    column.identity !== 'always' &&
    !owning.includes(column.name) &&
    !relation.primaryKey.includes(column.name) &&
    !relation.foreignKeys.some((key) => key.columns.includes(column.name)) &&
    !relation.referencedBy.some((key) => key.parentColumns.includes(column.name))
  );
}

/** SQL for the value a row is parked on; no two parked rows get the same. */
export function parked({ column, value }: Refuge): string {
  const own = value === 'null' ? null : parkedValue(column, value, randomInt(1, 2 ** 20));
  return `CAST(${own ?? 'NULL'} AS ${column.type})`;
}

function parkedValue(column: RelationColumn, side: 'low' | 'high', salt: number): string | null {
  const nth = `(row_number() OVER ())`;
  const sign = side === 'low' ? '-' : '';
  const length = column.modifier > 4 ? column.modifier - 4 : 40;
  switch (column.baseName) {
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'citext':
      return length < 6 || side === 'high'
        ? null
        : `left(md5(${salt} || ':' || ${nth}) || md5(random()::text), ${Math.min(length, 40)})`;
    case 'int2':
      return `(${sign}(15000 + ${salt % 1000} + ${nth}))::int2`;
    case 'int4':
      return `(${sign}(1000000000 + ${salt} + ${nth}))::int4`;
    case 'int8':
      return `(${sign}(1000000000000000000 + ${salt} + ${nth}))::int8`;
    case 'float8':
      return `(${sign}(1e12 + ${salt} + ${nth}))`;
    case 'uuid':
      return side === 'high' ? null : `gen_random_uuid()`;
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return `(timestamp '${side === 'low' ? '0700' : '4700'}-01-01' - ${salt % 100000} * interval '1 day' - ${nth} * interval '1 day')::${ident(column.baseName)}`;
    case 'numeric':
      return column.modifier >= 0 ? null : `(${sign}(1e100 + ${salt} + ${nth}))`;
    default:
      // An empty range overlaps nothing, so any number of rows can hold it.
      return column.category === 'R' && side === 'low' ? `'empty'::${column.baseType}` : null;
  }
}
