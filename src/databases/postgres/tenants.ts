import type { TenantColumns } from '../../config/schema.ts';
import type { Tenant, TenantId } from '../../engine/tenant.ts';
import { slugOr } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import { tierOf } from '../../policy/tiers.ts';
import type { Relation, RelationColumn } from './catalog.ts';
import { ident, literal } from './identifiers.ts';
import type { Structure } from './introspect.ts';
import type { Sql } from './sql.ts';
import type { Stage } from './stage.ts';

const integerTypes = ['smallint', 'integer', 'bigint', 'numeric', 'oid'];

/** How ids of this column are written: digits, hex of a bytea, else the text the server prints. */
export function idTypeOf(column: RelationColumn): TenantId['type'] {
  if (integerTypes.includes(column.baseType)) return 'integer';
  return column.baseType === 'bytea' ? 'blob' : 'text';
}

/** SQL for a value as text, the same live or staged: char(n) loses the blanks it is filled up with. */
function shownAs(column: RelationColumn, value: string): string {
  // COPY writes t where a cast says true.
  if (column.category === 'B') return `${value}::boolean::text`;
  return column.baseName === 'bpchar' ? `rtrim(${value}::text, ' ')` : `${value}::text`;
}

/** The id as a constant of no type yet: the server reads it as the type of what it is compared with. */
export function idLiteral(id: TenantId): string {
  return literal(idText(id));
}

/** The id as the server prints it, and as it stands in COPY text before escaping. */
export function idText(id: TenantId): string {
  return id.type === 'blob' ? `\\x${id.text}` : id.text;
}

export function idOf(text: string, type: TenantId['type']): TenantId {
  return { type, text: type === 'blob' ? text.replace(/^\\x/, '') : text };
}

export function requireTenants(relation: Relation | undefined, columns: TenantColumns): Relation {
  if (!relation) throw tenantsMissing(columns.table);
  const wanted = [columns.id, columns.slug, columns.name, columns.status?.column, columns.tier?.column];
  for (const name of wanted) {
    if (name === undefined || relation.columns.some((column) => column.name === name)) continue;
    throw new TenantDrError('config-invalid', `Table "${columns.table}" has no column "${name}".`, {
      hint: `Its columns are ${relation.columns.map((column) => column.name).join(', ')}.`,
      table: columns.table,
    });
  }
  return relation;
}

function tenantsMissing(table: string): TenantDrError {
  return new TenantDrError('tenants-table-missing', `There is no table "${table}" in this database.`, {
    hint: 'Set tenants.table in the config, or restore the table first.',
    table,
  });
}

/**
 * All tenants found in `from`, a table or temporary table with the columns of `relation`, by id.
 * Columns the table lacks read as absent.
 */
export async function listTenants(
  sql: Sql,
  relation: Relation,
  columns: TenantColumns,
  from: string,
): Promise<Tenant[]> {
  const has = (name: string): boolean => relation.columns.some((column) => column.name === name);
  const pick = (wanted: string | undefined, usual: string): string => {
    const name = wanted ?? usual;
    const column = relation.columns.find((known) => known.name === name);
    return column ? shownAs(column, `t.${ident(name)}`) : 'NULL';
  };
  const id = relation.columns.find((column) => column.name === columns.id) as RelationColumn;
  const type = idTypeOf(id);
  const rows = await sql.rows(
    `SELECT ${shownAs(id, `t.${ident(id.name)}`)} AS id, ${pick(columns.slug, 'slug')} AS slug, ${pick(columns.name, 'name')} AS name,
      ${pick(columns.status?.column, 'status')} AS status, ${tierSource(columns, has)} AS tier, ${tierPathOf(columns, has) === null ? 'false' : 'true'} AS json
     FROM ${from} t WHERE t.${ident(id.name)} IS NOT NULL ORDER BY t.${ident(id.name)}`,
  );
  const path = tierPathOf(columns, has);
  return rows.map((row) => {
    const tenant = idOf(row.id ?? '', type);
    const known = tierOf(path === null ? (row.tier ?? null) : jsonPath(row.tier ?? null, path));
    const slug = slugOr(tenant, row.slug ?? null);
    return {
      id: tenant,
      slug,
      name: row.name ?? slug,
      status: row.status ?? null,
      tier: known.tier,
      ...(known.unknown === undefined ? {} : { unknownTier: known.unknown }),
    };
  });
}

function tierSource(columns: TenantColumns, has: (name: string) => boolean): string {
  const name = columns.tier?.column ?? ['tier', 'plan', 'settings'].find(has);
  return name === undefined || !has(name) ? 'NULL' : `t.${ident(name)}::text`;
}

function tierPathOf(columns: TenantColumns, has: (name: string) => boolean): string | null {
  if (columns.tier) return columns.tier.json ?? null;
  return !has('tier') && !has('plan') && has('settings') ? '$.tier' : null;
}

/** All tenants of the staged source, by id. Rejects with tenants-table-missing. */
export async function stagedTenants(
  sql: Sql,
  structure: Structure,
  stage: Stage,
  columns: TenantColumns,
): Promise<Tenant[]> {
  const live = structure.relations.get(columns.table);
  const raw = stage.raw.get(columns.table);
  if (!live || !raw?.columns.includes(columns.id)) throw tenantsMissing(columns.table);
  if (raw.rows === 0) return [];
  const relation = { ...live, columns: live.columns.filter((column) => raw.columns.includes(column.name)) };
  const tenants = await listTenants(sql, relation, columns, raw.name);
  return tenants.sort((a, b) => compareIds(a.id.text, b.id.text));
}

/** Integers by their value, everything else by its text. */
function compareIds(a: string, b: string): number {
  const [x, y] = [a, b].map((text) => (/^-?\d+$/.test(text) ? BigInt(text) : text)) as [
    bigint | string,
    bigint | string,
  ];
  return typeof x === typeof y ? (x < y ? -1 : 1) : typeof x === 'bigint' ? -1 : 1;
}

/** A value inside a JSON column, by a path such as $.plan.tier; text that is no JSON reads as absent. */
function jsonPath(text: string | null, path: string): string | null {
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // One row that holds no JSON must not fail the whole list; its tier counts as absent.
    return null;
  }
  for (const step of path
    .replace(/^\$\.?/, '')
    .split('.')
    .filter((part) => part !== '')) {
    value =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[step] : undefined;
  }
  return value === undefined || value === null ? null : String(value);
}
