import { nearestHint } from '../config/explain.ts';
import type { ConfigFile, TableRule } from '../config/schema.ts';
import { TenantDrError } from '../errors.ts';
import { inherit } from './inheritance.ts';
import { own } from './own.ts';
import type { ForeignKey, Schema, Table } from './schema.ts';
import { comparable, findTable } from './schema.ts';
import type { Link, Membership } from './slice.ts';
import { asSpelled } from './spelling.ts';
import { tenantColumnOf } from './tenant-column.ts';

export type OwnershipKind = 'direct' | 'inherited' | 'declared' | 'shared' | 'excluded' | 'unclassified';

/** How one table's rows belong to tenants. */
export interface TableOwnership {
  name: string;
  ownership: OwnershipKind;
  /** The way from the table to the tenant, "child.column → parent.column" per hop; empty when it reaches none. */
  path: string[];
  reason?: string;
  /** Set for owned tables (direct, inherited, declared). */
  membership?: Membership;
  /** Further keys into owned tables: not how rows belong, but rows whose keys disagree are reported. */
  crossLinks: Link[];
}

export interface Ownership {
  tables: TableOwnership[];
  /** Owned tables, parents before children. */
  order: string[];
  unclassified: string[];
  /** Named under ownership.tables, but no table here: dropped since, or a typo whose rule does nothing. */
  unknown: string[];
}

type OwnershipConfig = Pick<ConfigFile, 'tenants' | 'ownership'>;

/**
 * Classifies every table. The config decides first; then the tenant column; then a foreign key to the tenants
 * table; then any chain of foreign keys to a table that is owned. Whatever reaches no tenant is unclassified
 * until a person says it is shared or excluded (promise 6: no table is forgotten).
 * Throws config-invalid when the config names a table or column that does not exist, tenants-table-missing when
 * the tenants table is gone.
 */
export function classify(schema: Schema, given: OwnershipConfig): Ownership {
  const config = asSpelled(schema, given);
  const tenants = requireTenantsTable(schema, config);
  checkConfigNames(schema, config);
  const found = new Map<string, TableOwnership>();
  for (const table of schema.tables) {
    const decided = fromConfig(table, config) ?? fromStructure(table, tenants, config, schema);
    if (decided) found.set(table.name, decided);
  }
  const order = inherit(schema, config, found);
  for (const table of schema.tables) {
    if (found.has(table.name)) continue;
    if (table.kind === 'elsewhere' && !table.foreignKeys.some((key) => found.get(key.table)?.membership)) {
      found.set(table.name, { name: table.name, ownership: 'shared', path: [], crossLinks: [] });
      continue;
    }
    found.set(table.name, {
      name: table.name,
      ownership: 'unclassified',
      path: [],
      reason: unreachedReason(table),
      crossLinks: [],
    });
  }
  describePaths(found, config);
  const tables = schema.tables.map((table) => found.get(table.name) as TableOwnership);
  addCrossLinks(schema, tables);
  return {
    tables,
    order,
    unclassified: tables.filter((t) => t.ownership === 'unclassified').map((t) => t.name),
    unknown: Object.keys(config.ownership.tables).filter((name) => !findTable(schema, name)),
  };
}

function unreachedReason(table: Table): string {
  if (table.kind === 'virtual') return `virtual table (${table.module ?? 'unknown module'})`;
  if (table.kind !== 'elsewhere') return 'no key leads to a tenant';
  return `in another schema, which is not restored with this one, though its rows refer to ${table.foreignKeys[0]?.table}`;
}

/** Refuses to go on while a table is unclassified. */
export function requireClassified(ownership: Ownership): void {
  if (ownership.unclassified.length === 0) return;
  const names = ownership.unclassified.join(', ');
  throw new TenantDrError(
    'table-unclassified',
    `Nobody has said whose rows these tables hold: ${names}. Nothing was changed.`,
    {
      hint: `Add each under ownership.tables in tenant-dr.config.yaml as "shared", { through: …, on: … } or { exclude: reason }. \`tenant-dr init\` proposes one.`,
      table: ownership.unclassified[0] as string,
      facts: { unclassified: ownership.unclassified },
    },
  );
}

