import { runJob } from '../databases/job.ts';
import { openPin } from '../databases/sqlite/pin.ts';
import type { OnProgress } from '../engine/port.ts';
import { moduleAt } from '../places.ts';

export interface TakeRequest {
  /** The live database file. */
  path: string;
  /** A new file for the compressed image; null: none is wanted. */
  target: string | null;
  compression: 'gzip' | 'zstd';
  /** A new file for an uncompressed private copy of the same state; null: none is wanted. */
  copy: string | null;
}

export interface TakenFile {
  bytes: number;
  sha256: string;
  databaseBytes: number;
  mode: 'wal' | 'rollback';
  /** How long a writer may have had to wait for us. */
  blockedSeconds: number;
}

interface Options {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
  /** Seconds to wait for another program's lock. */
  busySeconds?: number;
}

/**
 * Writes a consistent image of a live SQLite database: compressed to `target` (0600, synced), plain to `copy`. A session pins the
 * state, another process reads the file. Leaves nothing behind when it fails.
 */
export async function takeFile(request: TakeRequest, options: Options = {}): Promise<TakenFile> {
  const pin = openPin(request.path, { signal: options.signal, busySeconds: options.busySeconds ?? 30 });
  try {
    return await runJob<TakenFile>(moduleAt('backups/taker'), request, {
      signal: options.signal,
      onProgress: options.onProgress,
      onQuestion: async (question) => {
        if (question === 'begin') return pin.begin();
        await pin.end();
        return 'ended';
      },
    });
  } finally {
    await pin.close();
  }
}

/**
 * A private copy of a live SQLite database at `copy` (0600, journal mode DELETE), for rehearsals: the application
 * goes on, and the live files stay as they are.
 */
export async function copyLive(path: string, copy: string, options: Options = {}): Promise<void> {
  await takeFile({ path, target: null, compression: 'zstd', copy }, options);
}
