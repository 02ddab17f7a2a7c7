import { setTimeout as sleep } from 'node:timers/promises';
import { TenantDrError } from '../../errors.ts';
import { connect } from './connect.ts';
import type { Sql } from './sql.ts';

/**
 * Tells every second how long the session has been waiting for locks that others hold, while `run` uses it. That is
 * asked on a connection of its own, opened only when something takes longer than a second.
 */
export async function tellingWaits<T>(
  sql: Sql,
  onWait: ((waitedSeconds: number) => void) | undefined,
  run: () => Promise<T>,
): Promise<T> {
  if (!onWait) return run();
  const pid = await sql.value('SELECT pg_backend_pid()');
  const over = new AbortController();
  const watching = watch(sql, pid, onWait, over.signal);
  // Awaited when the work is over; until then a failure must not count as unhandled, and end the process.
  watching.catch(() => undefined);
  try {
    return await run();
  } finally {
    over.abort();
    await watching;
  }
}

async function watch(
  sql: Sql,
  pid: string | null,
  onWait: (seconds: number) => void,
  over: AbortSignal,
): Promise<void> {
  let side: Sql | null = null;
  let since: number | null = null;
  try {
    for (;;) {
      await sleep(1000, undefined, { signal: over });
      side ??= await connect(sql.target);
      const waits = await side.value('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = $1', [pid]);
      if (over.aborted) return;
      if (waits === '0') since = null;
      else {
        since ??= performance.now() - 1000;
        onWait(Math.round((performance.now() - since) / 1000));
      }
    }
  } catch (error) {
    // Nobody can look, for want of a connection or a right: what the work itself comes to is told by whoever does it.
    if (!over.aborted && !(error instanceof TenantDrError)) throw error;
  } finally {
    await side?.end();
  }
}
