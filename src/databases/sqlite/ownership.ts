import type { Conflict } from '../../engine/plan.ts';
import type { Link } from '../../engine/slice.ts';
import { keyText } from './encoding.ts';
import { quote } from './identifiers.ts';
import { refersTo } from './reference.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { located, theTenant } from './workspace.ts';

/** At most this many rows are named per table and finding: a report is for people. */
export const named = 20;

/**
 * SQL for the id of the tenant a live row belongs to, or NULL: the tenant column, or along the links. Loops are
 * followed only where the census prepared the owners. `depth` keeps the aliases of nested lookups apart.
 */
export function ownerOf(work: Workspace, table: TableWork, alias: string, depth = 0): string {
  const { membership } = table.slice;
  if (membership.via !== 'links') return `${alias}.${quote(membership.column)}`;
  if (table.names.owners) {
    return `(SELECT w.owner FROM temp.${table.names.owners} w WHERE ${located(table.live, alias, 'w', 'l')})`;
  }
  const ways = membership.links.map((link) => ownerThrough(work, table, link, alias, depth));
  return ways.length === 1 ? (ways[0] as string) : `coalesce(${ways.join(', ')})`;
}

/** SQL for the owner of the live row a link leads to. */
export function ownerThrough(
  work: Workspace,
  table: TableWork,
  link: Link,
  alias: string,
  depth: number,
): string {
  const parent = work.byName.get(link.parent) as TableWork;
  const inner = `o${depth}`;
  const condition = refersTo(link, { table: table.live, alias }, { table: parent.live, at: inner });
  return `(SELECT ${ownerOf(work, parent, inner, depth + 1)} FROM main.${quote(link.parent)} ${inner} WHERE ${condition})`;
}

/** SQL for an owner as text: decimal, the text itself, or lower-case hex of a blob. */
export function ownerText(owner: string): string {
  return `CASE typeof(${owner}) WHEN 'blob' THEN lower(hex(${owner})) ELSE CAST(${owner} AS TEXT) END`;
}

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
  const owner = ownerThrough(work, table, link, 't', 0);
  const rows = work.connection
    .prepare(
      `SELECT k, ${ownerText('o')} FROM (SELECT ${keyTextOf(table, 't')} AS k, ${owner} AS o FROM temp.${table.names.liveRows} r ` +
        `CROSS JOIN main.${quote(table.slice.name)} t ON ${located(table.live, 't', 'r', 'l')}) ` +
        `WHERE o IS NOT NULL AND o <> ${theTenant} LIMIT ${named}`,
    )
    .raw()
    .all() as [string, string][];
  const inherits = table.slice.membership.via === 'links';
  return rows.map(([key, tenant]) => ({
    kind: 'paths-disagree',
    table: table.slice.name,
    key,
    constraint: link.columns.join(', '),
    other: { table: link.parent, tenant },
    detail: inherits
      ? `${table.slice.name} ${key} belongs to this tenant by one key and to tenant ${tenant} by ${link.columns.join(', ')}.`
      : `${table.slice.name} ${key} is this tenant's, but its ${link.columns.join(', ')} leads to a row of tenant ${tenant}.`,
    blocking: false,
  }));
}
