import type { ConfigFile, TableRule } from '../config/schema.ts';
import { plain, singularOf } from './conventions.ts';
import type { TableOwnership } from './ownership.ts';
import { classify } from './ownership.ts';
import type { Column, Schema, Table } from './schema.ts';
import { comparable } from './schema.ts';

type Rule = Exclude<TableRule, string>;

/** A key by which `init` thinks rows belong, though the structure does not say so. A person reviews it. */
export interface GuessedKey {
  rule: Rule;
  why: string;
}

/** Tables of people: rows point at them without belonging to them. */
export const people = /(^|_)(users?|members?|memberships?|admins?|logins?|operators?)$/i;

/** Such keys of tables that reach no tenant, from the owned tables outwards: one that is found may lead to the next. */
export function guessKeys(
  schema: Schema,
  tenants: ConfigFile['tenants'],
  columns: string[],
): Map<string, GuessedKey> {
  const keys = new Map<string, GuessedKey>();
  for (let before = -1; before !== keys.size; ) {
    before = keys.size;
    const { tables } = classify(schema, { tenants, ownership: { columns, tables: rulesOf(keys) } });
    const owned = ownedIn(tables);
    for (const entry of tables) {
      const table = schema.tables.find((one) => one.name === entry.name) as Table;
      if (table.kind !== 'table' || namesSeveral(entry)) continue;
      if (entry.ownership === 'inherited' && mayBelongToNobody(table, entry)) {
        const held = keyFromHolder(schema, table, ownedByThemselves(tables), 'take this line out');
        if (held) keys.set(table.name, held);
      }
      if (entry.ownership !== 'unclassified') continue;
      const key =
        tenantColumn(schema, table, tenants.table) ??
        unwrittenKey(schema, table, owned) ??
        keyFromHolder(schema, table, owned) ??
        keyElsewhere(schema, table, owned);
      if (key) keys.set(table.name, key);
    }
  }
  return keys;
}

/** What the config would say of them. */
export function rulesOf(keys: Map<string, GuessedKey>): Record<string, Rule> {
  return Object.fromEntries([...keys].map(([name, { rule }]) => [name, rule]));
}

/** Names of the tables whose rows belong to tenants. */
export function ownedIn(tables: TableOwnership[]): string[] {
  return tables.filter((table) => table.membership).map((table) => table.name);
}

/** Those of them whose rows do not depend on whose another table's are. */
function ownedByThemselves(tables: TableOwnership[]): string[] {
  return ownedIn(tables.filter(({ membership }) => membership?.via !== 'links'));
}

/** Every key that leads to a tenant may be empty: settings that name a sender's address, if there is one. */
function mayBelongToNobody(table: Table, { membership }: TableOwnership): boolean {
  if (membership?.via !== 'links') return false;
  const filled = (name: string): boolean =>
    table.columns.some((column) => column.name === name && column.notNull);
  return !membership.links.some(({ columns }) => columns.every(filled));
}

/** Several of its columns name a tenant. */
export function namesSeveral(entry: TableOwnership): boolean {
  return entry.reason?.startsWith('several columns') ?? false;
}

/** A column named as a key to the tenants is in another table (`org_uuid`, `tenant_id` beside `tenantId`), though here no foreign key says so. */
function tenantColumn(schema: Schema, table: Table, tenants: string): GuessedKey | undefined {
  // A tenant's own key to another (its parent) is no name for whose a row is.
  const keys = schema.tables
    .filter(({ name }) => name !== tenants)
    .flatMap((one) => one.foreignKeys)
    .filter((key) => key.table === tenants && key.columns.length === 1);
  const written = table.foreignKeys.flatMap((key) => key.columns);
  for (const { columns, parentColumns } of keys) {
    const id = schema.tables
      .find(({ name }) => name === tenants)
      ?.columns.find(({ name }) => name === parentColumns[0]);
    const column = table.columns.find(
      (one) =>
        plain(one.name) === plain(columns[0] ?? '') &&
        !written.includes(one.name) &&
        id !== undefined &&
        comparable(one, id),
    );
    if (!column) continue;
    return {
      rule: { column: column.name },
      why: `${column.name} is a key to ${tenants} elsewhere; if it is not here, write: shared`,
    };
  }
  return undefined;
}

/**
 * A column named as another table's key to owned rows (`endp_id`), where every key of that name leads to the same. Its
 * own key (`id`) and people (`user_id`) tell nothing, and a key to rows of the same table (`parent_id`) little.
 */
