import type { Collected } from '../../engine/port.ts';
import type { Link } from '../../engine/slice.ts';
import { canBeLoose, linksOf } from '../../engine/slice.ts';
import type { TenantId } from '../../engine/tenant.ts';
import { affinityOf, quote, temporary } from './identifiers.ts';
import type { SqliteTable } from './introspect.ts';
import { looseRows } from './loose.ts';
import { findDisagreements } from './ownership.ts';
import { ownColumn, refersTo } from './reference.ts';
import { scratchTable } from './scratch.ts';
import { bindId } from './tenants.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { keyCollations, located, locator, locatorTable, tenantIdTable } from './workspace.ts';

/** Keys of a parent table under which children belong to the tenant: one temporary table per set of columns. */
export function keysTable(parent: TableWork, columns: string[]): string {
  const positions = columns.map((column) => parent.live.columns.findIndex((known) => known.name === column));
  return temporary(`keys_${parent.index}_${positions.join('_')}`);
}

/**
 * Finds the rows of one tenant, live and staged, parents first.
 *
 * A live child whose live parent is gone belongs to the tenant when the staged slice holds that parent and no
 * live row has its key: the damage that left it an orphan does not make it anybody else's. Neither does damage that
 * cleared its own key (`loose.ts`). Such rows are marked `adopted`.
 */
export function collect(work: Workspace, tenant: TenantId, staged: 'none' | 'slice' | 'whole'): Collected {
  const { connection, root } = work;
  const id = affinityOf(root.table.columns.find((column) => column.name === root.column)?.type ?? '');
  scratchTable(connection, tenantIdTable, `(id ${id})`);
  connection.prepare(`INSERT INTO temp.${tenantIdTable} VALUES (?)`).run(bindId(tenant));
  for (const table of work.tables) {
    scratchTable(connection, table.names.stagedRows, locatorTable(table.staged ?? table.live, 's', ''));
    scratchTable(connection, table.names.liveRows, locatorTable(table.live, 'l', 'adopted INTEGER'));
    clearKeys(work, table);
  }
  followLinks(work, staged);
  const counts: Collected['tables'] = {};
  for (const table of work.tables) {
    table.key = usableKey(work, table);
    counts[table.slice.name] = {
      live: count(work, table.names.liveRows),
      staged: count(work, table.names.stagedRows),
    };
  }
  return { tables: counts, disagreements: findDisagreements(work) };
}

/**
 * One pass, parents first; then again over tables whose keys loop, and over whatever belongs through a table in which
 * more was found.
 */
function followLinks(work: Workspace, staged: 'none' | 'slice' | 'whole'): void {
  const look = (table: TableWork): number => {
    addStaged(work, table, staged);
    addLive(work, table);
    makeKeys(work, table);
    return count(work, table.names.liveRows) + count(work, table.names.stagedRows);
  };
  const held = new Map(work.tables.map((table) => [table, look(table)]));
  const again = new Set(
    work.tables.filter(({ slice }) => slice.membership.via === 'links' && slice.membership.loops),
  );
  // A set is walked while it grows.
  for (const table of again) {
    again.delete(table);
    const now = look(table);
    if (now === held.get(table)) continue;
    held.set(table, now);
    for (const child of work.tables)
      if (linksOf(child.slice).some(({ parent }) => parent === table.slice.name)) again.add(child);
  }
}

/**
 * Finds the slice's live rows again after the change, under the keys that were known before it: a child of a parent
 * the change deleted is still looked at, and so is one of a parent it brought back.
 */
export function recollectLive(work: Workspace): void {
  for (const table of work.tables) {
    scratchTable(work.connection, table.names.liveRows, locatorTable(table.live, 'l', 'adopted INTEGER'));
    addLive(work, table);
  }
}

function count(work: Workspace, name: string): number {
  return Number(work.connection.prepare(`SELECT count(*) FROM temp.${name}`).pluck().get());
}

function addLive(work: Workspace, table: TableWork): void {
  const { connection } = work;
  const real = `main.${quote(table.slice.name)} t`;
  const found = locator(table.live, 't').join(', ');
  const into = `INSERT OR IGNORE INTO temp.${table.names.liveRows}`;
  const { membership } = table.slice;
  if (membership.via !== 'links') {
    connection.exec(
      `${into} SELECT ${found}, 0 FROM ${real} WHERE ${ownColumn(work, table.live, 't', membership.column)}`,
    );
  }
  // First by keys of live parents, then by keys only the backup still has: the first mark stays.
  for (const adopted of [0, 1]) {
    for (const link of linksOf(table.slice)) {
      connection.exec(
        `${into} SELECT ${found}, ${adopted} ` +
          `FROM temp.${keysTable(parentOf(work, link), link.parentColumns)} k CROSS JOIN ${real} ` +
          `WHERE k.adopted = ${adopted} AND ${linkCondition(work, table.live, link, 't', 'k')}`,
      );
    }
  }
  if (canBeLoose(table.slice) && hasKey(table))
    connection.exec(`${into} SELECT ${found}, 1 FROM ${looseRows(work, table)}`);
}

