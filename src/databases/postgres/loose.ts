import type { Conflict } from '../../engine/plan.ts';
import { canBeLoose, type Link, linksOf, waysOf } from '../../engine/slice.ts';
import { cutLoose, usedByAnother } from '../other-owner.ts';
import { keyText, rowHash } from './encoding.ts';
import { ident, identList, literal } from './identifiers.ts';
import { ownerOf } from './owner-lookup.ts';
import { named } from './ownership.ts';
import type { Slot, Workspace } from './workspace.ts';
import { namingColumns, sameKey, sameRow } from './workspace.ts';

/**
 * Rows cut loose: nobody's now, because every key of theirs that led to a tenant was set to NULL or leads to no row,
 * while the row of that very key was the tenant's in the backup. ON DELETE SET NULL leaves such rows behind. Here
 * it is asked, by the keys of staged rows that the live slice lacks, whether there are any; or will be, after an undo.
 */
export function looseCondition(work: Workspace, slot: Slot): string | null {
  if (slot.rows.staged === 0) return null;
  const later = work.stagedAs === 'whole' && canBeKnown(slot) ? stagedLoose(work, slot) : null;
  if (!canBeLoose(slot.slice)) return later;
  const same = (alias: string): string => sameKey(slot, alias, 's');
  const lacking = `SELECT ${identList(slot.key, 's')} FROM ${slot.staged} s WHERE NOT EXISTS (SELECT FROM ${slot.live} l WHERE ${same('l')}) OFFSET 0`;
  const now = `EXISTS (SELECT FROM (${lacking}) s, LATERAL (SELECT FROM ${slot.target} t WHERE ${same('t')} AND ${isLoose(work, slot, 't')} LIMIT 1) q)`;
  return later === null ? now : `(${now} OR ${later})`;
}

/** A staged row leads to no staged row: it was cut loose when it was saved, or its parent was gone, and will be again. */
function stagedLoose(work: Workspace, slot: Slot): string {
  const { membership } = slot.slice;
  if (membership.via !== 'links')
    return `EXISTS (SELECT FROM ${slot.staged} s WHERE NOT ${leadsOut(slot, 's', slot.common ?? [])})`;
  const led = membership.links.flatMap((link) => {
    const parent = work.byName.get(link.parent) as Slot;
    const known =
      link.columns.every((name) => slot.common?.includes(name)) &&
      link.parentColumns.every((name) => parent.common?.includes(name));
    return known ? [` AND NOT EXISTS (SELECT FROM ${parent.staged} p WHERE ${leads(link, 's', 'p')})`] : [];
  });
  return `EXISTS (SELECT FROM ${slot.staged} s WHERE true${led.join('')})`;
}

/** By its key, or by all it holds. The way up along a table's keys to itself is followed by key alone. */
function canBeKnown({ slice, key }: Slot): boolean {
  return key.length > 0 || !linksOf(slice).some(({ parent }) => parent === slice.name);
}

/** Condition on a live row (t) that it was cut loose and is the tenant's in the backup. */
export function looseMember(work: Workspace, slot: Slot): string {
  const staged =
    slot.key.length > 0
      ? `(${identList(slot.key, 't')}) IN (SELECT ${identList(slot.key, 's')} FROM ${slot.staged} s)`
      : `${rowHash('t', slot.common ?? [])} IN (SELECT s.tdr_hash FROM ${slot.staged} s)`;
  return `${staged} AND ${isLoose(work, slot, 't')}`;
}

/**
 * "no key of this row leads to anybody": none out of the table to any row, none that loops through other tables (a
 * chat's last line) to somebody's, and within the table only to rows of which the same is true.
 */
