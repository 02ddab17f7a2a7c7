import type { Stats } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import type { Config } from '../config/schema.ts';
import { inBatches } from '../engine/batches.ts';
import { nothingIfMissing } from '../engine/durable.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { Compression, Content } from './formats.ts';
import { type Manifest, manifestEnding, readManifest, readManifestHead } from './manifest.ts';
import { idOf, instantOf, timeInName } from './names.ts';
import { type Peek, peekAt } from './reader-jobs.ts';

export type BackupKind = 'database' | 'system' | 'archive' | 'safety' | 'live';

/** One backup in the folder, ours or somebody else's. */
export interface BackupEntry {
  /** What `--from` takes: as much of the path in the folder as is needed to be unique. */
  id: string;
  path: string;
  kind: BackupKind;
  /** What stands in it; null when it could not be read. */
  content: Content | null;
  compression: Compression;
  takenAt: Date;
  /** A time in a file's name is read in the configured zone, or else the machine's. */
  takenAtSource: 'manifest' | 'file name' | 'file time';
  bytes: number;
  /** By `backup verify`; null: never. */
  verified: boolean | null;
  /** Tenants in it, where a manifest says so. */
  tenants: number | null;
  manifest: Manifest | null;
  /** Why it cannot be used, or why its manifest was not; null when nothing is wrong so far. */
  problem: string | null;
}

interface Listing {
  /** The manifests come without their tenants, which takes no time however many there are. */
  heads?: boolean;
  /** Called with the first folder that lies too deep to be looked into. */
  onBeyond?: (folder: string) => void;
  /** Called for each folder below that nobody may look into; without it such a folder is an error: it may hold the newest backup. */
  onUnreadable?: (error: TenantDrError) => void;
  /** Called for each manifest whose backup is not there. */
  onAlone?: (manifest: string) => void;
}

/** All backups of the configured folder and the folders in it, newest first. Empty without a folder in the config. */
export async function listBackups(config: Config, options: Listing = {}): Promise<BackupEntry[]> {
  if (!config.backups) return [];
  const live = await identityOf(config.database?.startsWith('sqlite:') ? config.database.slice(7) : null);
  const { files, beyond } = await filesIn(config.backups.path, 3, options);
  if (beyond !== null) options.onBeyond?.(beyond);
  const read = options.heads ? readManifestHead : readManifest;
  const looked = await inBatches(files, async (path) =>
    live !== null && (await identityOf(path)) === live ? null : lookAt(path, read),
  );
  const found = looked.filter((file) => file !== null);
  // A file that has the size its manifest says needs no look inside: whoever opens it takes its checksum.
  const peeks = new Map(found.filter(isDescribed).map((file) => [file.path, peekByManifest(file)]));
  const unknown = found.filter(({ path }) => !peeks.has(path)).map(({ path }) => path);
  for (const peek of unknown.length > 0 ? await peekAt(unknown) : []) peeks.set(peek.path, peek);
  const entries = found.flatMap((file) => describe(file, peeks.get(file.path), config) ?? []);
  entries.sort((a, b) => b.takenAt.getTime() - a.takenAt.getTime() || (a.path < b.path ? -1 : 1));
  return withUniqueIds(entries, config.backups.path);
}

interface FoundFile {
  path: string;
  file: Stats;
  manifest: Manifest | null;
  /** Why its manifest cannot be read. */
  problem: string | null;
}

async function lookAt(path: string, read: typeof readManifest): Promise<FoundFile | null> {
  const file = await statsOf(path);
  if (!file) return null;
  try {
    return { path, file, manifest: await read(path), problem: null };
  } catch (error) {
    return { path, file, manifest: null, problem: reasonOf(error) };
  }
}

/** Of a link that leads nowhere, or where nobody may look, those of the link: what is wrong with it shows when it is read. */
async function statsOf(path: string): Promise<Stats | null> {
  try {
    const own = await lstat(path).catch(nothingIfMissing);
    return own?.isSymbolicLink() ? await stat(path).catch(() => own) : own;
  } catch (error) {
    throw new TenantDrError('permission-denied', `${path} cannot be looked at: ${reasonOf(error)}.`, {
      hint: 'correct the rights of the backup folder',
      cause: error,
    });
  }
}

function isDescribed({ file, manifest }: FoundFile): boolean {
  return manifest?.source?.identity.kind === 'sqlite' && describes(manifest, file);
}

function peekByManifest({ path, manifest }: FoundFile): Peek {
  return { path, compression: manifest?.compression ?? 'none', content: 'database-file', problem: null };
}

