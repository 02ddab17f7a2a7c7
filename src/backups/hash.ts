import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { JobContext } from '../databases/job-child.ts';
import { siblingsOf } from '../databases/sqlite/siblings.ts';

/** Checksum of a backup as `hashBackup` defines it. Runs in the reader. */
export async function hashFile(path: string, { signal, progress }: JobContext): Promise<string> {
  const parts = [await sha256Of(path, { signal, progress })];
  for (const sibling of await siblingsOf(path)) parts.push(await sha256Of(sibling, { signal, progress }));
  return combined(parts);
}

/** One checksum for a database and what lies beside it. */
export function combined(checksums: string[]): string {
  const [first = ''] = checksums;
  return checksums.length === 1 ? first : createHash('sha256').update(checksums.join('\n')).digest('hex');
}

async function sha256Of(
  path: string,
  { signal, progress }: Pick<JobContext, 'signal' | 'progress'>,
): Promise<string> {
  const hash = createHash('sha256');
  const { size } = await stat(path);
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
    hash.update(chunk as Buffer);
    done += (chunk as Buffer).length;
    progress({ phase: 'checksum', done, total: size, unit: 'bytes' });
  }
  return hash.digest('hex');
}
