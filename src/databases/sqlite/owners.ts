import type { Link } from '../../engine/slice.ts';
import { linksOf, plainLinksOf, tablesAbove, waypoints } from '../../engine/slice.ts';
import { quote, temporary } from './identifiers.ts';
import type { SqliteTable } from './introspect.ts';
import { refersTo } from './reference.ts';
import { scratchTable } from './scratch.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { affinityIn, keyCollations, located, locator, locatorTable } from './workspace.ts';

/**
 * Finds the owners of all rows of some tables, so that `ownerOf` looks them up: of those whose ownership loops, and of
 * those that many ways lead over (each key doubles or trebles them). The first key that leads to somebody decides;
 * loops are followed until nothing new is found. Call before `ownerOf`. `only`: the one table that will be asked about.
 */
export function prepareOwners(work: Workspace, only?: TableWork): void {
  const between = waypoints(work.tables.map(({ slice }) => slice));
  const asked = only ? tablesAbove(only, work.byName, linksOf) : new Set(work.tables);
  const kept = [...asked]
    .filter((table) => loopsOf(table).length > 0 || between.has(table.slice.name))
    .sort((a, b) => a.index - b.index);
  for (const table of kept) {
    table.names.owners = temporary(`owners_${table.index}`);
    scratchTable(work.connection, table.names.owners, locatorTable(table.live, 'l', 'owner'));
  }
  const looping = kept.some((table) => loopsOf(table).length > 0);
  const add = (table: TableWork, links: Link[]): number =>
    links.reduce((found, link) => found + addOwners(work, table, link), 0);
  for (const table of kept) add(table, plainLinksOf(table.slice));
  for (let found = looping ? 1 : 0; found > 0; )
    found = kept.reduce((sum, table) => sum + add(table, linksOf(table.slice)), 0);
}

/** Owners of rows that have none yet, along one key; how many. */
function addOwners(work: Workspace, table: TableWork, link: Link): number {
  const holder = table.names.owners;
  return work.connection
    .prepare(
      `INSERT OR IGNORE INTO temp.${holder} SELECT ${locator(table.live, 't').join(', ')}, ${ownerThrough(work, table, link, 't', 0)} AS o ` +
        `FROM main.${quote(table.slice.name)} t WHERE NOT EXISTS (SELECT 1 FROM temp.${holder} h WHERE ${located(table.live, 't', 'h', 'l')}) AND o IS NOT NULL`,
    )
    .run().changes;
}

function loopsOf({ slice }: TableWork): Link[] {
  return slice.membership.via === 'links' ? (slice.membership.loops ?? []) : [];
}

/**
 * SQL for the id of the tenant a live row belongs to, or NULL: the tenant column, or along the links. For readings of
 * whole tables, after `prepareOwners`. `depth` keeps the aliases of nested lookups apart.
 */
export function ownerOf(work: Workspace, table: TableWork, alias: string, depth = 0): string {
  const { membership } = table.slice;
  if (membership.via !== 'links') return ownerNamed(work, table.live, membership.column, alias, depth);
  if (table.names.owners) {
    return `(SELECT w.owner FROM temp.${table.names.owners} w WHERE ${located(table.live, alias, 'w', 'l')})`;
  }
  const ways = membership.links.map((link) => ownerThrough(work, table, link, alias, depth));
  return ways.length === 1 ? (ways[0] as string) : `coalesce(${ways.join(', ')})`;
}

/**
 * SQL for what the tenant column holds; where the tenants table takes values that are written otherwise for the same
 * (other letter case, say), as that table writes it, else as it stands: the tenant may be gone.
 */
function ownerNamed(
  { root }: Workspace,
  table: SqliteTable,
  column: string,
  alias: string,
  depth: number,
): string {
  const held = `${alias}.${quote(column)}`;
  const asWritten =
    affinityIn(table, column) === affinityIn(root.table, root.column) &&
    keyCollations(root.table, [root.column])[0] === 'BINARY';
  if (table.name === root.table.name || asWritten) return held;
  const link = { columns: [column], parentColumns: [root.column] };
  const condition = refersTo(link, { table, alias }, { table: root.table, at: `r${depth}` });
  const known = `(SELECT r${depth}.${quote(root.column)} FROM main.${quote(root.table.name)} r${depth} WHERE ${condition})`;
  return `coalesce(${known}, ${held})`;
}

/** SQL for the owner of the live row a link leads to. */
function ownerThrough(work: Workspace, table: TableWork, link: Link, alias: string, depth: number): string {
  const parent = work.byName.get(link.parent) as TableWork;
  const inner = `o${depth}`;
  const condition = refersTo(link, { table: table.live, alias }, { table: parent.live, at: inner });
  return `(SELECT ${ownerOf(work, parent, inner, depth + 1)} FROM main.${quote(link.parent)} ${inner} WHERE ${condition})`;
}

/** SQL for an owner as text: decimal, the text itself, or lower-case hex of a blob. */
export function ownerText(owner: string): string {
  return `CASE typeof(${owner}) WHEN 'blob' THEN lower(hex(${owner})) ELSE CAST(${owner} AS TEXT) END`;
}
