import type { TenantColumns } from '../../config/schema.ts';
import { noRowOfTenant, type TenantId } from '../../engine/tenant.ts';
import type { Connection } from './connect.ts';
import { quote } from './identifiers.ts';
import { bindId, bindScalar } from './tenants.ts';
import { begin } from './turn.ts';

/** Sets one tenant's status in a transaction of its own; returns the former one. One try: busy is for the caller. */
export function setStatus(
  connection: Connection,
  columns: TenantColumns,
  tenant: TenantId,
  value: string | number | boolean | null,
): string | null {
  const column = quote(columns.status?.column ?? 'status');
  const table = `main.${quote(columns.table)}`;
  const where = `WHERE ${quote(columns.id)} = ?`;
  // As the application would do it: its triggers on the tenants table run under enforced references.
  connection.pragma('foreign_keys = ON');
  begin(connection, 'BEGIN IMMEDIATE');
  try {
    const former = connection
      .prepare(`SELECT CAST(${column} AS TEXT) FROM ${table} ${where}`)
      .pluck()
      .get(bindId(tenant));
    const changed = connection
      .prepare(`UPDATE ${table} SET ${column} = ? ${where}`)
      .run(bindScalar(value), bindId(tenant)).changes;
    if (changed !== 1) throw noRowOfTenant(columns.table);
    connection.exec('COMMIT');
    return (former ?? null) as string | null;
  } catch (error) {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    throw error;
  } finally {
    connection.pragma('foreign_keys = OFF');
  }
}