function isLoose(work: Workspace, slot: Slot, alias: string): string {
  const { membership } = slot.slice;
  if (membership.via !== 'links') return `${alias}.${ident(membership.column)} IS NULL`;
  const { links, loops = [] } = membership;
  const within = loops.filter((link) => link.parent === slot.slice.name);
  const leadsNowhere = (from: string): string =>
    [...links, ...loops.filter((link) => !within.includes(link))]
      .map((link) => {
        const parent = work.byName.get(link.parent) as Slot;
        const somebodys = loops.includes(link) ? ` AND ${ownerOf(work, parent, 'o')} IS NOT NULL` : '';
        return `NOT EXISTS (SELECT FROM ${parent.target} o WHERE ${leads(link, from, 'o')}${somebodys})`;
      })
      .join(' AND ');
  if (within.length === 0) return leadsNowhere(alias);
  const next = (from: string, to: string): string =>
    `(${within.map((link) => `(${leads(link, from, to)})`).join(' OR ')})`;
  const found = sameKey(slot, 'p', 'up');
  return `${leadsNowhere(alias)} AND NOT EXISTS (WITH RECURSIVE up AS
    (SELECT ${identList(slot.key, 'p')} FROM ${slot.target} p WHERE ${next(alias, 'p')} UNION
     SELECT ${identList(slot.key, 'q')} FROM up JOIN ${slot.target} p ON ${found} JOIN ${slot.target} q ON ${next('p', 'q')})
    SELECT FROM up JOIN ${slot.target} p ON ${found} WHERE NOT (${leadsNowhere('p')}))`;
}

function leads(link: Link, from: string, to: string): string {
  return link.columns
    .map((name, i) => `${to}.${ident(link.parentColumns[i] as string)} = ${from}.${ident(name)}`)
    .join(' AND ');
}

/** "a key of this row that leads out of the table is filled in". */
function leadsOut(slot: Slot, alias: string, columns = slot.columns): string {
  const ways = waysOf(slot.slice).filter((way) => way.every((name) => columns.includes(name)));
  const each = ways.map((way) => way.map((name) => `${alias}.${ident(name)} IS NOT NULL`).join(' AND '));
  return `(${each.join(' OR ') || 'false'})`;
}

/** What is to be said of rows that were cut loose, and what stands against putting them back. Call after comparing. */
export async function findLoose(work: Workspace, slot: Slot): Promise<Conflict[]> {
  if (!work.loose.has(slot.slice.name) || slot.rows.live === 0 || slot.key.length === 0) return [];
  // A row whose parent comes back is as it was: there is nothing to say of it.
  const cleared = `NOT ${leadsOut(slot, 'l')} AND ${isLoose(work, slot, 'l')}`;
  const [back, want] =
    slot.rows.want > 0
      ? ['w.tdr_kind IS NOT NULL', `LEFT JOIN ${slot.want} w ON ${sameRow('l', 'w')}`]
      : ['false', ''];
  const same = sameKey(slot, 'l', 's');
  const rows = await work.sql.rows(
    `SELECT ${back} AS back, count(*) AS n, min(${keyText('l', namingColumns(slot.relation))}) AS key
     FROM ${slot.live} l JOIN ${slot.staged} s ON ${same} ${want} WHERE ${cleared} AND ${leadsOut(slot, 's', slot.common ?? [])} GROUP BY 1`,
  );
  const found = rows.map((row) => cutLoose(slot.slice.name, row.key ?? '', Number(row.n), row.back === 't'));
  return rows.length > 0 ? [...found, ...(await inUse(work, slot))] : found;
}

/** A row without a tenant may be everybody's: it stays so while rows of others refer to it. */
async function inUse(work: Workspace, slot: Slot): Promise<Conflict[]> {
  if (slot.slice.membership.via !== 'column' || slot.rows.want === 0) return [];
  const found: Conflict[] = [];
  for (const key of slot.relation.referencedBy) {
    const child =
      key.from.schema === work.sql.target.schema ? work.byName.get(key.from.root.table) : undefined;
    if (!child) continue;
    const refers = key.columns.map(
      (name, i) => `c.${ident(name)} = l.${ident(key.parentColumns[i] as string)}`,
    );
    const used = `FROM ${slot.live} l JOIN ${slot.want} w ON ${sameRow('l', 'w')} JOIN ${child.target} c ON ${refers.join(' AND ')} WHERE ${isLoose(work, slot, 'l')}`;
    if ((await work.sql.value(`SELECT EXISTS (SELECT ${used})`)) === 'f') continue;
    const rows = await work.sql.rows(
      `SELECT q.k, q.ck, q.o FROM (SELECT w.tdr_key AS k, ${keyText('c', namingColumns(child.relation))} AS ck, ${ownerOf(work, child, 'c')} AS o ${used} OFFSET 0) q
       WHERE q.o <> ${literal(work.tenant.text)} LIMIT ${named}`,
    );
    for (const row of rows)
      found.push(
        usedByAnother(slot.slice.name, row.k ?? '', {
          table: child.slice.name,
          key: row.ck ?? '',
          tenant: row.o ?? '',
        }),
      );
  }
  return found;
}
