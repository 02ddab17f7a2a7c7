import type { Config } from '../config/schema.ts';
import { readyJob, runJob } from '../databases/job.ts';
import type { CopyCheck } from '../databases/sqlite/copy.ts';
import type { OnProgress } from '../engine/port.ts';
import { moduleAt } from '../places.ts';
import type { Compression, Content } from './formats.ts';

/**
 * Backup files are opened only in a child process that holds no SQLite connection but, during one call, on a staged
 * copy: any of them might be a live database, whose locks would be lost when a descriptor on it is closed (engine
 * facts).
 */
export interface Peek {
  path: string;
  compression: Compression;
  /** Null: nothing this tool can read. */
  content: Content | null;
  /** Why the file cannot be used, in one sentence; null when nothing speaks against it so far. */
  problem: { code: string; message: string } | null;
  /** The command that unpacks a file this tool cannot read as it is. */
  unpack?: string | undefined;
}

export interface StagedFile {
  /** Name of what was staged, or what kept it from being staged (`content` is not a database file then). */
  content: Content;
  compression: Compression;
  /** Checksum of the backup as read in this pass; see `hashBackup`. */
  sha256: string;
  /** Seals of the backup and of the staged copy; the copy's is null where it is not final yet (`unmerged`). */
  seal: string;
  copySeal: string | null;
  /** Bytes of the backup and of the staged copy. */
  bytes: number;
  stagedBytes: number;
  /** The compressed file carried a hash of its content. */
  checksummed: boolean;
  /** The copy has a log or journal beside it, which must be merged before it is used. */
  unmerged: boolean;
}

export type ReaderRequest =
  | { do: 'peek'; paths: string[] }
  | { do: 'stage'; path: string; target: string; sealKey: string }
  | { do: 'hash'; path: string }
  | { do: 'seal'; path: string; key: string }
  | { do: 'check'; path: string }
  | { do: 'merge'; path: string };

interface Options {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

const reader = moduleAt('backups/reader');

/** This process may look into backup files itself: with a live database that is no SQLite file it has none open. */
export function looksItself({ database }: Pick<Config, 'database'>): boolean {
  return database !== undefined && !database.startsWith('sqlite:');
}

function read<Result>(request: ReaderRequest, options: Options): Promise<Result> {
  return runJob(reader, request, options);
}

/** Starts a reader for the next of these jobs, for callers that still have other things to do. */
export function readyReader(): void {
  readyJob(reader);
}

/** What the files are, by their first bytes. Never rejects because of one file. */
export function peekAt(paths: string[], options: Options = {}): Promise<Peek[]> {
  return read({ do: 'peek', paths }, options);
}

/**
 * Decompresses a backup to the file `target` (0400, not yet under its final name) and takes its checksum and both
 * seals in the same pass. Rejects with backup-empty, backup-truncated, backup-corrupt, backup-not-a-database, backup-missing,
 * disk-full, database-busy (a bare file that keeps changing).
 */
export function stageFile(
  path: string,
  target: string,
  sealKey: string,
  options: Options = {},
): Promise<StagedFile> {
  return read({ do: 'stage', path, target, sealKey }, options);
}

/**
 * SHA-256 of a backup: of the file; with a log or journal beside a bare database, of both checksums together.
 */
export function hashBackup(path: string, options: Options = {}): Promise<string> {
  return read({ do: 'hash', path }, options);
}

/** Integrity check of a staged copy. Blocks the reader: it ends with it. */
export function checkStaged(path: string, options: Options = {}): Promise<CopyCheck> {
  return read({ do: 'check', path }, options);
}

/** Makes one file of a staged copy and the log or journal beside it. Rejects with backup-corrupt. */
export function mergeStaged(path: string, options: Options = {}): Promise<void> {
  return read({ do: 'merge', path }, options);
}

/** Seal of a backup, or of a staged copy, under the key its entry was made with. */
export function sealBackup(path: string, key: string, options: Options = {}): Promise<string> {
  return read({ do: 'seal', path, key }, options);
}
