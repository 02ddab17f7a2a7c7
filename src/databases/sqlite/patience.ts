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

/** Tries again while another program holds the lock. Rejects with what the last try said. */
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
      await sleep(patience.pause ?? 100, undefined, { signal: patience.signal });
    }
  }
}
