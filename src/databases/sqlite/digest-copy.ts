import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setImmediate as breathe } from 'node:timers/promises';
import { MultisetHash } from '../../engine/digest.ts';
import type { OnProgress, TableDigest } from '../../engine/port.ts';
import type { SliceShape } from '../../engine/slice.ts';
import { moduleAt } from '../../places.ts';
import { runJob } from '../job.ts';

/** What one process found in its share: table → tenant → rows and sum. */
export type ShareSums = Record<string, Record<string, ReturnType<MultisetHash['part']>>>;

export interface ShareRequest {
  path: string;
  shape: SliceShape;
  /** This process takes every `of`-th piece, beginning with `share`. */
  share: number;
  of: number;
}

/** Smaller files are read faster than a second process starts. */
export const worthSharing = 48 * 2 ** 20;

/**
 * Digest of each tenant's rows of each table in a private copy that nobody writes to: what `Session.digestAll`
 * gives, but by as many processes as there are processors.
 */
export async function digestCopy(
  path: string,
  shape: SliceShape,
  options: { signal?: AbortSignal | undefined; onProgress?: OnProgress | undefined } = {},
): Promise<Record<string, Record<string, TableDigest>>> {
  const { size } = await stat(path);
  const of = size < worthSharing ? 1 : Math.min(availableParallelism(), 4);
  const done = new Array<number>(of).fill(0);
  const shares = Array.from({ length: of }, (_, share) =>
    runJob<ShareSums>(
      moduleAt('databases/sqlite/digest-worker'),
      { path, shape, share, of },
      {
        signal: options.signal,
        onProgress: (progress) => {
          done[share] = progress.done / (progress.total ?? 1);
          const all = done.reduce((sum, part) => sum + part, 0) / of;
          options.onProgress?.({ phase: 'digest', done: Math.round(all * size), total: size, unit: 'bytes' });
        },
      },
    ),
  );
  return added(await Promise.all(shares), shape);
}

/** Adds up what the processes found, without keeping this one from anything else for long. */
async function added(
  shares: ShareSums[],
  shape: SliceShape,
): Promise<Record<string, Record<string, TableDigest>>> {
  const digests: Record<string, Record<string, TableDigest>> = Object.create(null);
  for (const { name, columns } of shape.tables) {
    const names = columns.map((column) => column.name);
    const tenants = new Set(shares.flatMap((share) => Object.keys(share[name] ?? {})));
    const found = new Map<string, TableDigest>();
    for (const tenant of tenants) {
      const sum = new MultisetHash();
      for (const share of shares) {
        const part = share[name]?.[tenant];
        if (part) sum.merge(part);
      }
      found.set(tenant, sum.finish(name, names));
      if (found.size % 200 === 0) await breathe();
    }
    digests[name] = Object.fromEntries(found);
  }
  return digests;
}
