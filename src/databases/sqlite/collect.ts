import type { Collected } from '../../engine/port.ts';
import type { Link } from '../../engine/slice.ts';
import type { TenantId } from '../../engine/tenant.ts';
import { affinityOf, quote, temporary } from './identifiers.ts';
import type { SqliteTable } from './introspect.ts';
import { findDisagreements } from './ownership.ts';
import { scratchTable } from './scratch.ts';
import { bindId } from './tenants.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { keyCollations, located, locator, locatorTable, tenantIdTable, theTenant } from './workspace.ts';

/** Keys of a parent table under which children belong to the tenant: one temporary table per set of columns. */
export function keysTable(parent: TableWork, columns: string[]): string {
  const positions = columns.map((column) => parent.live.columns.findIndex((known) => known.name === column));
  return temporary(`keys_${parent.index}_${positions.join('_')}`);
}

/**
 * Finds the rows of one tenant, live and staged, parents first.
 *
 * A live child whose live parent is gone belongs to the tenant when the staged slice holds that parent and no
 * live row has its key: the damage that left it an orphan does not make it anybody else's. Such rows are marked
 * `adopted`.
 */
export function collect(work: Workspace, tenant: TenantId, staged: 'none' | 'slice' | 'whole'): Collected {
  const { connection } = work;
  scratchTable(connection, tenantIdTable, '(id)');
  connection.prepare(`INSERT INTO temp.${tenantIdTable} VALUES (?)`).run(bindId(tenant));
  const counts: Collected['tables'] = {};
  for (const table of work.tables) {
    collectStaged(work, table, staged);
    collectLive(work, table);
    table.key = usableKey(work, table);
    makeKeys(work, table);
    counts[table.slice.name] = {
      live: count(work, table.names.liveRows),
      staged: count(work, table.names.stagedRows),
    };
  }
  return { tables: counts, disagreements: findDisagreements(work) };
}

/**
 * Finds the slice's live rows again after the change, under the keys that were known before it: a child of a parent
 * the change deleted is still looked at, and so is one of a parent it brought back.
 */
export function recollectLive(work: Workspace): void {
  for (const table of work.tables) collectLive(work, table);
}

function count(work: Workspace, name: string): number {
  return Number(work.connection.prepare(`SELECT count(*) FROM temp.${name}`).pluck().get());
}

function collectLive(work: Workspace, table: TableWork): void {
  const { connection } = work;
  scratchTable(connection, table.names.liveRows, locatorTable(table.live, 'l', 'adopted INTEGER'));
  const real = `main.${quote(table.slice.name)} t`;
  const found = locator(table.live, 't').join(', ');
  const { membership } = table.slice;
  if (membership.via !== 'links') {
    connection.exec(
      `INSERT INTO temp.${table.names.liveRows} SELECT ${found}, 0 FROM ${real} WHERE ${ownColumn(work, 't', membership.column)}`,
    );
    return;
  }
  // First by keys of live parents, then by keys only the backup still has: the first mark stays.
  for (const adopted of [0, 1]) {
    for (const link of membership.links) {
      connection.exec(
        `INSERT OR IGNORE INTO temp.${table.names.liveRows} SELECT ${found}, ${adopted} ` +
          `FROM temp.${keysTable(parentOf(work, link), link.parentColumns)} k CROSS JOIN ${real} ` +
          `WHERE k.adopted = ${adopted} AND ${linkCondition(work, link, 't', 'k')}`,
      );
    }
  }
}

