import type { Conflict, InboundReference, SharedNeed } from '../../engine/plan.ts';
import { heldByAnother } from '../other-owner.ts';
import type { Reference } from './catalog.ts';
import { foreignActions } from './catalog.ts';
import { keyText, shown } from './encoding.ts';
import { ident, literal } from './identifiers.ts';
import { findLoose } from './loose.ts';
import { findMovedHere } from './moved.ts';
import { withOwner } from './owner-lookup.ts';
import { named } from './ownership.ts';
import { sharedHas } from './shared.ts';
import { findTaken } from './uniques.ts';
import type { Slot, Workspace } from './workspace.ts';
import { columnOf, namingColumns, sameKey, sameRow } from './workspace.ts';

export interface Obstacles {
  conflicts: Conflict[];
  sharedNeeded: SharedNeed[];
  inbound: InboundReference[];
}

/**
 * Everything that stands against the compared effects. Writes nothing but marks in our own tables. `again`: only what
 * others may have changed since the same effects were looked at.
 */
export async function findObstacles(work: Workspace, again = false): Promise<Obstacles> {
  const found: Obstacles = { conflicts: [], sharedNeeded: [], inbound: [] };
  for (const slot of work.slots) {
    found.conflicts.push(...(await findLoose(work, slot)));
    if (slot.rows.want > 0) {
      found.conflicts.push(
        ...(again ? [] : await duplicateKeys(work, slot)),
        ...(await heldKeys(work, slot)),
        ...(await findTaken(work, slot)),
      );
      for (const key of slot.relation.foreignKeys) await missingParents(work, slot, key, found);
    }
    if (slot.rows.gone > 0 && !again) found.conflicts.push(...(await findMovedHere(work, slot)));
    if (slot.rows.want + slot.rows.gone > 0) {
      for (const key of slot.relation.referencedBy) await inboundRows(work, slot, key, found);
    }
  }
  return found;
}

/** Two rows of the backup that the live key takes for one (a key that became case-insensitive, say). */
async function duplicateKeys(work: Workspace, slot: Slot): Promise<Conflict[]> {
  if (slot.key.length === 0) return [];
  const key = slot.key.map((name) => `s.${ident(name)}`).join(', ');
  const text = keyText(
    's',
    slot.key.map((name) => columnOf(slot, name)),
  );
  const rows = await work.sql.rows(
    `SELECT min(${text}) AS key FROM ${slot.staged} s GROUP BY ${key} HAVING count(*) > 1 LIMIT ${named}`,
  );
  return rows.map((row) => ({
    kind: 'duplicate-key',
    table: slot.slice.name,
    key: row.key ?? '',
    detail: `The backup has several rows of ${slot.slice.name} with the key ${row.key} as the present table compares it.`,
    blocking: true,
  }));
}

/** The key of a row to bring back is held by a live row outside the slice. */
async function heldKeys(work: Workspace, slot: Slot): Promise<Conflict[]> {
  if (slot.key.length === 0) return [];
  const same = sameKey(slot, 't', 'w');
  const rows = await withOwner(
    work,
    slot,
    't',
    (owner) =>
      `SELECT w.tdr_key AS key, ${owner} AS tenant FROM ${slot.want} w JOIN ${slot.target} t ON ${same} WHERE w.tdr_kind = 'i' LIMIT ${named}`,
  );
  return rows.map((row) => heldByAnother(slot.slice.name, row.key ?? '', row.tenant ?? null));
}

function tableOf(side: { schema: string; table: string }): string {
  return `${ident(side.schema)}.${ident(side.table)}`;
}

function pairs(key: Reference, child: string, parent: string): string {
  return key.columns
    .map((name, i) => `${parent}.${ident(key.parentColumns[i] as string)} = ${child}.${ident(name)}`)
    .join(' AND ');
}

/** SQL for the referenced key as text, from the child's columns. */
function referredKey(key: Reference, alias: string): string {
  const parts = key.columns.map(
    (name) =>
      `CASE WHEN pg_typeof(${alias}.${ident(name)})::text IN ('smallint', 'integer', 'bigint') THEN ${shown(`${alias}.${ident(name)}`)} ELSE to_json(${shown(`${alias}.${ident(name)}`)})::text END`,
  );
  return `'[' || ${parts.join(` || ',' || `)} || ']'`;
}

