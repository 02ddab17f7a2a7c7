import { TenantDrError } from '../errors.ts';
import type { ActionContext } from './action.ts';

/** Seconds a database is given to come back, and between two tries. */
const patience = 60;
const pause = 2;

/**
 * Opens anew what was lost together with its connection, and tells of every try. Rejects with what the last one said
 * when the database stays away, and at once with anything else that is wrong.
 */
export async function openAgain<T>(
  { clock, signal, output }: Pick<ActionContext, 'clock' | 'signal' | 'output'>,
  open: () => Promise<T>,
): Promise<T> {
  const since = clock.now().getTime();
  for (;;) {
    const away = Math.round((clock.now().getTime() - since) / 1000);
    output(`the connection was lost: connecting again, ${away} of ${patience} s`);
    try {
      return await open();
    } catch (error) {
      const passing = error instanceof TenantDrError && error.code === 'database-unreachable';
      if (!passing || away >= patience) throw error;
      await clock.sleep(pause, signal);
    }
  }
}
