import { openChannel } from './channel.ts';
import { whileBusy } from './patience.ts';
import type { Pin } from './snapshot.ts';

/** Holds and lets go of a read transaction on a live database, from a session in its own thread. */
export interface HeldPin extends Pin {
  close(): Promise<void>;
}

/**
 * Rejects (from `begin`) with database-missing, database-busy after `busySeconds`, database-hot-journal and what
 * else opening for reading may meet. Main file and log stay as they are.
 */
export function openPin(
  path: string,
  options: { signal?: AbortSignal | undefined; busySeconds: number },
): HeldPin {
  const channel = openChannel(path, 'read');
  const patience = { limitSeconds: options.busySeconds, pause: 20, signal: options.signal };
  let opening: Promise<void> | null = null;
  return {
    begin: async () => {
      opening ??= whileBusy(() => channel.open(), patience);
      await opening;
      const begun = await whileBusy(() => channel.call<{ journalMode: string }>('beginRead', []), patience);
      return begun.journalMode === 'wal' ? 'wal' : 'rollback';
    },
    end: () => channel.call('endRead', []),
    close: () => channel.end(),
  };
}
