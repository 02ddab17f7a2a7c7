import type { TenantColumns } from '../../config/schema.ts';
import { noRowOfTenant, type TenantId } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import { scalarFor, shown } from './encoding.ts';
import { ident } from './identifiers.ts';
import type { Structure } from './introspect.ts';
import type { Sql } from './sql.ts';
import { idLiteral, requireTenants } from './tenants.ts';
import { columnOf, targetOf } from './workspace.ts';

/** Sets one tenant's status in a transaction of its own; returns the former one. */
export async function setStatus(
  sql: Sql,
  structure: Structure,
  columns: TenantColumns,
  tenant: TenantId,
  value: string | number | boolean | null,
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
    const [former] = await sql.rows(
      `SELECT ${shown(`t.${ident(name)}`)} AS status FROM ${target} t ${where} FOR UPDATE`,
    );
    const changed = await sql.run(
      `UPDATE ${target} t SET ${ident(name)} = ${scalarFor(columnOf({ relation }, name), value)} ${where}`,
    );
    if (changed !== 1) throw noRowOfTenant(columns.table);
    await sql.run('COMMIT');
    return former?.status ?? null;
  } catch (error) {
    await sql.run('ROLLBACK').catch((second: unknown) => void second);
    throw error;
  }
}
