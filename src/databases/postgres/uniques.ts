import type { Conflict } from '../../engine/plan.ts';
import type { Unique } from './catalog.ts';
import { keyText } from './encoding.ts';
import { sqlState } from './errors.ts';
import { ident, literal } from './identifiers.ts';
import { withOwner } from './owner-lookup.ts';
import { named } from './ownership.ts';
import type { Refuge } from './parking.ts';
import { parked, refuges } from './parking.ts';
import type { Slot, Workspace } from './workspace.ts';
import { namingColumns, sameOrSeat } from './workspace.ts';

/**
 * Unique and exclusion constraints the change would break. A value held by a row that stays is a conflict. A value
 * held by a row that changes away from it in the same plan (a swap) is freed first: that row is marked in
 * `tdr_park` with the column that takes a value nobody has, for the moment between.
 */
export async function findTaken(work: Workspace, slot: Slot): Promise<Conflict[]> {
  const conflicts: Conflict[] = [];
  for (const unique of slot.relation.uniques) {
    if (!isKey(slot, unique) && !unique.deferrable) conflicts.push(...(await swaps(work, slot, unique)));
    if (!isKey(slot, unique)) conflicts.push(...(await taken(work, slot, unique)));
  }
  return conflicts;
}

/** The key itself is checked by heldKeys. */
function isKey(slot: Slot, unique: Unique): boolean {
  return unique.primary && !unique.exclusion && slot.key.length > 0;
}

/** Expressions are evaluated by the server over both tables, which have the same column names. */
function terms(unique: Unique): string {
  return unique.terms
    .map((term, i) => `${term.column === null ? `(${term.sql})` : ident(term.column)} AS tdr_u${i}`)
    .join(', ');
}

function predicate(unique: Unique): string {
  return unique.predicate === null ? 'true' : `(${unique.predicate})`;
}

function meets(unique: Unique, a: string, b: string): string {
  return unique.terms
    .map((term, i) => {
      const equal = `${a}.tdr_u${i} ${term.operator} ${b}.tdr_u${i}`;
      return unique.nullsNotDistinct
        ? `(${equal} OR (${a}.tdr_u${i} IS NULL AND ${b}.tdr_u${i} IS NULL))`
        : equal;
    })
    .join(' AND ');
}

/** Rows of `want` whose value under this constraint is new. */
function fresh(slot: Slot, unique: Unique): string {
  const plain = unique.predicate === null && unique.terms.every((term) => term.column !== null);
  const columns = unique.terms.map((term) => literal(term.column ?? ''));
  // A generated column changes with its sources, which its name does not tell.
  const generated = unique.terms.some((term) =>
    slot.relation.columns.some((column) => column.generated && column.name === term.column),
  );
  const touched =
    plain && !generated ? ` AND (tdr_kind = 'i' OR tdr_columns && ARRAY[${columns.join(', ')}]::text[])` : '';
  return `(SELECT tdr_kind, tdr_key, coalesce(tdr_part, tdr_seat_part) AS tdr_part, coalesce(tdr_ctid, tdr_seat_ctid) AS tdr_ctid, ${terms(unique)} FROM ${slot.want} WHERE ${predicate(unique)}${touched})`;
}

/** Live rows under this constraint. Where it contains the tenant column, no other tenant can hold the value. */
function holders(slot: Slot, unique: Unique): { from: string; own: boolean } {
  const { membership } = slot.slice;
  const own =
    membership.via !== 'links' &&
    unique.terms.some((term) => term.column === membership.column && term.operator === '=');
  if (own && !slot.relation.columns.some((column) => column.generated)) {
    return { own, from: `(SELECT *, ${terms(unique)} FROM ${slot.live} l WHERE ${predicate(unique)})` };
  }
  return {
    own: false,
    from: `(SELECT tableoid AS tdr_part, ctid AS tdr_ctid, *, ${terms(unique)} FROM ${slot.target} WHERE ${predicate(unique)})`,
  };
}

function leaves(slot: Slot, alias: string): string {
  return slot.rows.gone > 0
    ? `EXISTS (SELECT FROM ${slot.gone} g WHERE g.tdr_ctid = ${alias}.tdr_ctid AND g.tdr_part = ${alias}.tdr_part)`
    : 'false';
}

