import type { TenantColumns } from '../../config/schema.ts';
import { noRowOfTenant, type TenantId } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import { scalarFor, shown } from './encoding.ts';
import { ident } from './identifiers.ts';
import type { Structure } from './introspect.ts';
import { tellingWaits, type Waiting } from './lock-waits.ts';
import type { Sql } from './sql.ts';
import { idLiteral, requireTenants } from './tenants.ts';
import { columnOf, targetOf } from './workspace.ts';

export interface StatusChange {
  columns: TenantColumns;
  tenant: TenantId;
  status: string | number | boolean | null;
  waiting: Waiting;
}

/** Sets one tenant's status in a transaction of its own; returns the former one. */
export async function setStatus(
  sql: Sql,
  structure: Structure,
  { columns, tenant, status, waiting }: StatusChange,
): Promise<string | null> {
  const relation = requireTenants(structure.relations.get(columns.table), columns);
  const name = columns.status?.column ?? 'status';
  if (!relation.columns.some((column) => column.name === name)) {
    throw new TenantDrError(
      'config-invalid',
      `Table "${columns.table}" has no column "${name}" for the tenant's status.`,
      {
        hint: 'Set tenants.status.column in the config.',
        table: columns.table,
      },
    );
  }
  const where = `WHERE t.${ident(columns.id)} = ${idLiteral(tenant)}`;
  const target = targetOf(sql, relation);
  await sql.run('BEGIN');
  try {
    const locking = `SELECT ${shown(`t.${ident(name)}`)} AS status FROM ${target} t ${where} FOR UPDATE`;
    const [former] = await tellingWaits(sql, waiting, () => sql.rows(locking));
    const changed = await sql.run(
      `UPDATE ${target} t SET ${ident(name)} = ${scalarFor(columnOf({ relation }, name), status)} ${where}`,
    );
    if (changed !== 1) throw noRowOfTenant(columns.table);
    await sql.run('COMMIT');
    return former?.status ?? null;
  } catch (error) {
    await sql.run('ROLLBACK').catch((second: unknown) => void second);
    throw error;
  }
}