function keyElsewhere(schema: Schema, table: Table, owned: string[]): GuessedKey | undefined {
  const written = table.foreignKeys.flatMap((key) => key.columns);
  for (const column of table.columns) {
    if (
      written.includes(column.name) ||
      (table.primaryKey.length === 1 && column.name === table.primaryKey[0])
    )
      continue;
    const alike = schema.tables.flatMap((one) =>
      one.foreignKeys.filter(
        (key) =>
          key.table !== one.name &&
          key.columns.length === 1 &&
          plain(key.columns[0] ?? '') === plain(column.name),
      ),
    );
    const [key] = alike;
    const to = key?.parentColumns[0];
    if (!key || to === undefined || alike.some((one) => one.table !== key.table)) continue;
    const parent = schema.tables.find((one) => one.name === key.table);
    const keyed = parent?.columns.find(({ name }) => name === to);
    if (!keyed || !owned.includes(key.table) || people.test(key.table) || key.table === table.name) continue;
    if (!comparable(column, keyed) || isNumber(column) !== isNumber(keyed)) continue;
    return {
      rule: { through: key.table, on: { [column.name]: to } },
      why: `${column.name} is a key to ${key.table} elsewhere; if it is not here, write: shared`,
    };
  }
  return undefined;
}

/** A column named after an owned table (`original_job_id` → jobs.id) of which no foreign key says what it is. */
function unwrittenKey(schema: Schema, table: Table, owned: string[]): GuessedKey | undefined {
  const parents = schema.tables
    .filter((one) => owned.includes(one.name))
    .map((parent) => ({ parent, suffix: `${plain(singularOf(parent.name))}id` }))
    .sort((a, b) => b.suffix.length - a.suffix.length);
  const written = table.foreignKeys.flatMap((key) => key.columns);
  for (const column of table.columns) {
    if (written.includes(column.name)) continue;
    for (const { parent, suffix } of parents) {
      if (!plain(column.name).endsWith(suffix) || leadsToItsLike(parent, column.name)) continue;
      const key = keyMeant(parent, column);
      if (!key || !comparable(column, key) || isNumber(column) !== isNumber(key)) continue;
      return {
        rule: { through: parent.name, on: { [column.name]: key.name } },
        why: `${column.name} looks like ${key.name} of ${parent.name}; if it is not, write: shared`,
      };
    }
  }
  return undefined;
}

/** In a copy of the parent's rows the column is what it is there: the key to a parent of their own. */
function leadsToItsLike({ name, foreignKeys }: Table, column: string): boolean {
  return foreignKeys.some((key) => key.table === name && key.columns.includes(column));
}

/** Text that ends like a key to a number (`provider_incident_id`) is a name of somebody else's. */
function isNumber({ type }: Column): boolean {
  return /int|num|dec/i.test(type);
}

/** The parent's unique column of that very name and type (events.event_id beside a numbered primary key), else its key. */
function keyMeant(parent: Table, column: Column): Column | undefined {
  const alone = parent.uniques
    .filter(({ partial, columns }) => !partial && columns.length === 1)
    .flatMap(({ columns }) => columns);
  const alike = (one: Column): boolean =>
    alone.includes(one.name) &&
    plain(one.name) === plain(column.name) &&
    plain(one.type) === plain(column.type);
  const [only] = parent.primaryKey.length === 1 ? parent.primaryKey : [];
  return parent.columns.find(alike) ?? parent.columns.find(({ name }) => name === only);
}

/** Nothing refers to the table but one column of an owned table, and no two rows of that to the same one. */
function keyFromHolder(
  schema: Schema,
  table: Table,
  owned: string[],
  otherwise = 'write: shared',
): GuessedKey | undefined {
  const uses = schema.tables.flatMap((holder) =>
    holder.foreignKeys.filter((key) => key.table === table.name).map((key) => ({ holder, key })),
  );
  const [use] = uses;
  const column = use?.key.columns[0];
  const to = use?.key.parentColumns[0];
  if (!use || column === undefined || to === undefined || uses.length > 1 || use.key.columns.length > 1)
    return;
  const once = use.holder.uniques.some(
    (unique) => !unique.partial && unique.columns.length === 1 && unique.columns[0] === column,
  );
  if (!once || !owned.includes(use.holder.name)) return;
  return {
    rule: { through: use.holder.name, on: { [to]: column } },
    why: `each row seems to be of the one row of ${use.holder.name} that refers to it; if it is not, ${otherwise}`,
  };
}

/**
 * Rows that name their tenant or, with that column empty, the parent they go down with. Only where the tenant column
 * may be empty, and never through people.
 */
export function keyBesideColumn(
  table: Table,
  entry: TableOwnership,
  owned: string[],
): GuessedKey | undefined {
  if (entry.membership?.via !== 'column') return;
  const { column } = entry.membership;
  const mayBeEmpty = (name: string): boolean =>
    table.columns.some((one) => one.name === name && !one.notNull);
  const key = table.foreignKeys.find(
    ({ columns, table: parent, onDelete }) =>
      columns.length === 1 &&
      columns[0] !== column &&
      columns.every(mayBeEmpty) &&
      onDelete === 'CASCADE' &&
      owned.includes(parent) &&
      parent !== table.name &&
      !people.test(parent),
  );
  if (!key || !mayBeEmpty(column)) return;
  const [from, to] = [key.columns[0] as string, key.parentColumns[0] as string];
  return {
    rule: { column, through: key.table, on: { [from]: to } },
    why: `${column} may be empty: then ${from} tells whose the row is`,
  };
}
