import { readFile, stat } from 'node:fs/promises';
import { systemFailure } from '../databases/job-child.ts';
import { siblingsOf } from '../databases/sqlite/siblings.ts';
import { z } from '../zod.ts';

/** What the staging cache knows about one entry, in `record.json` beside the copy. */

/** A file as it stood: any change to it changes one of these. Numbers as text, they exceed 2^53. */
const fileState = z.object({
  size: z.string(),
  mtimeNs: z.string(),
  ctimeNs: z.string(),
  inode: z.string(),
  device: z.string(),
});

/** A backup's file, and the log or journal beside it, when it was read: equal ones are very likely the same backup. */
const source = z.object({ path: z.string(), state: fileState, beside: z.array(fileState).default([]) });

const recordSchema = z.object({
  version: z.literal(2),
  /** Checksum of the backup the copy was made from. */
  sha256: z.string(),
  /** Key of the seals of this entry, and the seals of the backup and of the copy made from it. */
  sealKey: z.string().regex(/^[0-9a-f]{64}$/),
  seal: z.string(),
  copySeal: z.string(),
  compression: z.enum(['none', 'gzip', 'zstd']),
  bytes: z.number(),
  stagedBytes: z.number(),
  checksummed: z.boolean(),
  /** Where it equals what there is, the backup is hashed to be sure. */
  source,
  copy: fileState,
  /** The running system: after a crash of the machine an unsynced copy must not be believed. */
  boot: z.string().nullable(),
  /** When the copy passed the integrity check, if it did. */
  integrityCheckedAt: z.string().nullable(),
  stagedAt: z.string(),
});

export type FileState = z.output<typeof fileState>;
export type Source = z.output<typeof source>;
export type StagingRecord = z.output<typeof recordSchema>;

export const recordName = 'record.json';
export const copyName = 'backup.db';
/** Folders that are not entries yet, or no longer; the name goes on with the process id. */
export const partialPrefix = '.partial-';
/** Files in an entry that say which process uses it. */
export const markerPrefix = 'in-use.';

/** Null when the file is missing, half written or of another version: the entry is then worth nothing. */
export async function readRecord(path: string): Promise<StagingRecord | null> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    // Whatever the reason, an entry without a readable record is discarded and made again.
    if (error instanceof Error) return null;
    throw error;
  }
}

/** Null when there is no such file. Opens nothing. */
export async function fileStateOf(path: string): Promise<FileState | null> {
  const file = await stat(path, { bigint: true }).catch(nothingThere);
  if (!file) return null;
  const { size, mtimeNs, ctimeNs, ino, dev } = file;
  return { size: `${size}`, mtimeNs: `${mtimeNs}`, ctimeNs: `${ctimeNs}`, inode: `${ino}`, device: `${dev}` };
}

/** For `.catch`: no such file, one whose folder is none, or a link that leads to itself. Any other error stays one. */
export function nothingThere(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ELOOP') return null;
  throw systemFailure(error);
}

/** Null when there is no such file. Opens nothing. */
export async function sourceAt(path: string): Promise<Source | null> {
  const state = await fileStateOf(path);
  if (!state) return null;
  const beside: FileState[] = [];
  for (const sibling of await siblingsOf(path)) {
    const there = await fileStateOf(sibling);
    if (there) beside.push(there);
  }
  return { path, state, beside };
}

export function sameSource(a: Source, b: Source): boolean {
  const states = [b.state, ...b.beside];
  const same = [a.state, ...a.beside].every((state, i) => sameState(state, states[i] ?? null));
  return same && a.path === b.path && a.beside.length === b.beside.length;
}

export function sameState(a: FileState | null, b: FileState | null): boolean {
  if (!a || !b) return false;
  const keys = ['size', 'mtimeNs', 'ctimeNs', 'inode', 'device'] as const;
  return keys.every((key) => a[key] === b[key]);
}

/** Names the running system since it started; null where the system has no such name. */
export async function bootId(): Promise<string | null> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}
