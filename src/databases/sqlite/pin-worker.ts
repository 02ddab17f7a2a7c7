import { setTimeout as sleep } from 'node:timers/promises';
import { TenantDrError } from '../../errors.ts';
import { serveJob } from '../job-child.ts';
import { type Connection, connect } from './connect.ts';
import { fromSqlite } from './errors.ts';

/** The process behind pin.ts. It never opens the database but through SQLite. */
serveJob<{ path: string; busySeconds: number }>(async ({ path, busySeconds }, { ask, signal }) => {
  let connection: Connection | null = null;
  let state = 'ready';
  try {
    for (;;) {
      const order = await ask(state);
      if (order === 'close') return;
      if (order === 'end') {
        connection?.exec('ROLLBACK');
        state = 'ended';
        continue;
      }
      connection ??= await patiently(() => connect(path, 'read'), busySeconds, signal);
      state = await patiently(begin(connection, path), busySeconds, signal);
    }
  } finally {
    connection?.close();
  }
});

/** Takes the read lock and returns the journal mode it was taken in. */
function begin(connection: Connection, path: string): () => string {
  return () => {
    try {
      connection.exec('BEGIN');
      try {
        connection.prepare('SELECT count(*) FROM sqlite_schema').get();
        return String(connection.pragma('journal_mode', { simple: true }));
      } catch (error) {
        connection.exec('ROLLBACK');
        throw error;
      }
    } catch (error) {
      throw fromSqlite(error, path);
    }
  };
}

async function patiently<T>(work: () => T, seconds: number, signal: AbortSignal): Promise<T> {
  const until = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return work();
    } catch (error) {
      const busy = error instanceof TenantDrError && error.code === 'database-busy';
      if (!busy || performance.now() > until) throw error;
      await sleep(20, undefined, { signal });
    }
  }
}
