import { configSchema } from '../config/schema.ts';
import { classify } from './ownership.ts';
import type { Schema, Table } from './schema.ts';

/** Usual names, most usual first. Compared without case and underscores. */
const tenantTables = [
  'tenants',
  'organizations',
  'organisations',
  'workspaces',
  'accounts',
  'companies',
  'customers',
  'teams',
  'orgs',
  'clients',
  'merchants',
  'stores',
  'shops',
  'sites',
  'agencies',
  'businesses',
];
const nameColumns = ['name', 'display_name', 'title', 'company_name', 'company', 'label', 'business_name'];
const slugColumns = [
  'slug',
  'subdomain',
  'handle',
  'code',
  'short_name',
  'shortname',
  'identifier',
  'key',
  'domain',
];
/** Where a tenant is found on the web: its name for people only where no two have the same. */
const addressColumns = ['url', 'website', 'hostname', 'host'];

/** What the names in a database suggest about its tenants; a person reviews it. */
export interface TenantGuess {
  table: string;
  id: string;
  name: string | undefined;
  slug: string | undefined;
  /** Columns of other tables that name a tenant, most used first. */
  ownershipColumns: string[];
}

/**
 * The tenants table and its columns, told by usual names and by how much of the database belongs to it: of
 * several candidates the one that owns most tables. Undefined when nothing fits: a name alone, to which nothing
 * else belongs, tells nothing.
 */
export function guessTenants(schema: Schema, named?: string): TenantGuess | undefined {
  const candidates =
    named === undefined ? usualTables(schema) : schema.tables.filter((table) => table.name === named);
  const guesses = candidates.flatMap((table) => guessFrom(schema, table) ?? []);
  const owned = guesses.map((guess) => ({ guess, tables: tablesOwnedBy(schema, guess) }));
  const alone = schema.tables.filter(({ kind }) => kind === 'table').length === 1;
  const found = owned.sort((a, b) => b.tables - a.tables)[0];
  return found && (found.tables > 1 || alone || named !== undefined) ? found.guess : undefined;
}

function usualTables(schema: Schema): Table[] {
  const wanted = tenantTables.flatMap((name) => [plain(name), plain(singularOf(name))]);
  const ranked = schema.tables
    .filter((table) => table.kind === 'table')
    .map((table) => ({ table, rank: wanted.indexOf(plain(table.name)) }))
    .filter(({ rank }) => rank !== -1);
  return ranked.sort((a, b) => a.rank - b.rank).map(({ table }) => table);
}

function guessFrom(schema: Schema, table: Table): TenantGuess | undefined {
  const id = referredColumn(schema, table) ?? idColumn(table);
  if (id === undefined) return undefined;
  return {
    table: table.name,
    id,
    name: usualColumn(table, nameColumns),
    slug: usualColumn(table, slugColumns) ?? uniqueAddress(table),
    ownershipColumns: ownershipColumns(schema, table, id),
  };
}

/** The one address that the database keeps unique; of several nobody can tell which is meant. */
function uniqueAddress(table: Table): string | undefined {
  const usual = addressColumns.map(plain);
  const unique = table.uniques
    .filter(({ partial, columns }) => !partial && columns.length === 1)
    .flatMap(({ columns }) => columns[0] ?? []);
  const found = new Set(unique.filter((name) => usual.includes(plain(name))));
  return found.size === 1 ? [...found][0] : undefined;
}

/** The column by which most keys of other tables know a row: a number may be the primary key, and a uuid what they hold. */
function referredColumn(schema: Schema, table: Table): string | undefined {
  const keys = schema.tables.flatMap((other) => (other === table ? [] : other.foreignKeys));
  return mostUsed(
    keys
      .filter((key) => key.table === table.name && key.parentColumns.length === 1)
      .map((key) => key.parentColumns[0] as string),
  )[0];
}

/** Beside a key of several columns only one that no two rows share: (`realm_id`, `team_id`) may be a team of each realm. */
function idColumn(table: Table): string | undefined {
  if (table.primaryKey.length === 1) return table.primaryKey[0];
  const usual = usualColumn(table, ['id', `${singularOf(table.name)}_id`, 'tenant_id']);
  const alone = table.uniques.some(
    ({ partial, columns }) => !partial && columns.length === 1 && columns[0] === usual,
  );
  return table.primaryKey.length === 0 || alone ? usual : undefined;
}

/**
 * Columns elsewhere named after a tenant (`tenant_id`, `organizationId`), and the name most other keys into the tenants
 * table bear (`org_id`), which tables without a key may bear too. A name that no key bears out counts only where there
 * is no key at all: `uuid` is every table's own, and a `tenant_id` beside keyed `workspace_id`s is somebody else's.
 */
function ownershipColumns(schema: Schema, tenants: Table, id: string): string[] {
  const singular = singularOf(tenants.name);
  const others = schema.tables.filter((table) => table !== tenants && table.kind === 'table');
  const ownKey = others.some(
    ({ primaryKey }) => primaryKey.length === 1 && plain(primaryKey[0] ?? '') === plain(id),
  );
  const names = ['tenant_id', `${singular}_id`, `${singular}_${id}`, ...(ownKey ? [] : [id])].map(plain);
  const byName = others
    .flatMap((table) => table.columns.map((column) => column.name))
    .filter((name) => names.includes(plain(name)));
  const byKey = others.flatMap((table) =>
    table.foreignKeys
      .filter((key) => key.table === tenants.name && key.columns.length === 1)
      .map((key) => key.columns[0] as string),
  );
  if (byKey.length === 0) return mostUsed(byName);
  const borneOut = mostUsed(byName.filter((name) => byKey.includes(name)));
  // Keys speak for themselves; the most used one is listed so that it wins where a table has several.
  const [further] = mostUsed(byKey.filter((name) => !borneOut.includes(name)));
  if (further === undefined) return borneOut;
  const often = byKey.indexOf(further) !== byKey.lastIndexOf(further);
  return borneOut.length === 0 || (often && meansOnly(schema, further, tenants))
    ? [...borneOut, further]
    : borneOut;
}

/** No key of that column leads to another table than this one. */
function meansOnly(schema: Schema, column: string, table: Table): boolean {
  return schema.tables.every(({ foreignKeys }) =>
    foreignKeys.every((key) => !key.columns.includes(column) || key.table === table.name),
  );
}

function mostUsed(names: string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

function tablesOwnedBy(schema: Schema, guess: TenantGuess): number {
  const tenants = configSchema.shape.tenants.parse({ table: guess.table, id: guess.id });
  return classify(schema, { tenants, ownership: { columns: guess.ownershipColumns, tables: {} } }).order
    .length;
}

/** The first usual name the table has, as the table spells it. */
export function usualColumn(table: Table, usual: readonly string[]): string | undefined {
  for (const name of usual) {
    const column = table.columns.find((one) => plain(one.name) === plain(name));
    if (column) return column.name;
  }
  return undefined;
}

/** Without case and separators: tenant_id, tenantId and TENANTID are the same name. */
export function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[_\s-]/g, '');
}

/** companies → company, businesses → business, tenants → tenant. */
export function singularOf(name: string): string {
  if (/ies$/i.test(name)) return name.replace(/ies$/i, 'y');
  if (/(ss|x|ch|sh)es$/i.test(name)) return name.replace(/es$/i, '');
  return name.replace(/(?<=[^s])s$/i, '');
}
