import type { Random } from '../../src/demo/random.ts';
import { quote, type TableFacts } from './world.ts';

/** A table of a random schema; what rows and damage are made from. */
export interface RandomTable {
  name: string;
  owner: 'shared' | 'direct' | 'inherited' | 'both';
  key: 'counter' | 'integer' | 'text' | 'pair' | 'none' | 'bare';
  /** References to earlier tables or to itself; the first of an inherited table is never NULL in the backup. */
  references: { column: string; parent: string; required: boolean }[];
  /** Value columns c0, c1, … of any type. */
  values: number;
  unique: 'none' | 'everywhere' | 'tenant' | 'partial';
  touched: boolean;
  /** What leads to the tenant may be NULL: rows can be cut loose. */
  loose: boolean;
}

export const tenantColumns = ['tenant_id', 'org_id', 'workspace', 'Account Id'] as const;

export function randomTables(random: Random): RandomTable[] {
  const tables: RandomTable[] = [];
  const count = random.between(4, 9);
  for (let n = 0; n < count; n++) {
    const owned = tables.filter((table) => table.owner !== 'shared' && hasSingleKey(table));
    const owner =
      n === 0 ? 'direct' : random.pick(owned.length > 0 ? owners : (['shared', 'direct'] as const));
    const references: RandomTable['references'] = [];
    const parents =
      owner === 'shared' ? [] : random.shuffle(tables.filter(hasSingleKey)).slice(0, random.between(0, 2));
    if (owner === 'inherited' || owner === 'both') {
      const parent = random.pick(owned);
      references.push({
        column: `${parent.name}_ref`,
        parent: parent.name,
        required: owner === 'inherited',
      });
    }
    for (const parent of parents) {
      if (references.some((known) => known.parent === parent.name)) continue;
      references.push({
        column: `${parent.name}_ref`,
        parent: parent.name,
        required: false,
      });
    }
    const key = random.pick(keys);
    const name = random.pick([`t${n}`, `T ${n}`, `"t${n}"`, `group${n}`, `tafel_ü${n}`]);
    const table: RandomTable = {
      name,
      owner,
      key,
      references,
      values: random.between(1, 4),
      unique: owner === 'shared' ? 'none' : random.pick(['none', 'everywhere', 'tenant', 'partial']),
      touched: random.chance(0.4),
      loose: random.chance(0.4),
    };
    if (owner !== 'shared' && hasSingleKey(table) && random.chance(0.3)) {
      references.push({ column: 'self_ref', parent: name, required: false });
    }
    tables.push(table);
  }
  return tables;
}

const owners = ['direct', 'direct', 'inherited', 'inherited', 'both', 'shared'] as const;
const keys = ['counter', 'integer', 'text', 'pair', 'none', 'bare'] as const;

export function hasSingleKey(table: RandomTable): boolean {
  return table.key !== 'pair' && table.key !== 'none';
}

export function keyColumns(table: RandomTable): string[] {
  if (table.key === 'none') return [];
  return table.key === 'pair' ? ['k1', 'k2'] : ['id'];
}

export function hasTenantColumn(table: RandomTable): boolean {
  return table.owner === 'direct' || table.owner === 'both';
}

/** Statements that make the table, its indexes and its harmless triggers. */
export function tableSql(
  table: RandomTable,
  tables: RandomTable[],
  tenantColumn: string,
  idType: string,
): string {
  const name = quote(table.name);
  const parts: string[] = [];
  if (table.key === 'counter') parts.push('id INTEGER PRIMARY KEY AUTOINCREMENT');
  if (table.key === 'integer' || table.key === 'bare') parts.push('id INTEGER PRIMARY KEY');
  if (table.key === 'text') parts.push('id TEXT PRIMARY KEY NOT NULL');
  if (table.key === 'pair') parts.push('k1 INTEGER NOT NULL', 'k2 TEXT NOT NULL');
  if (hasTenantColumn(table))
    parts.push(`${quote(tenantColumn)} ${idType} ${table.loose ? '' : 'NOT NULL'} REFERENCES tenants(id)`);
  for (const { column, parent, required } of table.references) {
    const of = parent === table.name ? table : tables.find((other) => other.name === parent);
    const type = of?.key === 'text' ? 'TEXT' : 'INTEGER';
    parts.push(
      `${quote(column)} ${type} ${required && !table.loose ? 'NOT NULL' : ''} REFERENCES ${quote(parent)}(id)`,
    );
  }
  for (let n = 0; n < table.values; n++) parts.push(`c${n}`);
  parts.push('u TEXT', 'touched INTEGER DEFAULT 0', 'twice GENERATED ALWAYS AS (touched * 2) VIRTUAL');
  if (table.key === 'pair') parts.push('PRIMARY KEY (k1, k2)');
  const statements = [
    `CREATE TABLE ${name} (${parts.join(', ')})${table.key === 'bare' ? ' WITHOUT ROWID' : ''};`,
  ];
  const tenantPart = hasTenantColumn(table) ? `${quote(tenantColumn)}, ` : '';
  const index = quote(`${table.name} unique`);
  if (table.unique === 'everywhere') statements.push(`CREATE UNIQUE INDEX ${index} ON ${name} (u);`);
  if (table.unique === 'tenant')
    statements.push(`CREATE UNIQUE INDEX ${index} ON ${name} (${tenantPart}lower(u));`);
  if (table.unique === 'partial')
    statements.push(`CREATE UNIQUE INDEX ${index} ON ${name} (u) WHERE touched = 0;`);
  const [first] = keyColumns(table);
  if (table.touched && first !== undefined) {
    const same = keyColumns(table)
      .map((column) => `${column} = NEW.${column}`)
      .join(' AND ');
    statements.push(
      `CREATE TRIGGER ${quote(`${table.name} touch`)} AFTER UPDATE ON ${name} BEGIN
         UPDATE ${name} SET touched = touched + 1 WHERE ${same}; END;`,
    );
  }
  return statements.join('\n');
}

export function tableFacts(table: RandomTable, tables: RandomTable[], tenantColumn: string): TableFacts {
  const key = keyColumns(table);
  const withKey = key.length > 0 ? { key } : {};
  if (table.owner === 'shared') return { rule: { via: 'shared' }, ...withKey };
  if (hasTenantColumn(table)) return { rule: { via: 'column', column: tenantColumn }, ...withKey };
  const owned = (name: string) => tables.some((other) => other.name === name && other.owner !== 'shared');
  const links = table.references
    .filter(({ parent }) => parent !== table.name && owned(parent))
    .map(({ column, parent }) => ({
      columns: [column],
      parent,
      parentColumns: ['id'],
    }));
  return { rule: { via: 'links', links }, ...withKey };
}
