import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { version } from '../config/version.ts';
import { systemFailure } from '../databases/job-child.ts';
import { sqliteIdentity } from '../databases/sqlite/identity.ts';
import { syncFolder } from '../engine/durable.ts';
import type { DatabaseIdentity, OnProgress } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';
import { type Contents, contentsOf, noContents } from './contents.ts';
import { type Manifest, manifestPath, manifestVersion, writeManifest } from './manifest.ts';
import { backupName, idOf } from './names.ts';
import { isAlive } from './processes.ts';
import { StagingCache } from './staging.ts';
import { copyName } from './staging-record.ts';
import { type TakenFile, takeFile } from './take-jobs.ts';

export interface TakeOptions {
  config: Config;
  compression: 'gzip' | 'zstd';
  /** Read the backup once more for the rows and digests of every tenant. */
  digests: boolean;
  /** Stands in the name and the manifest; the default is the time the backup began. */
  now?: Date;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
  onWarning?: (message: string) => void;
}

export interface TakenBackup {
  id: string;
  path: string;
  manifest: Manifest;
  manifestPath: string;
  /** How long a writer may have had to wait. */
  blockedSeconds: number;
  seconds: { take: number; digest: number };
}

/**
 * Takes a backup of the configured database while the application goes on writing. Under its final name it is
 * whole, synced and has its manifest beside it. Rejects, leaving nothing behind, with usage (no database, no
 * folder), database-missing, database-busy, database-hot-journal, disk-full, permission-denied, interrupted.
 */
export async function takeBackup(options: TakeOptions): Promise<TakenBackup> {
  const { config } = options;
  const live = livePath(config);
  const folder = await backupFolder(config);
  const now = options.now ?? new Date();
  const identity = sqliteIdentity(live);
  const ending = options.compression === 'gzip' ? 'db.gz' : 'db.zst';
  const path = join(folder, backupName(identity.name, 'sqlite', ending, now));
  await refuseExisting(path);
  const temporary = join(folder, `.taking-${process.pid}-${randomBytes(4).toString('hex')}.partial`);
  try {
    const started = performance.now();
    const { file, contents, takenAfter } = options.digests
      ? await takeAndRead(live, temporary, options)
      : await takeOnly(live, temporary, options);
    const manifest = manifestOf(options, now, identity, file, contents);
    await writeManifest(path, manifest);
    await moveInto(temporary, path);
    const seconds = { take: (takenAfter - started) / 1000, digest: (performance.now() - takenAfter) / 1000 };
    const { blockedSeconds } = file;
    return { id: idOf(path), path, manifest, manifestPath: manifestPath(path), blockedSeconds, seconds };
  } catch (error) {
    throw systemFailure(error);
  } finally {
    await rm(temporary, { force: true });
  }
}

interface Taking {
  file: TakenFile;
  contents: Contents;
  /** Clock when the file was complete. */
  takenAfter: number;
}

async function takeOnly(path: string, target: string, options: TakeOptions): Promise<Taking> {
  const request = { path, target, compression: options.compression, copy: null };
  const [file, contents] = await Promise.all([takeFile(request, options), readContents(path, options)]);
  return { file, contents, takenAfter: performance.now() };
}

/** The digests are read from a copy of the very state that was saved: the live database has moved on. */
async function takeAndRead(path: string, target: string, options: TakeOptions): Promise<Taking> {
  const cache = new StagingCache(options.config.state);
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  const partial = await cache.begin(size);
  try {
    const copy = join(partial, copyName);
    const file = await takeFile({ path, target, compression: options.compression, copy }, options);
    const takenAfter = performance.now();
    return { file, contents: await readContents(copy, options), takenAfter };
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

function manifestOf(
  { config, compression }: TakeOptions,
  takenAt: Date,
  identity: DatabaseIdentity,
  file: TakenFile,
  contents: Contents,
): Manifest {
  return {
    version: manifestVersion,
    kind: 'database',
    tool: `tenant-dr ${version}`,
    takenAt: takenAt.toISOString(),
    source: { identity, environment: config.environment },
    compression,
    sha256: file.sha256,
    bytes: file.bytes,
    databaseBytes: file.databaseBytes,
    verified: null,
    tenantCount: contents.tenants?.length ?? null,
    ...contents,
  };
}

function livePath(config: Config): string {
  if (config.database === undefined) {
    throw new TenantDrError('usage', 'No database is configured.', {
      hint: 'name it with --database, DATABASE_PATH or `database:` in the config',
    });
  }
  if (config.database.startsWith('sqlite:')) return config.database.slice('sqlite:'.length);
  throw new TenantDrError('usage', '`backup` takes backups of SQLite databases only. Nothing was done.', {
    hint: 'for PostgreSQL use `pg_dump --format=custom` into the backup folder; every other command reads it from there',
  });
}

/** The folder, made where it is missing; what a killed run left in it is removed. */
async function backupFolder(config: Config): Promise<string> {
  if (!config.backups) {
    throw new TenantDrError('usage', 'No backup folder is configured.', {
      hint: 'name it with --backups, BACKUP_DIR or `backups:` in the config',
    });
  }
  const folder = config.backups.path;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(folder)) {
      const leftover = /^\.taking-(\d+)-[0-9a-f]+\.partial/.exec(name);
      if (leftover && !isAlive(Number(leftover[1]))) await rm(join(folder, name), { force: true });
    }
  } catch (error) {
    throw systemFailure(error);
  }
  return folder;
}

async function refuseExisting(path: string): Promise<void> {
  const there = await stat(path).catch(() => null);
  if (there) throw alreadyThere(path);
}

/** Never over an existing file. */
async function moveInto(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'EEXIST') throw alreadyThere(path);
    // Some network file systems know no hard links.
    await rename(temporary, path);
  }
  await syncFolder(join(path, '..'));
}

function alreadyThere(path: string): TenantDrError {
  return new TenantDrError('usage', `A backup of this second exists already: ${path}. Nothing was done.`, {
    hint: 'run the command again',
  });
}
