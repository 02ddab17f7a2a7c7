import { runJob } from '../databases/job.ts';
import { type HeldPin, openPin } from '../databases/sqlite/pin.ts';
import type { OnProgress } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';
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
}

/** Opens a session that pins the live database at `path` while `work` goes on; waits up to 30 s for others' locks. */
export async function pinned<T>(
  path: string,
  { signal }: Options,
  work: (pin: HeldPin) => Promise<T>,
): Promise<T> {
  const pin = openPin(path, { signal, busySeconds: 30 });
  try {
    return await work(pin);
  } finally {
    await pin.close();
  }
}

/**
 * Writes a consistent image of a live SQLite database: compressed to `target` (0600, synced), plain to `copy`, which
 * rollback mode cannot do without. A session pins the state, another process reads the file. Leaves nothing behind
 * when it fails. `meanwhile`, in WAL mode, reads the very state that is saved; nobody waits for that.
 */
export async function takeFile(
  pin: HeldPin,
  request: TakeRequest,
  options: Options & { meanwhile?: () => Promise<void> } = {},
): Promise<TakenFile> {
  const { signal, onProgress, meanwhile } = options;
  let reading: Promise<void> | undefined;
  const begin = async () => {
    const pinned = await pin.begin();
    if (meanwhile && !pinned.mark) throw moved(request.path);
    reading = meanwhile?.();
    // Awaited before the pin ends; until then a failure must not count as unhandled.
    reading?.catch(() => undefined);
    return JSON.stringify(pinned);
  };
  const end = async () => {
    await reading;
    await pin.end();
    return 'ended';
  };
  return runJob<TakenFile>(moduleAt('backups/taker'), request, {
    signal,
    onProgress,
    onQuestion: (question) => (question === 'begin' ? begin() : end()),
  });
}

function moved(path: string): TenantDrError {
  return new TenantDrError(
    'database-busy',
    `${path} changed too much while the backup began. Nothing was kept.`,
    {
      hint: 'take the backup again',
    },
  );
}

/**
 * A private copy of a live SQLite database at `copy` (0600, journal mode DELETE), for rehearsals: the application
 * goes on, and the live files stay as they are.
 */
export async function copyLive(path: string, copy: string, options: Options = {}): Promise<void> {
  await pinned(path, options, (pin) =>
    takeFile(pin, { path, target: null, compression: 'zstd', copy }, options),
  );
}