function requireTenantsTable(schema: Schema, config: OwnershipConfig): Table {
  const tenants = findTable(schema, config.tenants.table);
  if (!tenants) {
    const names = schema.tables.map(({ name }) => name);
    const meant = nearestHint(config.tenants.table, names);
    throw new TenantDrError(
      'tenants-table-missing',
      `There is no table "${config.tenants.table}" in this database.`,
      {
        hint: `If it was dropped, restore the whole database or bring the table back first; if it has another name, set tenants.table in the config${meant ? ` (${meant})` : ''}.`,
        table: config.tenants.table,
      },
    );
  }
  if (!tenants.columns.some((column) => column.name === config.tenants.id)) {
    throw new TenantDrError(
      'config-invalid',
      `The tenants table "${tenants.name}" has no column "${config.tenants.id}".`,
      { hint: 'Set tenants.id in the config.', table: tenants.name },
    );
  }
  return tenants;
}

function checkConfigNames(schema: Schema, config: OwnershipConfig): void {
  for (const [name, rule] of Object.entries(config.ownership.tables)) {
    const table = findTable(schema, name);
    // A table that is gone is a matter of drift, not of the config: the rule simply has nothing to apply to.
    if (!table || typeof rule === 'string') continue;
    const missing = [
      ...Object.keys(rule.on ?? {}),
      ...(rule.column ? [rule.column] : []),
      ...Object.keys(rule.set ?? {}),
    ].find((column) => !table.columns.some((known) => known.name === column));
    if (missing !== undefined) {
      throw new TenantDrError(
        'config-invalid',
        `ownership.tables.${name} names column "${missing}", which ${name} does not have.`,
        {
          hint: `Its columns are ${table.columns.map((column) => column.name).join(', ')}.`,
          table: name,
        },
      );
    }
    if (rule.through) checkLink(schema, table, rule.through, rule.on ?? {});
  }
}

function checkLink(schema: Schema, table: Table, through: string, on: Record<string, string>): void {
  const wrong = (what: string, hint: string): TenantDrError =>
    new TenantDrError('config-invalid', `ownership.tables.${table.name} ${what}`, {
      table: table.name,
      hint,
    });
  const parent = findTable(schema, through);
  if (!parent) throw wrong(`goes through "${through}", which does not exist.`, 'Name an existing table.');
  for (const [from, to] of Object.entries(on)) {
    const key = parent.columns.find(({ name }) => name === to);
    const column = table.columns.find(({ name }) => name === from);
    if (!key)
      throw wrong(
        `names column "${to}" of ${through}, which ${through} does not have.`,
        `Its columns are ${parent.columns.map(({ name }) => name).join(', ')}.`,
      );
    if (column && !comparable(column, key))
      throw wrong(
        `says ${from} (${column.type}) holds ${through}.${to} (${key.type}): these types cannot be compared.`,
        'Name the column that is meant, or write "shared".',
      );
  }
}

function ruleOf(config: OwnershipConfig, table: string): Exclude<TableRule, string> {
  const rule = own(config.ownership.tables, table);
  if (rule === 'shared') return { shared: '' };
  return rule ?? {};
}

function fromConfig(table: Table, config: OwnershipConfig): TableOwnership | undefined {
  const rule = ruleOf(config, table.name);
  const base = { name: table.name, path: [], crossLinks: [] };
  if (rule.shared !== undefined)
    return { ...base, ownership: 'shared', ...(rule.shared ? { reason: rule.shared } : {}) };
  if (rule.exclude !== undefined) return { ...base, ownership: 'excluded', reason: rule.exclude };
  if (table.kind === 'elsewhere') return undefined;
  if (rule.through !== undefined && rule.on) {
    const link = {
      columns: Object.keys(rule.on),
      parent: rule.through,
      parentColumns: Object.values(rule.on),
    };
    // Rows that name their tenant, and rows that name a parent instead.
    const { table: parent, id } = config.tenants;
    const named = rule.column === undefined ? [] : [{ columns: [rule.column], parent, parentColumns: [id] }];
    return { ...base, ownership: 'declared', membership: { via: 'links', links: [...named, link] } };
  }
  if (rule.column !== undefined) {
    return { ...base, ownership: 'declared', membership: { via: 'column', column: rule.column } };
  }
  return undefined;
}

