import type { Conflict } from '../../engine/plan.ts';
import { canBeLoose, type Link, waysOf } from '../../engine/slice.ts';
import { cutLoose, usedByAnother } from '../other-owner.ts';
import { quote } from './identifiers.ts';
import { keyTextOf, named, ownerOf, ownerText } from './ownership.ts';
import { refersTo } from './reference.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { located, locatorColumns, theTenant } from './workspace.ts';

/**
 * Rows cut loose: nobody's now, because every key of theirs that led to a tenant was set to NULL or leads to no row,
 * while the row of that very key was the tenant's in the backup. ON DELETE SET NULL leaves such rows behind.
 */
export function looseRows(work: Workspace, table: TableWork): string {
  const staged = table.staged as NonNullable<TableWork['staged']>;
  const name = quote(table.slice.name);
  const same = table.slice.key.map((column) => `t.${quote(column)} = s.${quote(column)}`).join(' AND ');
  return (
    `temp.${table.names.stagedRows} r CROSS JOIN staged.${name} s ON ${located(staged, 's', 'r', 's')} ` +
    `CROSS JOIN main.${name} t ON ${same} WHERE ${isLoose(work, table, 't')}`
  );
}

/**
 * "no key of this live row leads to anybody": none out of the table to any row, none that loops through other tables
 * (a chat's last line) to somebody's, and within the table only to rows of which the same is true.
 */
function isLoose(work: Workspace, table: TableWork, alias: string): string {
  const { membership } = table.slice;
  if (membership.via !== 'links') return `${alias}.${quote(membership.column)} IS NULL`;
  const { links, loops = [] } = membership;
  const within = loops.filter((link) => link.parent === table.slice.name);
  const leadsNowhere = (from: string): string =>
    [...links, ...loops.filter((link) => !within.includes(link))]
      .map((link) => {
        const somebodys = `${ownerOf(work, work.byName.get(link.parent) as TableWork, 'o')} IS NOT NULL`;
        const held = `${leads(work, table, link, from, 'o')}${loops.includes(link) ? ` AND ${somebodys}` : ''}`;
        return `NOT EXISTS (SELECT 1 FROM main.${quote(link.parent)} o WHERE ${held})`;
      })
      .join(' AND ');
  if (within.length === 0) return leadsNowhere(alias);
  const { key } = table.slice;
  const name = `main.${quote(table.slice.name)}`;
  const next = (from: string, to: string): string =>
    `(${within.map((link) => `(${leads(work, table, link, from, to)})`).join(' OR ')})`;
  const list = (of: string): string => key.map((column) => `${of}.${quote(column)}`).join(', ');
  const found = key.map((column, i) => `p.${quote(column)} = up.k${i}`).join(' AND ');
  return (
    `${leadsNowhere(alias)} AND NOT EXISTS (WITH RECURSIVE up(${key.map((_, i) => `k${i}`).join(', ')}) AS ` +
    `(SELECT ${list('p')} FROM ${name} p WHERE ${next(alias, 'p')} UNION ` +
    `SELECT ${list('q')} FROM up JOIN ${name} p ON ${found} JOIN ${name} q ON ${next('p', 'q')}) ` +
    `SELECT 1 FROM up JOIN ${name} p ON ${found} WHERE NOT (${leadsNowhere('p')}))`
  );
}

function leads(work: Workspace, table: TableWork, link: Link, from: string, to: string): string {
  const parent = work.byName.get(link.parent) as TableWork;
  return refersTo(link, { table: table.live, alias: from }, { table: parent.live, at: to });
}

/** What is to be said of rows that were cut loose, and what stands against putting them back. Call after comparing. */
export function findLoose(work: Workspace, table: TableWork): Conflict[] {
  if (!table.staged || !canBeLoose(table.slice)) return [];
  const adopted =
    `temp.${table.names.liveRows} r CROSS JOIN main.${quote(table.slice.name)} t ON ${located(table.live, 't', 'r', 'l')} ` +
    `LEFT JOIN temp.${table.names.effects} e ON ${locatorColumns(table.live, 'l')
      .map((column) => `e.${column} = r.${column}`)
      .join(' AND ')}`;
  // A row whose parent comes back is as it was: there is nothing to say of it.
  const loose = `r.adopted = 1 AND NOT ${leadsOut(table, 't')} AND ${isLoose(work, table, 't')}`;
  const found = lookedAt(work, table, adopted, loose);
  return found.length > 0 ? [...found, ...inUse(work, table, adopted, loose)] : found;
}

function lookedAt(work: Workspace, table: TableWork, adopted: string, loose: string): Conflict[] {
  const same = table.slice.key.map((column) => `t.${quote(column)} = s.${quote(column)}`).join(' AND ');
  const rows = work.connection
    .prepare(
      `SELECT e.op IS NOT NULL, count(*), min(${keyTextOf(table, 't')}) FROM ${adopted} JOIN ${table.source.from} ON ${same} ` +
        `WHERE ${loose} AND ${leadsOut(table, 's')} GROUP BY 1`,
    )
    .raw()
    .all() as [bigint, bigint, string][];
  return rows.map(([back, count, key]) => cutLoose(table.slice.name, key, Number(count), back === 1n));
}

/** "a key of this row that leads out of the table is filled in". */
export function leadsOut({ slice }: TableWork, alias: string): string {
  const ways = waysOf(slice).map((way) =>
    way.map((column) => `${alias}.${quote(column)} IS NOT NULL`).join(' AND '),
  );
  return `(${ways.join(' OR ')})`;
}

/** A row without a tenant may be everybody's: it stays so while rows of others refer to it. */
function inUse(work: Workspace, table: TableWork, adopted: string, loose: string): Conflict[] {
  if (table.slice.membership.via !== 'column') return [];
  return work.tables.flatMap((child) =>
    child.live.foreignKeys
      .filter((key) => key.table === table.slice.name)
      .flatMap((key) => {
        const refers = refersTo(key, { table: child.live, alias: 'c' }, { table: table.live, at: 't' });
        const rows = work.connection
          .prepare(
            `SELECT k, ck, ${ownerText('o')} FROM (SELECT ${keyTextOf(table, 't')} AS k, ${keyTextOf(child, 'c')} AS ck, ${ownerOf(work, child, 'c')} AS o ` +
              `FROM ${adopted} CROSS JOIN main.${quote(child.slice.name)} c ON ${refers} WHERE ${loose} AND e.op IS NOT NULL) ` +
              `WHERE o IS NOT NULL AND o <> ${theTenant} LIMIT ${named}`,
          )
          .raw()
          .all() as [string, string, string][];
        return rows.map(([own, other, tenant]) =>
          usedByAnother(table.slice.name, own, { table: child.slice.name, key: other, tenant }),
        );
      }),
  );
}
