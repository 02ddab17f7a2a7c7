import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sqliteIdentity } from '../databases/sqlite/identity.ts';
import { TenantDrError } from '../errors.ts';
import { type Contents, contentsOf, noContents } from './contents.ts';
import { StagingCache } from './staging.ts';
import { copyName } from './staging-record.ts';
import type { Taken, TakeOptions, Taker } from './take.ts';
import { type TakenFile, takeFile } from './take-jobs.ts';

/** Backups of SQLite databases: a compressed image of the file at `path`. */
export function fileTaker(path: string, options: TakeOptions): Taker {
  const identity = sqliteIdentity(path);
  return {
    kind: 'sqlite',
    ending: options.compression === 'gzip' ? 'db.gz' : 'db.zst',
    content: 'database-file',
    name: identity.name,
    async take(target): Promise<Taken> {
      const { file, ...rest } = options.digests
        ? await takeAndRead(path, target, options)
        : await takeOnly(path, target, options);
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

async function takeOnly(path: string, target: string, options: TakeOptions): Promise<Taking> {
  const request = { path, target, compression: options.compression, copy: null };
  const [file, contents] = await Promise.all([takeFile(request, options), readContents(path, options)]);
  return { file, contents, completeAt: performance.now() };
}

/** The digests are read from a copy of the very state that was saved: the live database has moved on. */
async function takeAndRead(path: string, target: string, options: TakeOptions): Promise<Taking> {
  const cache = new StagingCache(options.config.state);
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  let partial: string;
  try {
    partial = await cache.begin(size);
  } catch (error) {
    if (!(error instanceof TenantDrError && error.code === 'disk-full')) throw error;
    options.onWarning?.(`The manifest has no rows and digests: ${error.message}`);
    return takeOnly(path, target, { ...options, digests: false });
  }
  try {
    const copy = join(partial, copyName);
    const file = await takeFile({ path, target, compression: options.compression, copy }, options);
    const completeAt = performance.now();
    return { file, contents: await readContents(copy, options), completeAt };
  } finally {
    await cache.discard(partial);
  }
}

/** A backup is worth having even where the config does not fit the database: then its manifest says less. */
async function readContents(
  path: string,
  { config, digests, onProgress, onWarning }: TakeOptions,
): Promise<Contents> {
  try {
    return await contentsOf(path, config, digests ? 'digests' : 'tenants', onProgress);
  } catch (error) {
    if (!(error instanceof TenantDrError)) throw error;
    onWarning?.(`The manifest has no rows and digests: ${error.message}`);
    return noContents;
  }
}
