import { setTimeout as sleep } from 'node:timers/promises';
import { TenantDrError } from '../../errors.ts';

export interface Patience {
  /** How long another program may hold the lock before we give up. */
  limitSeconds: number;
  /** Milliseconds between two tries; default 100. */
  pause?: number;
  signal?: AbortSignal | undefined;
  onWait?: ((waitedSeconds: number) => void) | undefined;
}

/** Tries again while another program holds the lock. Rejects with what the last try said, or with interrupted. */
export async function whileBusy<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  const since = performance.now();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const waited = (performance.now() - since) / 1000;
      const busy = error instanceof TenantDrError && error.code === 'database-busy';
      if (!busy || waited >= patience.limitSeconds) throw error;
      patience.onWait?.(waited);
      await pause(patience);
    }
  }
}

async function pause({ pause: milliseconds = 100, signal }: Patience): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (cause) {
    throw new TenantDrError(
      'interrupted',
      'Stopped while another program holds the lock of the database. Nothing was changed.',
      { hint: 'End that program or wait for it, then go on with `tenant-dr resume`.', cause },
    );
  }
}
