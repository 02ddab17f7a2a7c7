import type { Conflict } from '../../engine/plan.ts';
import type { Reference } from './catalog.ts';
import { keyText } from './encoding.ts';
import { ident, literal } from './identifiers.ts';
import { named } from './ownership.ts';
import type { Slot, Workspace } from './workspace.ts';
import { namingColumns, sameRow, sameSeat } from './workspace.ts';

/**
 * Marks rows to insert that take the place of a row to delete: another primary key, but the same values in columns that
 * rows of other tables refer to (the application deleted a row and made it again under a new id). A delete would
 * cascade to the rows that refer to them, or be forbidden, although the values are there again at the statement's end:
 * only with NO ACTION does PostgreSQL look. So the row is changed in place. Call once all tables are compared, where
 * foreign keys are in force, and before unique values are looked at: a row that changes in place holds its own until
 * then. Gives back what cannot be changed so.
 */
export async function markReplacements(work: Workspace, slot: Slot): Promise<Conflict[]> {
  if (slot.rows.gone === 0 || slot.rows.want === 0 || slot.key.length === 0) return [];
  const keys = slot.relation.referencedBy.filter(
    // Rows of the same primary key are changed anyway.
    (key) =>
      key.onDelete !== 'a' && !key.period && !slot.key.every((name) => key.parentColumns.includes(name)),
  );
  // No UPDATE may set such a column.
  if (!slot.relation.columns.some(({ identity }) => identity === 'always')) {
    for (const key of keys) await seat(work, slot, key);
  }
  const conflicts: Conflict[] = [];
  for (const key of keys) conflicts.push(...(await unseated(work, slot, key)));
  return conflicts;
}

async function seat(work: Workspace, slot: Slot, key: Reference): Promise<void> {
  await work.sql.run(
    `UPDATE ${slot.want} w SET tdr_seat_part = g.tdr_part, tdr_seat_ctid = g.tdr_ctid
     FROM ${slot.gone} g JOIN ${slot.live} l ON ${sameRow('l', 'g')}
     WHERE w.tdr_kind = 'i' AND w.tdr_seat_ctid IS NULL AND ${sameValues(key, 'w', 'l')} AND ${held(work, key)}
       AND NOT EXISTS (SELECT FROM ${slot.want} o WHERE ${sameSeat('g', 'o')})`,
  );
}

/** Rows to delete whose value another row takes over elsewhere, while rows refer to it: a cascade would take these along. */
async function unseated(work: Workspace, slot: Slot, key: Reference): Promise<Conflict[]> {
  const row = keyText('l', namingColumns(slot.relation));
  const rows = await work.sql.rows(
    `SELECT w.tdr_key AS key, ${row} AS holder
     FROM ${slot.gone} g JOIN ${slot.live} l ON ${sameRow('l', 'g')} JOIN ${slot.want} w ON ${sameValues(key, 'w', 'l')}
     WHERE (${sameSeat('g', 'w')}) IS NOT TRUE AND ${held(work, key)} LIMIT ${named}`,
  );
  return rows.map(({ key: text, holder }) => ({
    kind: 'inbound-reference',
    table: slot.slice.name,
    key: text ?? '',
    constraint: key.name,
    other: { table: slot.slice.name, key: holder ?? '' },
    detail: `${slot.slice.name} ${text} takes over from ${holder} what rows of ${key.from.root.table} refer to (${key.parentColumns.join(', ')}): the one has to go before the other can come, which ${key.name} forbids or extends to those rows. A role that may set session_replication_role can restore it.`,
    blocking: true,
  }));
}

function sameValues(key: Reference, a: string, b: string): string {
  return key.parentColumns.map((name) => `${a}.${ident(name)} = ${b}.${ident(name)}`).join(' AND ');
}

/** Condition on a live row (l): after the change rows refer to it by this key. */
function held(work: Workspace, key: Reference): string {
  const child = key.from.schema === work.sql.target.schema ? work.byName.get(key.from.root.table) : undefined;
  const refers = (alias: string): string =>
    key.columns
      .map((name, i) => `${alias}.${ident(name)} = l.${ident(key.parentColumns[i] as string)}`)
      .join(' AND ');
  const freed: string[] = [];
  if (child && child.rows.gone > 0)
    freed.push(` AND NOT EXISTS (SELECT FROM ${child.gone} x WHERE ${located('x')})`);
  if (child && child.rows.want > 0) {
    const moved = `x.tdr_columns && ARRAY[${key.columns.map(literal).join(', ')}]::text[]`;
    freed.push(` AND NOT EXISTS (SELECT FROM ${child.want} x WHERE ${located('x')} AND ${moved})`);
  }
  const table = `${ident(key.from.schema)}.${ident(key.from.table)}`;
  const ways = [`EXISTS (SELECT FROM ${table} c WHERE ${refers('c')}${freed.join('')})`];
  if (child && child.rows.want > 0) ways.push(`EXISTS (SELECT FROM ${child.want} c WHERE ${refers('c')})`);
  return `(${ways.join(' OR ')})`;
}

function located(alias: string): string {
  return `${alias}.tdr_ctid = c.ctid AND ${alias}.tdr_part = c.tableoid`;
}
