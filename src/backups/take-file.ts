import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sqliteIdentity } from '../databases/sqlite/identity.ts';
import type { HeldPin } from '../databases/sqlite/pin.ts';
import type { Pinned } from '../databases/sqlite/turn.ts';
import { TenantDrError } from '../errors.ts';
import { type Contents, contentsIn, contentsOf, noContents } from './contents.ts';
import { StagingCache } from './staging.ts';
import { copyName } from './staging-record.ts';
import type { Taken, TakeOptions, Taker } from './take.ts';
import { pinned, type TakenFile, takeFile } from './take-jobs.ts';

/** Backups of SQLite databases: a compressed image of the file at `path`. */
export function fileTaker(path: string, options: TakeOptions): Taker {
  const identity = sqliteIdentity(path);
  return {
    kind: 'sqlite',
    ending: options.compression === 'gzip' ? 'db.gz' : 'db.zst',
    content: 'database-file',
    name: identity.name,
    async take(target): Promise<Taken> {
      const { file, ...rest } = await pinned(path, options, async (pin) => {
        const pinned = await pin.begin();
        await pin.end();
        const cache = new StagingCache(options.config.state);
        const partial = await folderForCopy(cache, path, pinned, options);
        if (partial === null) return takeAndCount(pin, path, target, options);
        return takeAndRead(pin, path, target, join(partial, copyName), options).finally(() =>
          cache.discard(partial),
        );
      });
      const { sha256, bytes, databaseBytes, blockedSeconds } = file;
      const { compression } = options;
      return { identity, compression, sha256, bytes, databaseBytes, blockedSeconds, takenAt: null, ...rest };
    },
  };
}

interface Taking {
  file: TakenFile;
  contents: Contents;
  completeAt: number;
}

/** In WAL mode nobody waits for a reader: rows are counted in the pinned state, while just that is saved. */
async function takeAndCount(
  pin: HeldPin,
  path: string,
  target: string,
  options: TakeOptions,
): Promise<Taking> {
  const { config, compression } = options;
  let contents = noContents;
  const meanwhile = async () => {
    contents = await orNone(options, () => contentsIn(pin.session, config, null));
  };
  const request = { path, target, compression, copy: null };
  const file = await takeFile(pin, request, { ...options, meanwhile });
  return { file, contents, completeAt: performance.now() };
}

/** Else a copy is read of the very state that was saved: the live database has moved on. */
async function takeAndRead(
  pin: HeldPin,
  path: string,
  target: string,
  copy: string,
  options: TakeOptions,
): Promise<Taking> {
  const { config, compression, digests, onProgress } = options;
  const file = await takeFile(pin, { path, target, compression, copy }, options);
  const completeAt = performance.now();
  const depth = digests ? 'digests' : 'rows';
  const contents = await orNone(options, () => contentsOf(copy, config, depth, onProgress));
  return { file, contents, completeAt };
}

/** Null where no copy is needed. A backup without digests is better than none, where rows can be counted without. */
async function folderForCopy(
  cache: StagingCache,
  path: string,
  { mark }: Pinned,
  { digests, onWarning }: TakeOptions,
): Promise<string | null> {
  if (mark && !digests) return null;
  try {
    return await cache.begin((await stat(path)).size);
  } catch (error) {
    const full = error instanceof TenantDrError && error.code === 'disk-full';
    if (!full || !mark) throw error;
    onWarning?.(`The manifest has no digests: ${error.message}`);
    return null;
  }
}

/** A backup is worth having even where the config does not fit the database: then its manifest says less. */
async function orNone({ onWarning }: TakeOptions, read: () => Promise<Contents>): Promise<Contents> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof TenantDrError)) throw error;
    onWarning?.(`The manifest has no rows and digests: ${error.message}`);
    return noContents;
  }
}
