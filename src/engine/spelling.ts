import type { ConfigFile, TableRule } from '../config/schema.ts';
import { TenantDrError } from '../errors.ts';
import { type Schema, sameName, type Table } from './schema.ts';

type Ownership = Pick<ConfigFile, 'ownership'>;

/**
 * The config with the names of its ownership rules spelled as the database spells them, where to the database they are
 * the same: from here on a name is compared as it stands. A name that is nothing here stays as it is. Throws
 * config-invalid where two rules are about one table.
 */
export function asSpelled<C extends Ownership>(schema: Schema, config: C): C {
  if (!schema.foldsCase) return config;
  const tables: Record<string, TableRule> = {};
  const given = new Map<string, string>();
  for (const [name, rule] of Object.entries(config.ownership.tables)) {
    const table = tableNamed(schema, name);
    const spelled = table?.name ?? name;
    const other = given.get(spelled);
    if (other !== undefined) throw twice(spelled, [other, name]);
    given.set(spelled, name);
    tables[spelled] = table && typeof rule === 'object' ? ruleAsSpelled(schema, table, rule) : rule;
  }
  return { ...config, ownership: { ...config.ownership, tables } };
}

function ruleAsSpelled(schema: Schema, table: Table, rule: Exclude<TableRule, string>): TableRule {
  const { column, through, on, set } = rule;
  const parent = through === undefined ? undefined : tableNamed(schema, through);
  const own = (name: string) => columnAsSpelled(schema, table, name);
  const pairs = <T>(of: Record<string, T>, value: (one: T) => T = (one) => one) =>
    Object.fromEntries(Object.entries(of).map(([name, one]) => [own(name), value(one)]));
  return {
    ...rule,
    ...(column === undefined ? {} : { column: own(column) }),
    ...(parent ? { through: parent.name } : {}),
    ...(on ? { on: pairs(on, (name) => (parent ? columnAsSpelled(schema, parent, name) : name)) } : {}),
    ...(set ? { set: pairs(set) } : {}),
  };
}

/** The table that a person's spelling means to the database. */
export function tableNamed(schema: Schema, name: string): Table | undefined {
  const { tables } = schema;
  return (
    tables.find((table) => table.name === name) ?? tables.find((table) => sameName(schema, table.name, name))
  );
}

/** A column's name as the table spells it; one it does not have stays as it is. */
export function columnAsSpelled(schema: Schema, table: Table, name: string): string {
  const known = table.columns.map((column) => column.name);
  return known.find((one) => one === name) ?? known.find((one) => sameName(schema, one, name)) ?? name;
}

function twice(table: string, names: string[]): TenantDrError {
  return new TenantDrError(
    'config-invalid',
    `ownership.tables has two rules for the table ${table}: ${names.join(' and ')}. Nothing was changed.`,
    { hint: 'To this database both are the same name: keep one of them.', table },
  );
}