function fromStructure(
  table: Table,
  tenants: Table,
  config: OwnershipConfig,
  schema: Schema,
): TableOwnership | undefined {
  const base = { name: table.name, path: [], crossLinks: [] };
  if (table.kind === 'internal')
    return { ...base, ownership: 'excluded', reason: 'kept by the database itself' };
  if (table.kind === 'shadow')
    return { ...base, ownership: 'excluded', reason: 'storage of a virtual table' };
  if (table.kind === 'virtual') return virtualTable(table, schema);
  if (table.kind === 'elsewhere') return undefined;
  if (table === tenants) {
    return { ...base, ownership: 'direct', membership: { via: 'identity', column: config.tenants.id } };
  }
  const column = tenantColumnOf(schema, table, config);
  if (column !== undefined) return { ...base, ownership: 'direct', membership: { via: 'column', column } };
  const toTenants = table.foreignKeys.filter(
    (key) =>
      key.table === tenants.name && key.columns.length === 1 && key.parentColumns[0] === config.tenants.id,
  );
  if (toTenants.length === 1) {
    return {
      ...base,
      ownership: 'direct',
      membership: { via: 'column', column: (toTenants[0] as ForeignKey).columns[0] as string },
    };
  }
  if (toTenants.length > 1) {
    const columns = toTenants.map((key) => key.columns[0]).join(', ');
    return {
      ...base,
      ownership: 'unclassified',
      reason: `several columns name a tenant (${columns}): say which one owns the row`,
    };
  }
  return undefined;
}

/** A full-text index follows the tables it indexes; any other virtual table needs a person's word. */
function virtualTable(table: Table, schema: Schema): TableOwnership | undefined {
  const base = { name: table.name, path: [], crossLinks: [] };
  if (table.contentOf) {
    return { ...base, ownership: 'excluded', reason: `full-text index of ${table.contentOf}` };
  }
  const writers = schema.tables.flatMap((other) =>
    other.triggers
      .filter((trigger) => mentions(trigger.sql, table.name))
      .map((trigger) => `${other.name}.${trigger.name}`),
  );
  if (writers.length === 0) return undefined;
  return { ...base, ownership: 'excluded', reason: `kept in step by trigger ${writers[0]}` };
}

function mentions(sql: string, name: string): boolean {
  return sql.toLowerCase().includes(name.toLowerCase());
}

function describePaths(found: Map<string, TableOwnership>, config: OwnershipConfig): void {
  const describe = (entry: TableOwnership): string[] => {
    const membership = entry.membership;
    if (!membership) return [];
    if (membership.via === 'identity') return [`${entry.name}.${membership.column}`];
    if (membership.via === 'column')
      return [`${entry.name}.${membership.column} → ${config.tenants.table}.${config.tenants.id}`];
    const link = membership.links[0] as Link;
    const parent = found.get(link.parent);
    const hop = `${entry.name}.${link.columns.join('+')} → ${link.parent}.${link.parentColumns.join('+')}`;
    return [hop, ...(parent ? describe(parent) : [])];
  };
  for (const entry of found.values()) entry.path = describe(entry);
}

function addCrossLinks(schema: Schema, tables: TableOwnership[]): void {
  const owned = new Set(tables.filter((table) => table.membership).map((table) => table.name));
  for (const entry of tables) {
    if (!entry.membership || entry.membership.via === 'identity') continue;
    const keys = findTable(schema, entry.name)?.foreignKeys ?? [];
    entry.crossLinks = keys
      .filter(
        (key) =>
          owned.has(key.table) &&
          key.table !== entry.name &&
          !tables.some((t) => t.name === key.table && t.membership?.via === 'identity'),
      )
      .map((key) => ({ columns: key.columns, parent: key.table, parentColumns: key.parentColumns }));
  }
}
