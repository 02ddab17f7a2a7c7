import { randomInt } from 'node:crypto';
import type { RelationColumn, Term, Unique } from './catalog.ts';
import { ident } from './identifiers.ts';
import type { Slot } from './workspace.ts';
import { columnOf, linksOf } from './workspace.ts';

/**
 * Two rows that exchange a unique value cannot be updated one after the other. One of them is parked meanwhile, in
 * the same transaction, on a value nobody has: NULL where that is allowed, else one of the column's type.
 */
export function parkingSpace(slot: Slot, unique: Unique): string | null {
  const usable = unique.terms
    .flatMap((term) => sources(slot, term))
    .filter((column) => mayMove(slot, column));
  const nullable = unique.nullsNotDistinct ? undefined : usable.find((column) => !column.notNull);
  return (nullable ?? usable.find((column) => parkedValue(column, 0) !== null))?.name ?? null;
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

/** SQL for the value a row is parked on; `nth` keeps parked rows apart. */
export function parked(column: RelationColumn, nullable: boolean): string {
  const value = nullable && !column.notNull ? 'NULL' : (parkedValue(column, randomInt(1, 2 ** 20)) ?? 'NULL');
  return `CAST(${value} AS ${column.type})`;
}

function parkedValue(column: RelationColumn, salt: number): string | null {
  const nth = `(row_number() OVER ())`;
  const length = column.modifier > 4 ? column.modifier - 4 : 40;
  switch (column.baseName) {
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'citext':
      return length < 6
        ? null
        : `left(md5(${salt} || ':' || ${nth}) || md5(random()::text), ${Math.min(length, 40)})`;
    case 'int2':
      return `(-15000 - ${salt % 1000} - ${nth})::int2`;
    case 'int4':
      return `(-1000000000 - ${salt} - ${nth})::int4`;
    case 'int8':
      return `(-1000000000000000000 - ${salt} - ${nth})::int8`;
    case 'uuid':
      return `gen_random_uuid()`;
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return `(timestamp '4700-01-01' - ${salt} * interval '1 day' - ${nth} * interval '1 day')::${ident(column.baseName)}`;
    case 'numeric':
      return column.modifier >= 0 ? null : `(-1e100 - ${salt} - ${nth})`;
    default:
      // An empty range overlaps nothing, so any number of rows can hold it.
      return column.category === 'R' ? `'empty'::${column.baseType}` : null;
  }
}
