import type { TenantColumns } from '../../config/schema.ts';
import type { Tenant, TenantId } from '../../engine/tenant.ts';
import { slugOr } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import { tierOf } from '../../policy/tiers.ts';
import type { Connection } from './connect.ts';
import { literal, quote } from './identifiers.ts';

type Stored = bigint | number | string | Buffer | null;

/** A tenant's id as SQLite takes it. */
export function bindId(id: TenantId): bigint | string | Buffer {
  if (id.type === 'integer') return BigInt(id.text);
  return id.type === 'blob' ? Buffer.from(id.text, 'hex') : id.text;
}

export function idOf(value: Stored): TenantId {
  if (typeof value === 'bigint') return { type: 'integer', text: value.toString() };
  if (Buffer.isBuffer(value)) return { type: 'blob', text: value.toString('hex') };
  return { type: 'text', text: String(value) };
}

/** A scalar of the config as SQLite takes it. */
export function bindScalar(value: string | number | boolean | null): string | number | bigint | null {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}

/** All tenants of one attached database, by id. Columns the table lacks read as absent. */
export function listTenants(connection: Connection, database: string, columns: TenantColumns): Tenant[] {
  const info = connection.pragma(`${quote(database)}.table_xinfo(${quote(columns.table)})`) as {
    name: string;
  }[];
  if (info.length === 0) {
    throw new TenantDrError(
      'tenants-table-missing',
      `There is no table "${columns.table}" in this database.`,
      {
        hint: 'Set tenants.table in the config, or restore the table first.',
        table: columns.table,
      },
    );
  }
  const has = (name: string): boolean => info.some((column) => column.name === name);
  if (!has(columns.id)) {
    throw new TenantDrError('config-invalid', `Table "${columns.table}" has no column "${columns.id}".`, {
      hint: 'Set tenants.id in the config.',
      table: columns.table,
    });
  }
  const pick = (wanted: string | undefined, usual: string): string => {
    if (wanted !== undefined && !has(wanted)) {
      throw new TenantDrError('config-invalid', `Table "${columns.table}" has no column "${wanted}".`, {
        hint: `Its columns are ${info.map((column) => column.name).join(', ')}.`,
        table: columns.table,
      });
    }
    const name = wanted ?? (has(usual) ? usual : undefined);
    return name === undefined ? 'NULL' : quote(name);
  };
  const rows = connection
    .prepare(
      `SELECT ${quote(columns.id)}, ${pick(columns.slug, 'slug')}, ${pick(columns.name, 'name')}, ` +
        `${pick(columns.status?.column, 'status')}, ${tierExpression(columns, has)} ` +
        `FROM ${quote(database)}.${quote(columns.table)} WHERE ${quote(columns.id)} IS NOT NULL ORDER BY 1`,
    )
    .raw()
    .all() as Stored[][];
  return rows.map(toTenant);
}

function tierExpression(columns: TenantColumns, has: (name: string) => boolean): string {
  const tier = columns.tier;
  if (!tier)
    return (
      ['tier', 'plan'].filter(has).map(quote)[0] ??
      (has('settings') ? jsonValue('settings', '$.tier') : 'NULL')
    );
  if (!has(tier.column)) {
    throw new TenantDrError(
      'config-invalid',
      `Table "${columns.table}" has no column "${tier.column}" (tenants.tier).`,
      {
        table: columns.table,
        hint: 'Correct tenants.tier in the config.',
      },
    );
  }
  return tier.json ? jsonValue(tier.column, tier.json) : quote(tier.column);
}

/** A value inside a JSON column; text that is no JSON reads as absent rather than failing the whole list. */
function jsonValue(column: string, path: string): string {
  return `CASE WHEN json_valid(${quote(column)}) THEN json_extract(${quote(column)}, ${literal(path)}) END`;
}

function toTenant(row: Stored[]): Tenant {
  const [id, slug, name, status, tier] = row as [Stored, Stored, Stored, Stored, Stored];
  const tenantId = idOf(id);
  const named = slugOr(tenantId, slug === null ? null : String(slug));
  const known = tierOf(tier === null ? null : String(tier));
  return {
    id: tenantId,
    slug: named,
    name: name === null ? named : String(name),
    status: status === null ? null : String(status),
    tier: known.tier,
    ...(known.unknown === undefined ? {} : { unknownTier: known.unknown }),
  };
}