function addStaged(work: Workspace, table: TableWork, staged: 'none' | 'slice' | 'whole'): void {
  if (!table.staged || staged === 'none') return;
  const { connection } = work;
  const into = `INSERT OR IGNORE INTO temp.${table.names.stagedRows} SELECT ${locator(table.staged, 't').join(', ')}`;
  const real = `staged.${quote(table.slice.name)} t`;
  const { membership } = table.slice;
  if (staged === 'whole') connection.exec(`${into} FROM ${real}`);
  else if (membership.via !== 'links')
    connection.exec(`${into} FROM ${real} WHERE ${ownColumn(work, table.staged, 't', membership.column)}`);
  else {
    for (const link of linksOf(table.slice)) {
      const parent = parentOf(work, link);
      if (!parent.staged || !link.columns.every((column) => hasColumn(table.staged, column))) continue;
      if (!link.parentColumns.every((column) => hasColumn(parent.staged, column))) continue;
      const matches = refersTo(link, { table: table.staged, alias: 't' }, { table: parent.staged, at: 'p' });
      connection.exec(
        `${into} FROM temp.${parent.names.stagedRows} r CROSS JOIN staged.${quote(link.parent)} p ON ${located(parent.staged, 'p', 'r', 's')} ` +
          `CROSS JOIN ${real} ON ${matches}`,
      );
    }
  }
}

/** The backup has the columns of the table's key. */
function hasKey({ slice, staged }: TableWork): boolean {
  return slice.key.every((column) => hasColumn(staged, column));
}

function hasColumn(table: SqliteTable | null, name: string): boolean {
  return table?.columns.some((column) => column.name === name) ?? false;
}

export function parentOf(work: Workspace, link: Link): TableWork {
  return work.byName.get(link.parent) as TableWork;
}

/** "this row's link columns hold this key". */
export function linkCondition(
  work: Workspace,
  table: SqliteTable,
  link: Link,
  alias: string,
  keys: string,
): string {
  const at = link.parentColumns.map((_, i) => `${keys}.k${i}`);
  return refersTo(link, { table, alias }, { table: parentOf(work, link).live, at });
}

/** A primary key that holds NULL somewhere identifies nothing (SQLite allows it): then rows compare as a multiset. */
function usableKey(work: Workspace, table: TableWork): string[] {
  const { key } = table.slice;
  if (key.length === 0 || (table.staged && !hasKey(table))) return [];
  if (table.live.withoutRowid || table.live.rowidColumn !== null) return key;
  const empty = key.map((column) => `t.${quote(column)} IS NULL`).join(' OR ');
  const sides = [
    `main.${quote(table.slice.name)} t JOIN temp.${table.names.liveRows} r ON ${located(table.live, 't', 'r', 'l')}`,
  ];
  if (table.staged) {
    sides.push(
      `staged.${quote(table.slice.name)} t JOIN temp.${table.names.stagedRows} r ON ${located(table.staged, 't', 'r', 's')}`,
    );
  }
  const holds = sides.some(
    (from) => work.connection.prepare(`SELECT 1 FROM ${from} WHERE ${empty} LIMIT 1`).get() !== undefined,
  );
  return holds ? [] : key;
}

/** An empty table for each set of columns children refer to, so that membership outlives the parents. */
function clearKeys(work: Workspace, table: TableWork): void {
  for (const columns of work.referred.get(table.slice.name) ?? []) {
    const kinds = columns.map((column, i) => {
      const type = table.live.columns.find((known) => known.name === column)?.type ?? '';
      return `k${i} ${affinityOf(type)}`;
    });
    const collations = keyCollations(table.live, columns);
    const indexed = columns.map((_, i) => `k${i} COLLATE ${quote(collations[i] as string)}`).join(', ');
    const body = `(${kinds.join(', ')}, adopted INTEGER)`;
    scratchTable(work.connection, keysTable(table, columns), body, [indexed]);
  }
}

/** Fills in the keys of the rows found so far. */
function makeKeys(work: Workspace, table: TableWork): void {
  const { connection } = work;
  clearKeys(work, table);
  for (const columns of work.referred.get(table.slice.name) ?? []) {
    const name = keysTable(table, columns);
    const collations = keyCollations(table.live, columns);
    const list = (alias: string): string => columns.map((column) => `${alias}.${quote(column)}`).join(', ');
    connection.exec(
      `INSERT INTO temp.${name} SELECT ${list('p')}, r.adopted FROM temp.${table.names.liveRows} r ` +
        `CROSS JOIN main.${quote(table.slice.name)} p ON ${located(table.live, 'p', 'r', 'l')}`,
    );
    if (table.staged && columns.every((column) => hasColumn(table.staged, column))) {
      const held = columns
        .map((c, i) => `q.${quote(c)} = s.${quote(c)} COLLATE ${quote(collations[i] as string)}`)
        .join(' AND ');
      connection.exec(
        `INSERT INTO temp.${name} SELECT ${list('s')}, 1 FROM temp.${table.names.stagedRows} r ` +
          `CROSS JOIN staged.${quote(table.slice.name)} s ON ${located(table.staged, 's', 'r', 's')} ` +
          `WHERE NOT EXISTS (SELECT 1 FROM main.${quote(table.slice.name)} q WHERE ${held})`,
      );
    }
  }
}

/** Condition on a row under `alias` that it is the tenant's, from its own values and the key tables alone. */
export function isMember(work: Workspace, table: TableWork, alias: string): string {
  const { membership } = table.slice;
  if (membership.via !== 'links') return `(${ownColumn(work, table.live, alias, membership.column)})`;
  const ways = linksOf(table.slice).map(
    (link) =>
      `EXISTS (SELECT 1 FROM temp.${keysTable(parentOf(work, link), link.parentColumns)} k WHERE ${linkCondition(work, table.live, link, alias, 'k')})`,
  );
  return `(${ways.join(' OR ')})`;
}