/** What is known about one file. Null for a file that is plainly something else (a readme, a script). */
function describe(found: FoundFile, peek: Peek | undefined, config: Config): BackupEntry | null {
  const { path, file, manifest } = found;
  if (!peek || (!peek.content && !manifest && !looksLikeBackup(path))) return null;
  const usable = manifest && describes(manifest, file) ? manifest : null;
  const wrongSize =
    manifest?.source && !usable ? `It has ${file.size} bytes, its manifest says ${manifest.bytes}.` : null;
  const problem = peek.problem?.message ?? found.problem ?? wrongSize;
  return {
    id: idOf(path),
    path,
    kind: manifest?.kind ?? (peek.content === 'tar' ? 'system' : 'database'),
    content: peek.content,
    compression: peek.compression,
    ...takenAtOf(path, manifest, file.mtime, config),
    bytes: file.size,
    verified: problem ? false : (usable?.verified?.ok ?? null),
    tenants: usable?.tenants?.length ?? usable?.tenantCount ?? null,
    manifest: usable,
    problem,
  };
}

/** As far as its size tells; the checksum is compared when the backup is opened. */
function describes(manifest: Manifest, file: Stats): boolean {
  return manifest.bytes === file.size || file.isDirectory();
}

/** When a backup was taken: its manifest knows, else its name says, else the file's own time must do. */
export function takenAtOf(
  path: string,
  manifest: Manifest | null,
  modified: Date,
  config: Config,
): Pick<BackupEntry, 'takenAt' | 'takenAtSource'> {
  // A manifest `backup verify` made for somebody else's file knows no better than the file's name.
  if (manifest?.source) return { takenAt: new Date(manifest.takenAt), takenAtSource: 'manifest' };
  const named = timeInName(path);
  if (!named) return { takenAt: modified, takenAtSource: 'file time' };
  return { takenAt: instantOf(named, config.backups?.timezone), takenAtSource: 'file name' };
}

/** Device and inode: opens nothing. */
async function identityOf(path: string | null): Promise<string | null> {
  if (path === null) return null;
  return stat(path, { bigint: true }).then(
    (file) => `${file.dev}:${file.ino}`,
    () => null,
  );
}

function looksLikeBackup(path: string): boolean {
  return /\.(db|sqlite3?|dump|sql|backup)(\.(gz|zst|zstd))?$|\.(gz|zst|zstd)$/i.test(path);
}

/** Files and dump folders down to that depth; `beyond` is the first folder below it. */
async function filesIn(
  folder: string,
  depth: number,
  { onUnreadable, onAlone }: Listing,
): Promise<{ files: string[]; beyond: string | null }> {
  const listed = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw folderError(folder, error);
  });
  const names = new Set(listed.map((entry) => entry.name));
  const files: string[] = [];
  let beyond: string | null = null;
  for (const entry of listed.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.') || entry.name.endsWith('.partial')) continue;
    if (entry.name.endsWith(manifestEnding)) {
      if (!names.has(entry.name.slice(0, -manifestEnding.length))) onAlone?.(path);
      continue;
    }
    if (/-(wal|shm|journal)$/.test(entry.name)) continue;
    // What a file system keeps for itself, and lets nobody read.
    if (entry.name === 'lost+found') continue;
    if (entry.isDirectory()) {
      try {
        const dump = names.has(`${entry.name}${manifestEnding}`) || (await statsOf(join(path, 'toc.dat')));
        if (dump) files.push(path);
        else if (depth > 1) {
          const below = await filesIn(path, depth - 1, { onUnreadable, onAlone });
          files.push(...below.files);
          beyond ??= below.beyond;
        } else beyond ??= path;
      } catch (error) {
        if (!onUnreadable || !(error instanceof TenantDrError)) throw error;
        onUnreadable(error);
      }
    } else if (entry.isFile() || entry.isSymbolicLink()) files.push(path);
  }
  return { files, beyond };
}

function folderError(folder: string, cause: unknown): TenantDrError {
  const denied = cause instanceof Error && 'code' in cause && cause.code === 'EACCES';
  return new TenantDrError(
    'backup-missing',
    `The backup folder ${folder} cannot be read: ${reasonOf(cause)}.`,
    {
      hint: denied
        ? 'correct the rights of the backup folder'
        : 'set `backups:` in the config, BACKUP_DIR or --backups',
      cause,
    },
  );
}

/** The shortest that tells it from all others: its name without endings, its name, or its place in the folder. */
function withUniqueIds(entries: BackupEntry[], folder: string): BackupEntry[] {
  const names = [idOf, basename, (path: string) => relative(folder, path)];
  const taken = names.map((name) => countOf(entries.map(({ path }) => name(path))));
  return entries.map((entry) => {
    const own = names.map((name) => name(entry.path));
    return { ...entry, id: own.find((name, i) => taken[i]?.get(name) === 1) ?? entry.path };
  });
}

function countOf(names: string[]): Map<string, number> {
  const count = new Map<string, number>();
  for (const name of names) count.set(name, (count.get(name) ?? 0) + 1);
  return count;
}
