import { hostname } from 'node:os';
import type { ChangeMarker, DatabaseIdentity } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import type { Sql } from './sql.ts';

/** Who this database is. The system identifier is the cluster's own, kept by its replicas and physical copies. */
export async function readIdentity(sql: Sql): Promise<DatabaseIdentity> {
  const { target } = sql;
  return {
    kind: 'postgres',
    name: target.database,
    location: target.location,
    host: target.host.startsWith('/') ? hostname() : target.host,
    systemId: (await clusterIdentity(sql)).systemId,
  };
}

/** System identifier and timeline; null where the role may not ask for them. */
export async function clusterIdentity(
  sql: Sql,
): Promise<{ systemId: string | null; timeline: string | null }> {
  try {
    const [row] = await sql.rows(
      'SELECT s.system_identifier AS system, c.timeline_id AS timeline FROM pg_control_system() s, pg_control_checkpoint() c',
    );
    return { systemId: row?.system ?? null, timeline: row?.timeline ?? null };
  } catch (error) {
    // Some hosted servers keep these functions to themselves; then outcomes are found out row by row.
    if (error instanceof TenantDrError && error.code === 'database-denied')
      return { systemId: null, timeline: null };
    throw error;
  }
}

/** What finds out after a crash whether this transaction happened. */
export async function readMarker(
  sql: Sql,
  cluster: { systemId: string | null; timeline: string | null },
): Promise<ChangeMarker> {
  const [row] = await sql.rows(
    'SELECT pg_current_xact_id() AS xid, pg_backend_pid() AS pid, pg_postmaster_start_time() AS started',
  );
  return {
    xid: row?.xid ?? null,
    pid: Number(row?.pid),
    systemId: cluster.systemId,
    timeline: cluster.timeline,
    started: row?.started ?? null,
  };
}
