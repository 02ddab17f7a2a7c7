import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setImmediate as breathe } from 'node:timers/promises';
import { MultisetHash, sortedColumns } from '../../engine/digest.ts';
import type { OnProgress, TableDigest } from '../../engine/port.ts';
import type { SliceShape } from '../../engine/slice.ts';
import { moduleAt } from '../../places.ts';
import { runJob } from '../job.ts';

/** What one process found in its share of a table: eight lanes of the sum for each tenant. In one piece, as it is sent. */
export interface TableSums {
  tenants: string[];
  rows: number[];
  lanes: Uint32Array;
  /** Rows without a tenant. */
  nobodys: number;
}

export type ShareSums = Record<string, TableSums>;

/** Digests by table and tenant, and all rows of each table, those without a tenant too. */
export interface CopyDigests {
  digests: Record<string, Record<string, TableDigest>>;
  rows: Record<string, number>;
}

export interface ShareRequest {
  path: string;
  shape: SliceShape;
  /** This process takes every `of`-th piece, beginning with `share`. */
  share: number;
  of: number;
}

const worker = moduleAt('databases/sqlite/digest-worker');

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
): Promise<CopyDigests> {
  const { size } = await stat(path);
  const of = size < worthSharing ? 1 : Math.min(availableParallelism(), 4);
  const done = new Array<number>(of).fill(0);
  const shares: Promise<ShareSums>[] = [];
  for (let share = 0; share < of; share++) {
    const request: ShareRequest = { path, shape, share, of };
    const onProgress: OnProgress = (progress) => {
      done[share] = progress.done / (progress.total ?? 1);
      const all = done.reduce((sum, part) => sum + part, 0) / of;
      options.onProgress?.({ phase: 'digest', done: Math.round(all * size), total: size, unit: 'bytes' });
    };
    const summing = runJob<ShareSums>(worker, request, { signal: options.signal, onProgress });
    // Awaited together below; until then a failure must not count as unhandled.
    summing.catch(() => undefined);
    shares.push(summing);
    // Starting a process keeps this one from anything else for a while.
    await breathe();
  }
  return addShares(await Promise.all(shares), shape);
}

/** Adds up what the processes found, without keeping this one from anything else for long. */
export async function addShares(shares: ShareSums[], shape: SliceShape): Promise<CopyDigests> {
  const rows: Record<string, number> = Object.create(null);
  const digests: Record<string, Record<string, TableDigest>> = Object.create(null);
  let tenants = 0;
  const pause = async (): Promise<void> => {
    if (++tenants % 100 === 0) await breathe();
  };
  for (const { name, columns } of shape.tables) {
    const sums = new Map<string, MultisetHash>();
    let nobodys = 0;
    for (const part of shares.flatMap((share) => share[name] ?? [])) {
      nobodys += part.nobodys;
      for (const [index, tenant] of part.tenants.entries()) {
        const sum = sums.get(tenant) ?? new MultisetHash();
        sums.set(tenant, sum);
        sum.merge(part.rows[index] ?? 0, part.lanes, 8 * index);
        await pause();
      }
    }
    const names = sortedColumns(columns.map((column) => column.name));
    const found = new Map<string, TableDigest>();
    for (const [tenant, sum] of sums) {
      found.set(tenant, sum.finish(name, names));
      await pause();
    }
    digests[name] = Object.fromEntries(found);
    rows[name] = [...sums.values()].reduce((all, sum) => all + sum.rows, nobodys);
  }
  return { digests, rows };
}