function collectStaged(work: Workspace, table: TableWork, staged: 'none' | 'slice' | 'whole'): void {
  const { connection } = work;
  const shape = table.staged ?? table.live;
  scratchTable(connection, table.names.stagedRows, locatorTable(shape, 's', ''));
  if (!table.staged || staged === 'none') return;
  const into = `INSERT OR IGNORE INTO temp.${table.names.stagedRows} SELECT ${locator(table.staged, 't').join(', ')}`;
  const real = `staged.${quote(table.slice.name)} t`;
  const { membership } = table.slice;
  if (staged === 'whole') connection.exec(`${into} FROM ${real}`);
  else if (membership.via !== 'links')
    connection.exec(`${into} FROM ${real} WHERE ${ownColumn(work, 't', membership.column)}`);
  else {
    for (const link of membership.links) {
      const parent = parentOf(work, link);
      if (!parent.staged || !link.columns.every((column) => hasColumn(table.staged, column))) continue;
      if (!link.parentColumns.every((column) => hasColumn(parent.staged, column))) continue;
      const key = link.parentColumns.map((column) => `p.${quote(column)}`);
      const collations = keyCollations(parent.live, link.parentColumns);
      const matches = link.columns.map(
        (column, i) => `t.${quote(column)} = ${key[i]} COLLATE ${quote(collations[i] as string)}`,
      );
      connection.exec(
        `${into} FROM temp.${parent.names.stagedRows} r CROSS JOIN staged.${quote(link.parent)} p ON ${located(parent.staged, 'p', 'r', 's')} ` +
          `CROSS JOIN ${real} ON ${matches.join(' AND ')}`,
      );
    }
  }
}

function hasColumn(table: SqliteTable | null, name: string): boolean {
  return table?.columns.some((column) => column.name === name) ?? false;
}

export function parentOf(work: Workspace, link: Link): TableWork {
  return work.byName.get(link.parent) as TableWork;
}

/** "this row's tenant column holds the tenant's id", compared as a foreign key to the tenants table would. */
export function ownColumn(work: Workspace, alias: string, column: string): string {
  return `${alias}.${quote(column)} = ${theTenant} COLLATE ${quote(work.idCollation)}`;
}

/** "this row's link columns hold this key", compared as the foreign key does: by the parent key's collation. */
export function linkCondition(work: Workspace, link: Link, alias: string, keys: string): string {
  const collations = keyCollations(parentOf(work, link).live, link.parentColumns);
  return link.columns
    .map((column, i) => `${alias}.${quote(column)} = ${keys}.k${i} COLLATE ${quote(collations[i] as string)}`)
    .join(' AND ');
}

/** A primary key that holds NULL somewhere identifies nothing (SQLite allows it): then rows compare as a multiset. */
function usableKey(work: Workspace, table: TableWork): string[] {
  const { key } = table.slice;
  if (key.length === 0 || (table.staged && !key.every((column) => hasColumn(table.staged, column))))
    return [];
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

/** Materializes the keys children refer to, so that membership does not depend on parents still being there. */
function makeKeys(work: Workspace, table: TableWork): void {
  const { connection } = work;
  for (const columns of referencedKeys(work, table)) {
    const name = keysTable(table, columns);
    const kinds = columns.map((column, i) => {
      const type = table.live.columns.find((known) => known.name === column)?.type ?? '';
      return `k${i} ${affinityOf(type)}`;
    });
    const collations = keyCollations(table.live, columns);
    const indexed = columns.map((_, i) => `k${i} COLLATE ${quote(collations[i] as string)}`).join(', ');
    scratchTable(connection, name, `(${kinds.join(', ')}, adopted INTEGER)`, [indexed]);
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

function referencedKeys(work: Workspace, parent: TableWork): string[][] {
  const sets = new Map<string, string[]>();
  for (const table of work.tables) {
    const links = table.slice.membership.via === 'links' ? table.slice.membership.links : [];
    for (const link of links) {
      if (link.parent === parent.slice.name) sets.set(link.parentColumns.join('\n'), link.parentColumns);
    }
  }
  return [...sets.values()];
}

/** Condition on a row under `alias` that it is the tenant's, from its own values and the key tables alone. */
export function isMember(work: Workspace, table: TableWork, alias: string): string {
  const { membership } = table.slice;
  if (membership.via !== 'links') return `(${ownColumn(work, alias, membership.column)})`;
  const ways = membership.links.map(
    (link) =>
      `EXISTS (SELECT 1 FROM temp.${keysTable(parentOf(work, link), link.parentColumns)} k WHERE ${linkCondition(work, link, alias, 'k')})`,
  );
  return `(${ways.join(' OR ')})`;
}
