import type { Conflict } from '../../engine/plan.ts';
import { canBeLoose, type Link, waysOf } from '../../engine/slice.ts';
import { cutLoose, usedByAnother } from '../other-owner.ts';
import { quote, temporary } from './identifiers.ts';
import type { Place } from './owner-walk.ts';
import { OwnerWalk } from './owner-walk.ts';
import { keyTextOf, named } from './ownership.ts';
import { refersTo } from './reference.ts';
import { scratchTable } from './scratch.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { located, locator, locatorColumns, locatorTable } from './workspace.ts';

/**
 * Rows cut loose: nobody's now, because every key of theirs that led to a tenant was set to NULL or leads to no row,
 * while the row of that very key was the tenant's in the backup. ON DELETE SET NULL leaves such rows behind.
 */
export function looseRows(work: Workspace, table: TableWork): string {
  const staged = table.staged as NonNullable<TableWork['staged']>;
  const name = quote(table.slice.name);
  const same = table.slice.key.map((column) => `t.${quote(column)} = s.${quote(column)}`).join(' AND ');
  const rows =
    `temp.${table.names.stagedRows} r CROSS JOIN staged.${name} s ON ${located(staged, 's', 'r', 's')} ` +
    `CROSS JOIN main.${name} t ON ${same}`;
  const known = `EXISTS (SELECT 1 FROM temp.${table.names.liveRows} l WHERE ${located(table.live, 't', 'l', 'l')})`;
  return `${rows} WHERE ${isLoose(work, table, `${rows} WHERE NOT ${known}`)}`;
}

/**
 * "no key of this live row (t) leads to anybody": none out of the table to any row, none that loops through other
 * tables (a chat's last line) to somebody's, and within the table only to rows of which the same is true.
 * @param rows what follows FROM, WHERE included: the rows of which it will be asked
 */
function isLoose(work: Workspace, table: TableWork, rows: string): string {
  const { membership } = table.slice;
  if (membership.via !== 'links') return `t.${quote(membership.column)} IS NULL`;
  const nowhere = membership.links
    .map(
      (link) => `NOT EXISTS (SELECT 1 FROM main.${quote(link.parent)} o WHERE ${leads(work, table, link)})`,
    )
    .join(' AND ');
  if (!membership.loops) return nowhere;
  const holder = temporary(`loose_${table.index}`);
  scratchTable(work.connection, holder, locatorTable(table.live, 'l', ''));
  const at = locator(table.live, 't');
  const candidates = `SELECT ${at.join(', ')} FROM ${rows} AND ${nowhere}`;
  const add = work.connection.prepare(
    `INSERT OR IGNORE INTO temp.${holder} VALUES (${at.map(() => '?').join(', ')})`,
  );
  const walk = new OwnerWalk(work);
  for (const place of work.connection.prepare(candidates).raw().all() as Place[])
    if (walk.leadsToNobody(table, place)) add.run(...place);
  return `EXISTS (SELECT 1 FROM temp.${holder} h WHERE ${located(table.live, 't', 'h', 'l')})`;
}

function leads(work: Workspace, table: TableWork, link: Link): string {
  const parent = work.byName.get(link.parent) as TableWork;
  return refersTo(link, { table: table.live, alias: 't' }, { table: parent.live, at: 'o' });
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
  const cleared = `r.adopted = 1 AND NOT ${leadsOut(table, 't')}`;
  const loose = `${cleared} AND ${isLoose(work, table, `${adopted} WHERE ${cleared}`)}`;
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
        // One after the other: everybody's row may be used by very many.
        const rows = work.connection
          .prepare(
            `SELECT ${[keyTextOf(table, 't'), keyTextOf(child, 'c'), ...locator(child.live, 'c')].join(', ')} ` +
              `FROM ${adopted} CROSS JOIN main.${quote(child.slice.name)} c ON ${refers} WHERE ${loose} AND e.op IS NOT NULL`,
          )
          .raw()
          .iterate() as Iterable<[string, string, ...Place]>;
        const walk = new OwnerWalk(work);
        const found: Conflict[] = [];
        for (const [own, used, ...place] of rows) {
          const owner = walk.of(child, place);
          if (!owner || owner.ours) continue;
          const by = { table: child.slice.name, key: used, tenant: owner.tenant };
          found.push(usedByAnother(table.slice.name, own, by));
          if (found.length === named) break;
        }
        return found;
      }),
  );
}