async function taken(work: Workspace, slot: Slot, unique: Unique): Promise<Conflict[]> {
  const { from } = holders(slot, unique);
  const moves = `EXISTS (SELECT FROM ${slot.want} m WHERE m.tdr_ctid = o.tdr_ctid AND m.tdr_part = o.tdr_part)`;
  const rows = await withOwner(
    work,
    slot,
    'o',
    (
      owner,
    ) => `SELECT n.tdr_key AS key, ${keyText('o', namingColumns(slot.relation))} AS holder, ${owner} AS tenant
     FROM ${fresh(slot, unique)} n JOIN ${from} o ON ${meets(unique, 'n', 'o')} WHERE NOT ${leaves(slot, 'o')} AND NOT ${moves} LIMIT ${named}`,
  );
  const value = unique.terms.map((term) => term.column ?? term.sql).join(', ');
  return rows.map((row) => {
    const tenant = row.tenant ?? null;
    return {
      kind: 'unique-taken',
      table: slot.slice.name,
      key: row.key ?? '',
      constraint: unique.name,
      other: { table: slot.slice.name, key: row.holder ?? '', ...(tenant === null ? {} : { tenant }) },
      detail: `${slot.slice.name} ${row.key} can't come back: its value in ${value} is taken by row ${row.holder}${tenant === null ? '' : ` of tenant ${tenant}`}.`,
      blocking: true,
    };
  });
}

/** Marks rows that must step aside; a conflict where no column of theirs can. */
async function swaps(work: Workspace, slot: Slot, unique: Unique): Promise<Conflict[]> {
  if (slot.rows.live === 0 || slot.key.length === 0) return [];
  const now = `(SELECT l.tdr_part, l.tdr_ctid, ${terms(unique)} FROM ${slot.relation.columns.some((column) => column.generated) ? `(SELECT t.tableoid AS tdr_part, t.ctid AS tdr_ctid, t.* FROM ${slot.live} v JOIN ${slot.target} t ON t.ctid = v.tdr_ctid AND t.tableoid = v.tdr_part)` : slot.live} l WHERE ${predicate(unique)})`;
  const blocked = await work.sql.rows(
    `SELECT DISTINCT m.tdr_key AS key FROM ${fresh(slot, unique)} n JOIN ${now} o ON ${meets(unique, 'n', 'o')}
     JOIN ${slot.want} m ON ${sameOrSeat('o', 'm')}
     WHERE (n.tdr_ctid, n.tdr_part) IS DISTINCT FROM (o.tdr_ctid, o.tdr_part)`,
  );
  if (blocked.length === 0) return [];
  const keys = blocked.map((row) => literal(row.key ?? '')).join(', ');
  for (const refuge of refuges(slot, unique)) {
    if (!(await allowed(work, slot, refuge, keys))) continue;
    const space = literal(refuge.column.name);
    slot.parking.set(refuge.column.name, refuge);
    await work.sql.run(
      `UPDATE ${slot.want} SET tdr_park = array_append(array_remove(tdr_park, ${space}), ${space}) WHERE tdr_key IN (${keys})`,
    );
    return [];
  }
  return blocked.slice(0, named).map((row) => ({
    kind: 'unique-taken',
    table: slot.slice.name,
    key: row.key ?? '',
    constraint: unique.name,
    other: { table: slot.slice.name, key: row.key ?? '' },
    detail: `${slot.slice.name} ${row.key} exchanges its value in ${unique.name} with another row, and no column of that constraint can hold a free value in between.`,
    blocking: true,
  }));
}

/** Whether the table's checks let rows be parked there: `want` has the same ones. */
async function allowed(work: Workspace, slot: Slot, refuge: Refuge, keys: string): Promise<boolean> {
  const column = ident(refuge.column.name);
  await work.sql.run('SAVEPOINT tdr_parking');
  try {
    await work.sql.run(
      `UPDATE ${slot.want} w SET ${column} = p.v FROM (SELECT tdr_key AS k, ${parked(refuge)} AS v FROM ${slot.want} WHERE tdr_key IN (${keys})) p WHERE w.tdr_key = p.k`,
    );
    return true;
  } catch (error) {
    const state = sqlState(error) ?? '';
    if (!state.startsWith('22') && !state.startsWith('23')) throw error;
    return false;
  } finally {
    await work.sql.run('ROLLBACK TO SAVEPOINT tdr_parking; RELEASE SAVEPOINT tdr_parking');
  }
}
