import type { TrailEntry, TrailRequest } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import { quote } from './identifiers.ts';
import { located, type Workspace } from './workspace.ts';

/** What the application's own log says about the collected tenant in a span of time, counted by minute. */
export function readTrail(work: Workspace, request: TrailRequest): TrailEntry[] {
  const table = work.byName.get(request.table);
  const missing = [request.at, request.what].find((name) => !table?.columns.includes(name));
  if (!table || missing !== undefined) {
    throw new TenantDrError(
      'config-invalid',
      table
        ? `auditLog names column "${missing}", which ${request.table} does not have.`
        : `auditLog names table "${request.table}", which holds no tenant's rows.`,
      { hint: 'Correct auditLog: in the configuration.', table: request.table },
    );
  }
  const at = instant(`t.${quote(request.at)}`);
  return work.connection
    .prepare(
      `SELECT strftime('%Y-%m-%dT%H:%M:00Z', at) AS at, what, count(*) AS count FROM (` +
        `SELECT ${at} AS at, CAST(t.${quote(request.what)} AS TEXT) AS what ` +
        `FROM temp.${table.names.liveRows} r CROSS JOIN main.${quote(request.table)} t ON ${located(table.live, 't', 'r', 'l')}) ` +
        `WHERE at BETWEEN julianday(?) AND julianday(?) GROUP BY 1, 2 ORDER BY 1, 2 LIMIT ?`,
    )
    .all(request.from, request.to, request.limit)
    .map((row) => {
      const { at: minute, what, count } = row as { at: string; what: string | null; count: bigint | number };
      return { at: minute, what: what ?? '', count: Number(count) };
    });
}

/** A stored time as a Julian day: ISO text, or seconds or milliseconds since 1970. */
function instant(value: string): string {
  const seconds = `CASE WHEN abs(${value}) > 100000000000 THEN ${value} / 1000.0 ELSE ${value} END`;
  return `CASE WHEN typeof(${value}) IN ('integer', 'real') THEN julianday(${seconds}, 'unixepoch') ELSE julianday(${value}) END`;
}
