import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { version } from '../config/version.ts';
import { systemFailure } from '../databases/job-child.ts';
import { makeFolder } from '../engine/durable.ts';
import type { DatabaseIdentity, OnProgress } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';
import type { Contents } from './contents.ts';
import type { Content } from './formats.ts';
import { clearLeftovers, keep, temporaryIn } from './keep.ts';
import { type Manifest, manifestPath, manifestVersion } from './manifest.ts';
import { backupName, idOf } from './names.ts';

export interface TakeOptions {
  config: Config;
  /** Of a PostgreSQL database: of plain SQL only; pg_dump compresses its own format itself. */
  compression: 'gzip' | 'zstd';
  /** PostgreSQL: as plain SQL instead of pg_dump's custom format. */
  plain?: boolean;
  /** Read the backup once more for the digests of every tenant; without them rows are counted only. */
  digests: boolean;
  /** Stands in the name and the manifest; the default is the moment the backup shows. */
  now?: Date;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
  onWarning?: (message: string) => void;
}

export interface TakenBackup {
  id: string;
  path: string;
  content: Content;
  manifest: Manifest;
  manifestPath: string;
  /** How long a writer may have had to wait. */
  blockedSeconds: number;
  seconds: { take: number; digest: number };
}

/** What one kind of database contributes to taking a backup of it. */
export interface Taker {
  /** Of the file's name: `sqlite` or `postgres`, and what follows the time. */
  kind: string;
  ending: string;
  content: Content;
  /** Name of the database, as far as the file's name goes. */
  name: string;
  /** Writes the backup to `target`, a new file (0600, synced). */
  take(target: string): Promise<Taken>;
}

/** A backup whose file is complete, before it has its name. */
export interface Taken {
  identity: DatabaseIdentity;
  compression: Manifest['compression'];
  sha256: string;
  bytes: number;
  databaseBytes: number;
  /** The moment the backup shows, where the database told; else when taking it began. */
  takenAt: Date | null;
  blockedSeconds: number;
  contents: Contents;
  /** Clock when the file was complete. */
  completeAt: number;
}

/**
 * Takes a backup of the configured database while the application goes on writing. Under its final name it is
 * whole, synced and has its manifest beside it. Rejects, leaving nothing behind, with usage (no database, no
 * folder), database-missing, database-busy, database-hot-journal, database-unreachable, database-denied,
 * tool-missing, tool-failed, disk-full, permission-denied, interrupted.
 */
export async function takeBackup(options: TakeOptions): Promise<TakenBackup> {
  const { config } = options;
  const taker = await takerFor(options);
  const folder = await backupFolder(config);
  const now = options.now ?? new Date();
  const temporary = temporaryIn(folder);
  try {
    const started = performance.now();
    const taken = await taker.take(temporary);
    if (options.signal?.aborted) throw new TenantDrError('interrupted', 'Interrupted; nothing was kept.');
    const manifest = manifestOf(config, taken, options.now ?? taken.takenAt ?? now);
    const path = await keep(temporary, manifest, (at) => backupPath(folder, taker, at), now);
    const take = (taken.completeAt - started) / 1000;
    const digest = (performance.now() - taken.completeAt) / 1000;
    return {
      id: idOf(path),
      path,
      content: taker.content,
      manifest,
      manifestPath: manifestPath(path),
      blockedSeconds: taken.blockedSeconds,
      seconds: { take, digest },
    };
  } catch (error) {
    throw systemFailure(error);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function takerFor(options: TakeOptions): Promise<Taker> {
  const { database } = options.config;
  if (database === undefined) {
    throw new TenantDrError('usage', 'No database is configured.', {
      hint: 'name it with --database, DATABASE_PATH or `database:` in the config',
    });
  }
  if (!database.startsWith('sqlite:')) {
    const { dumpTaker } = await import('./take-dump.ts');
    return dumpTaker(database, options);
  }
  if (options.plain) {
    throw new TenantDrError('usage', 'A backup of an SQLite database is its file. Nothing was done.', {
      hint: 'leave out --plain, which is for PostgreSQL',
    });
  }
  const { fileTaker } = await import('./take-file.ts');
  return fileTaker(database.slice('sqlite:'.length), options);
}

function manifestOf(config: Config, taken: Taken, takenAt: Date): Manifest {
  const { identity, compression, sha256, bytes, databaseBytes, contents } = taken;
  return {
    version: manifestVersion,
    kind: 'database',
    tool: `tenant-dr ${version}`,
    takenAt: takenAt.toISOString(),
    source: { identity, environment: config.environment },
    compression,
    sha256,
    bytes,
    databaseBytes,
    verified: null,
    tenantCount: contents.tenants?.length ?? null,
    ...contents,
  };
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
    await makeFolder(folder);
    await clearLeftovers(folder);
  } catch (error) {
    throw systemFailure(error);
  }
  return folder;
}

function backupPath(folder: string, { name, kind, ending }: Taker, at: Date): string {
  return join(folder, backupName(name, kind, ending, at));
}
