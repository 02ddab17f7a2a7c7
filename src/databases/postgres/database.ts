import type { Database, Finding, OpenOptions, Session } from '../../engine/port.ts';
import type { Target } from './connect.ts';
import { connect, readTarget } from './connect.ts';
import { examine } from './examine.ts';
import { clusterIdentity, readIdentity } from './identity.ts';
import { PostgresSession } from './session.ts';
import { mayReplicate } from './triggers.ts';

/** The adapter for one PostgreSQL database. Opens nothing yet. Throws config-invalid for an address it cannot read. */
export function postgresDatabase(url: string): Database {
  const target = readTarget(url);
  return {
    kind: 'postgres',
    location: target.location,
    // A server is only talked to when somebody wants something of it.
    makeReady: () => undefined,
    open: (options) => openSession(target, options),
    examine: (): Promise<Finding[]> => examine(target),
  };
}

async function openSession(target: Target, options: OpenOptions): Promise<Session> {
  const sql = await connect(
    target,
    options.busySeconds === undefined ? {} : { busySeconds: options.busySeconds },
  );
  try {
    const identity = await readIdentity(sql);
    const { timeline } = await clusterIdentity(sql);
    await sql.run('BEGIN');
    const replica = await mayReplicate(sql);
    await sql.run('ROLLBACK');
    return new PostgresSession(sql, { identity, timeline, replica, options: { ...options } });
  } catch (error) {
    await sql.end();
    throw error;
  }
}
