import type { TrailEntry, TrailRequest } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import { shown } from './encoding.ts';
import { ident } from './identifiers.ts';
import type { Workspace } from './workspace.ts';
import { columnOf } from './workspace.ts';

/** What the application's own log says about the collected tenant in a span of time, counted by minute. */
export async function readTrail(work: Workspace, request: TrailRequest): Promise<TrailEntry[]> {
  const slot = work.byName.get(request.table);
  const missing = [request.at, request.what].find((name) => !slot?.columns.includes(name));
  if (!slot || missing !== undefined) {
    throw new TenantDrError(
      'config-invalid',
      slot
        ? `auditLog names column "${missing}", which ${request.table} does not have.`
        : `auditLog names table "${request.table}", which holds no tenant's rows.`,
      { hint: 'Correct auditLog: in the configuration.', table: request.table },
    );
  }
  const column = columnOf(slot, request.at);
  const value = `t.${ident(request.at)}`;
  // Numbers are seconds or milliseconds since 1970.
  const at =
    column.category === 'N'
      ? `to_timestamp(CASE WHEN abs(${value}) > 100000000000 THEN ${value} / 1000.0 ELSE ${value} END)`
      : `${value}::timestamptz`;
  const rows = await work.sql.rows(
    `SELECT to_char(date_trunc('minute', q.at), 'YYYY-MM-DD"T"HH24:MI:"00Z"') AS at, q.what AS what, count(*) AS count
     FROM (SELECT ${at} AS at, ${shown(`t.${ident(request.what)}`)} AS what FROM ${slot.live} t) q
     WHERE q.at BETWEEN $1::timestamptz AND $2::timestamptz GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $3`,
    [request.from, request.to, request.limit],
  );
  return rows.map((row) => ({ at: row.at ?? '', what: row.what ?? '', count: Number(row.count) }));
}
