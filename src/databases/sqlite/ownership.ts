import type { Conflict } from '../../engine/plan.ts';
import type { Link } from '../../engine/slice.ts';
import { keyText } from './encoding.ts';
import { quote } from './identifiers.ts';
import type { Place } from './owner-walk.ts';
import { OwnerWalk } from './owner-walk.ts';
import { refersTo } from './reference.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { located, locator } from './workspace.ts';

/** At most this many rows are named per table and finding: a report is for people. */
export const named = 20;

/** Key columns of a table for people: its primary key, or all columns where it has none. */
export function keyColumns(table: TableWork): string[] {
  return table.live.primaryKey.length > 0 ? table.live.primaryKey : table.columns;
}

export function keyTextOf(table: TableWork, alias: string): string {
  return keyText(keyColumns(table).map((column) => `${alias}.${quote(column)}`));
}

/**
 * Rows of the slice one of whose keys leads to another tenant. Where ownership itself goes through keys the row
 * has two owners; where a tenant column decides, it is only reported.
 */
export function findDisagreements(work: Workspace): Conflict[] {
  const conflicts: Conflict[] = [];
  for (const table of work.tables) {
    const links =
      table.slice.membership.via === 'links' ? table.slice.membership.links : table.slice.crossLinks;
    if (table.slice.membership.via === 'links' && links.length < 2) continue;
    for (const link of links) conflicts.push(...disagreeing(work, table, link));
  }
  return conflicts;
}

function disagreeing(work: Workspace, table: TableWork, link: Link): Conflict[] {
  const conflicts: Conflict[] = [];
  const walk = new OwnerWalk(work);
  const parent = work.byName.get(link.parent) as TableWork;
  for (const [key, ...place] of elsewhere(work, table, link)) {
    const owner = walk.of(parent, place);
    if (!owner || owner.ours) continue;
    conflicts.push(disagreement(table, link, key, owner.tenant));
    if (conflicts.length === named) break;
  }
  return conflicts;
}

/** Rows of the slice with a key that leads to a row that is not in it, and where that one is. */
function elsewhere(work: Workspace, table: TableWork, link: Link): Iterable<[string, ...Place]> {
  const parent = work.byName.get(link.parent) as TableWork;
  const matches = refersTo(link, { table: table.live, alias: 't' }, { table: parent.live, at: 'p' });
  return work.connection
    .prepare(
      `SELECT ${[keyTextOf(table, 't'), ...locator(parent.live, 'p')].join(', ')} FROM temp.${table.names.liveRows} r ` +
        `CROSS JOIN main.${quote(table.slice.name)} t ON ${located(table.live, 't', 'r', 'l')} ` +
        `CROSS JOIN main.${quote(link.parent)} p ON ${matches} ` +
        `WHERE NOT EXISTS (SELECT 1 FROM temp.${parent.names.liveRows} h WHERE ${located(parent.live, 'p', 'h', 'l')})`,
    )
    .raw()
    .iterate() as Iterable<[string, ...Place]>;
}

function disagreement({ slice }: TableWork, link: Link, key: string, tenant: string): Conflict {
  const by = link.columns.join(', ');
  return {
    kind: 'paths-disagree',
    table: slice.name,
    key,
    constraint: by,
    other: { table: link.parent, tenant },
    detail:
      slice.membership.via === 'links'
        ? `${slice.name} ${key} belongs to this tenant by one key and to tenant ${tenant} by ${by}.`
        : `${slice.name} ${key} is this tenant's, but its ${by} leads to a row of tenant ${tenant}.`,
    blocking: false,
  };
}
