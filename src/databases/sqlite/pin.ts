import { moduleAt } from '../../places.ts';
import { runJob } from '../job.ts';
import type { Pin } from './snapshot.ts';

/** Holds and lets go of a read transaction on a live database, from a process of its own. */
export interface PinJob extends Pin {
  close(): Promise<void>;
}

/**
 * Rejects (from `begin`) with database-missing, database-busy after `busySeconds`, database-hot-journal and what
 * else opening for reading may meet. Main file and log stay as they are.
 */
export function openPin(
  path: string,
  options: { signal?: AbortSignal | undefined; busySeconds: number },
): PinJob {
  let report: { resolve(state: string): void; reject(error: unknown): void } | null = null;
  let answer: ((order: string) => void) | null = null;
  let failure: unknown = null;
  const order = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      if (failure !== null) return reject(failure);
      report = { resolve, reject };
      const send = answer;
      answer = null;
      send?.(text);
    });
  const ready = order('');
  const job = runJob(
    moduleAt('databases/sqlite/pin-worker'),
    { path, busySeconds: options.busySeconds },
    {
      signal: options.signal,
      onQuestion: (state) =>
        new Promise((resolve) => {
          answer = resolve;
          report?.resolve(state);
          report = null;
        }),
    },
  );
  job.catch((error: unknown) => {
    failure = error;
    report?.reject(error);
  });
  ready.catch(() => undefined);
  return {
    begin: async () => {
      await ready;
      return (await order('begin')) === 'wal' ? 'wal' : 'rollback';
    },
    end: async () => {
      await order('end');
    },
    close: async () => {
      await ready.catch(() => undefined);
      answer?.('close');
      answer = null;
      await job.catch(() => undefined);
    },
  };
}
