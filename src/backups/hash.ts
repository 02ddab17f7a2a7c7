import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { JobContext } from '../databases/job-child.ts';
import { siblingsOf } from '../databases/sqlite/siblings.ts';
import { fileBytes } from '../databases/streams.ts';
import { Seal } from './seal.ts';

type Watch = Pick<JobContext, 'signal' | 'progress'>;

/** Checksum of a backup as `hashBackup` defines it. Runs in the reader. */
export async function hashFile(path: string, watch: Watch): Promise<string> {
  const parts: string[] = [];
  for (const file of [path, ...(await siblingsOf(path))]) {
    const hash = createHash('sha256');
    await readThrough(file, watch, (bytes) => hash.update(bytes));
    parts.push(hash.digest('hex'));
  }
  return combined(parts);
}

/** Of one file that is certainly no live SQLite database: any other must be read in the reader. */
export async function sha256Of(path: string, signal = new AbortController().signal): Promise<string> {
  const hash = createHash('sha256');
  await readThrough(path, { signal, progress: () => undefined }, (bytes) => hash.update(bytes));
  return hash.digest('hex');
}

/** Seal of a backup and of what lies beside it, in this order. Runs in the reader. */
export async function sealFile(path: string, key: string, watch: Watch): Promise<string> {
  const seal = new Seal(key);
  for (const file of [path, ...(await siblingsOf(path))]) {
    await readThrough(file, watch, (bytes) => seal.update(bytes));
  }
  return seal.finish();
}

/** One checksum for a database and what lies beside it. */
export function combined(checksums: string[]): string {
  const [first = ''] = checksums;
  return checksums.length === 1 ? first : createHash('sha256').update(checksums.join('\n')).digest('hex');
}

/** Reads a file to its end; `take` must not keep the bytes it is given. */
async function readThrough(path: string, watch: Watch, take: (bytes: Buffer) => void): Promise<void> {
  const { size } = await stat(path);
  let done = 0;
  for await (const bytes of fileBytes(path)) {
    watch.signal.throwIfAborted();
    done += bytes.length;
    take(bytes);
    watch.progress({ phase: 'checksum', done, total: size, unit: 'bytes' });
  }
}
