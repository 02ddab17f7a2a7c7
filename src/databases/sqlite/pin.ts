import type { Session } from '../../engine/port.ts';
import { openChannel } from './channel.ts';
import { whileBusy } from './patience.ts';
import type { Pin } from './snapshot.ts';
import type { Pinned } from './turn.ts';

/** Holds and lets go of a read transaction on a live database, from a session in its own thread. */
export interface HeldPin extends Pin {
  /** Reads the pinned state, between `begin` and `end`. */
  session: Pick<Session, 'schema' | 'tenants' | 'countAll' | 'countTables'>;
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
  const patience = { limitSeconds: options.busySeconds, pause: 1, signal: options.signal };
  let opening: Promise<void> | null = null;
  return {
    begin: async () => {
      opening ??= whileBusy(() => channel.open(), patience);
      await opening;
      return whileBusy(() => channel.call<Pinned>('beginPin', []), patience);
    },
    end: () => channel.call('endRead', []),
    session: {
      schema: () => channel.call('schema', []),
      tenants: (columns) => channel.call('tenants', [columns]),
      countAll: (shape) => channel.call('countAll', [shape]),
      countTables: (names) => channel.call('countTables', [names]),
    },
    close: () => channel.end(),
  };
}