/** Rows to write whose parent would not be there after the change. */
async function missingParents(work: Workspace, slot: Slot, key: Reference, found: Obstacles): Promise<void> {
  const owned = key.parent.schema === work.sql.target.schema ? work.byName.get(key.parent.table) : undefined;
  const leaving =
    owned && owned.rows.gone > 0
      ? ` AND NOT EXISTS (SELECT FROM ${owned.gone} g WHERE p.ctid = g.tdr_ctid AND p.tableoid = g.tdr_part)`
      : '';
  const present = [`EXISTS (SELECT FROM ${tableOf(key.parent)} p WHERE ${pairs(key, 'w', 'p')}${leaving})`];
  if (owned && owned.rows.want > 0)
    present.push(`EXISTS (SELECT FROM ${owned.want} q WHERE ${pairs(key, 'w', 'q')})`);
  const touched = `(w.tdr_kind = 'i' OR w.tdr_columns && ARRAY[${key.columns.map(literal).join(', ')}]::text[])`;
  const filled = key.columns.map((name) => `w.${ident(name)} IS NOT NULL`).join(' AND ');
  const rows = await work.sql.rows(
    `SELECT w.tdr_key AS row, ${referredKey(key, 'w')} AS target FROM ${slot.want} w WHERE ${touched} AND ${filled} AND NOT (${present.join(' OR ')}) LIMIT ${named}`,
  );
  for (const row of rows) {
    const target = row.target ?? '';
    const needed = `${slot.slice.name} ${row.row}`;
    const inBackup = owned ? false : sharedHas(work, key.table, target);
    if (!owned) found.sharedNeeded.push({ table: key.table, key: target, inBackup, neededBy: needed });
    found.conflicts.push({
      kind: 'reference-missing',
      table: slot.slice.name,
      key: row.row ?? '',
      constraint: key.name,
      other: { table: key.table, key: target },
      detail: owned
        ? `${needed} refers to ${key.table} ${target}, which this plan does not bring back.`
        : inBackup
          ? `${needed} needs ${key.table} ${target}, a shared row that is gone. The backup still has it: --with-shared brings it back.`
          : `${needed} needs ${key.table} ${target}, a shared row that is gone from here and not in the backup.`,
      blocking: true,
    });
  }
}

/** Rows, of any tenant and any schema, that refer to rows this plan deletes or whose referenced value it changes. */
async function inboundRows(work: Workspace, slot: Slot, key: Reference, found: Obstacles): Promise<void> {
  const child = key.from.schema === work.sql.target.schema ? work.byName.get(key.from.root.table) : undefined;
  const leaving: string[] = [];
  if (slot.rows.gone > 0)
    leaving.push(`SELECT l.* FROM ${slot.gone} g JOIN ${slot.live} l ON ${sameRow('l', 'g')}`);
  const moved = key.parentColumns.map((name) => `w.${ident(name)} = l.${ident(name)}`).join(' AND ');
  const changes = `w.tdr_columns && ARRAY[${key.parentColumns.map(literal).join(', ')}]::text[]`;
  if (slot.rows.want > 0) {
    leaving.push(
      `SELECT l.* FROM ${slot.want} w JOIN ${slot.live} l ON ${sameRow('l', 'w')} WHERE ${changes} AND (${moved}) IS NOT TRUE`,
    );
  }
  const returns =
    slot.rows.want > 0
      ? `EXISTS (SELECT FROM ${slot.want} r WHERE ${key.parentColumns.map((name) => `r.${ident(name)} = p.${ident(name)}`).join(' AND ')})`
      : 'false';
  const same = 'x.tdr_ctid = c.ctid AND x.tdr_part = c.tableoid';
  const freed: string[] = ['false'];
  if (child && child.rows.gone > 0) freed.push(`EXISTS (SELECT FROM ${child.gone} x WHERE ${same})`);
  if (child && child.rows.want > 0) {
    freed.push(
      `EXISTS (SELECT FROM ${child.want} x WHERE ${same} AND x.tdr_columns && ARRAY[${key.columns.map(literal).join(', ')}]::text[])`,
    );
  }
  const mine = child && child.rows.live > 0 ? `EXISTS (SELECT FROM ${child.live} x WHERE ${same})` : 'false';
  const relation = work.structure.relations.get(key.from.root.table);
  const naming =
    child && relation
      ? keyText('c', namingColumns(relation))
      : relation && key.from.schema === work.sql.target.schema
        ? keyText('c', namingColumns(relation))
        : referredKey(key, 'c');
  const parentKey = keyText(
    'p',
    key.parentColumns.map((name) => columnOf(slot, name)),
  );
  const rows = await withOwner(
    work,
    child,
    'c',
    (owner) => `SELECT ${naming} AS row, ${parentKey} AS target, ${owner} AS tenant, ${mine} AS mine
     FROM (${leaving.join(' UNION ALL ')}) p JOIN ${tableOf(key.from)} c ON ${pairs(key, 'c', 'p')}
     WHERE NOT (${freed.join(' OR ')}) AND NOT ${returns} LIMIT ${named}`,
  );
  const name =
    key.from.schema === work.sql.target.schema ? key.from.root.table : `${key.from.schema}.${key.from.table}`;
  for (const row of rows) {
    const [own, target, tenant] = [row.row ?? '', row.target ?? '', row.tenant ?? null];
    const isMine = row.mine === 't';
    const other = { table: slot.slice.name, key: target, ...(tenant === null ? {} : { tenant }) };
    if (!isMine) {
      found.inbound.push({
        table: name,
        key: own,
        refersTo: { table: slot.slice.name, key: target },
        onDelete: foreignActions[key.onDelete],
        ...(tenant === null ? {} : { tenant }),
      });
    }
    found.conflicts.push({
      kind: 'inbound-reference',
      table: name,
      key: own,
      constraint: key.name,
      other,
      detail: isMine
        ? `${name} ${own} stays, but refers to ${slot.slice.name} ${target}, which this plan deletes. Mode keep-new keeps both.`
        : `${name} ${own}${tenant === null ? '' : ` of tenant ${tenant}`} refers to ${slot.slice.name} ${target}, which this plan deletes.`,
      blocking: true,
    });
  }
}
