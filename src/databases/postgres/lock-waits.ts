import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenOptions } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import { connect } from './connect.ts';
import { cancelled, sqlState } from './errors.ts';
import type { Sql } from './sql.ts';

/** Who is told of a wait, and who may end it. */
export type Waiting = Pick<OpenOptions, 'onWait' | 'signal'>;

/**
 * Tells every second how long the session has been waiting for locks that others hold, while `run` uses it, and ends
 * the wait when the signal fires: rejects with interrupted then. That is done on a connection of its own, opened only
 * when something takes longer than a second.
 */
export async function tellingWaits<T>(sql: Sql, waiting: Waiting, run: () => Promise<T>): Promise<T> {
  const { onWait, signal } = waiting;
  if (!onWait && !signal) return run();
  const pid = await sql.value('SELECT pg_backend_pid()');
  const over = new AbortController();
  const watching = watch(sql, pid, waiting, over.signal);
  // Awaited when the work is over; until then a failure must not count as unhandled, and end the process.
  watching.catch(() => undefined);
  try {
    return await run();
  } catch (error) {
    if (!signal?.aborted || sqlState(error) !== cancelled) throw error;
    throw new TenantDrError(
      'interrupted',
      'Stopped while waiting for a lock that another session holds. Nothing was changed.',
      { hint: 'End that session or wait for it, then go on with `tenant-dr resume`.', cause: error },
    );
  } finally {
    over.abort();
    await watching;
  }
}

async function watch(
  sql: Sql,
  pid: string | null,
  { onWait, signal }: Waiting,
  over: AbortSignal,
): Promise<void> {
  let side: Sql | null = null;
  let since: number | null = null;
  try {
    for (;;) {
      await pause(over, signal);
      side ??= await connect(sql.target);
      const waits = await side.value('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = $1', [pid]);
      if (over.aborted) return;
      if (waits === '0') since = null;
      // What does not wait is let end by itself.
      else if (signal?.aborted) await side.run('SELECT pg_cancel_backend($1)', [pid]);
      else {
        since ??= performance.now() - 1000;
        onWait?.(Math.round((performance.now() - since) / 1000));
      }
    }
  } catch (error) {
    // Nobody can look, for want of a connection or a right: what the work itself comes to is told by whoever does it.
    if (!over.aborted && !(error instanceof TenantDrError)) throw error;
  } finally {
    await side?.end();
  }
}

/** A second, or until something is to be done: less once the work is to stop. Rejects when it is over. */
async function pause(over: AbortSignal, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return sleep(200, undefined, { signal: over });
  const first = signal ? AbortSignal.any([over, signal]) : over;
  try {
    await sleep(1000, undefined, { signal: first });
  } catch (error) {
    if (over.aborted || !signal?.aborted) throw error;
  }
}
