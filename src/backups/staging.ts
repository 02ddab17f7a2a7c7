import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { siblingsOf } from '../databases/sqlite/siblings.ts';
import { makeFolder, writeDurably } from '../engine/durable.ts';
import { sealBackup } from './reader-jobs.ts';
import {
  bootId,
  copyName,
  fileStateOf,
  markerPrefix,
  nothingThere,
  partialPrefix,
  readRecord,
  recordName,
  type Source,
  type StagingRecord,
  sameSource,
  sameState,
} from './staging-record.ts';
import { makeRoom } from './staging-room.ts';

/**
 * `<state>/staging`: decompressed private copies of backups, one folder each, named by the backup's checksum.
 * Made under a temporary name and renamed, so that two processes never see half an entry; used entries carry a
 * marker per process and are not evicted.
 */
export interface StagingEntry {
  folder: string;
  /** The copy: mode 0400, readable without a log beside it. */
  path: string;
  record: StagingRecord;
  /** Lets go of the entry. */
  release(): Promise<void>;
}

let markers = 0;

export class StagingCache {
  readonly folder: string;

  constructor(state: string) {
    this.folder = join(state, 'staging');
  }

  /** A fresh folder to stage into; `publish` or `discard` it. Makes room for `bytes` first. */
  async begin(bytes: number): Promise<string> {
    await makeFolder(this.folder);
    await chmod(this.folder, 0o700);
    await makeRoom(this.folder, bytes);
    const partial = join(this.folder, `${partialPrefix}${process.pid}-${randomBytes(4).toString('hex')}`);
    await mkdir(partial, { mode: 0o700 });
    return partial;
  }

  async discard(partial: string): Promise<void> {
    await rm(partial, { recursive: true, force: true });
  }

  /** Gives a staged folder its final name. When another process was faster, its entry is used, if it is sound. */
  async publish(
    partial: string,
    record: Omit<StagingRecord, 'version' | 'copy' | 'boot' | 'stagedAt'>,
  ): Promise<StagingEntry> {
    const copy = await fileStateOf(join(partial, copyName));
    if (!copy) throw new Error(`nothing was staged in ${partial}`);
    const whole: StagingRecord = {
      version: 2,
      copy,
      boot: await bootId(),
      stagedAt: new Date().toISOString(),
      ...record,
    };
    await writeDurably(join(partial, recordName), JSON.stringify(whole));
    const marker = await mark(partial);
    const folder = join(this.folder, record.sha256);
    for (let attempt = 0; ; attempt++) {
      try {
        await rename(partial, folder);
        return entryAt(folder, whole, marker);
      } catch (error) {
        const taken =
          error instanceof Error &&
          'code' in error &&
          (error.code === 'ENOTEMPTY' || error.code === 'EEXIST');
        if (!taken || attempt > 2) throw error;
        const other = await this.find(record.sha256);
        if (other) {
          await this.discard(partial);
          return other;
        }
      }
    }
  }

  /** A sound entry for a backup with this checksum, marked as used; null when there is none. */
  async find(sha256: string): Promise<StagingEntry | null> {
    const folder = join(this.folder, sha256);
    if (!(await fileStateOf(join(folder, recordName)))) {
      await this.#drop(folder);
      return null;
    }
    const marker = await mark(folder).catch((error: NodeJS.ErrnoException) => {
      // Another process has just thrown the entry away.
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (!marker) return null;
    const record = await readRecord(join(folder, recordName));
    const sound = record && record.sha256 === sha256 ? await trust(folder, record) : null;
    if (!sound) {
      await this.#drop(folder);
      return null;
    }
    const now = new Date();
    await utimes(join(folder, recordName), now, now);
    return entryAt(folder, sound, marker);
  }

  /** The entry made from exactly this backup, as far as path, size and times tell. The caller still hashes it. */
  async findBySource(source: Source): Promise<StagingEntry | null> {
    const names = await readdir(this.folder).catch(() => []);
    for (const name of names) {
      if (name.startsWith('.')) continue;
      const record = await readRecord(join(this.folder, name, recordName));
      if (record && sameSource(record.source, source)) return this.find(name);
    }
    return null;
  }

  /** Is any entry made from a backup of this size? */
  async holdsOneOf(bytes: number): Promise<boolean> {
    for (const name of await readdir(this.folder).catch(() => [])) {
      const record = name.startsWith('.') ? null : await readRecord(join(this.folder, name, recordName));
      if (record?.bytes === bytes) return true;
    }
    return false;
  }

  /** Remembers something learnt about an entry. */
  async update(entry: StagingEntry, learnt: Partial<StagingRecord>): Promise<void> {
    entry.record = { ...entry.record, ...learnt };
    await writeDurably(join(entry.folder, recordName), JSON.stringify(entry.record));
  }

  /** Takes an entry that turned out wrong out of the way. */
  async remove(entry: StagingEntry): Promise<void> {
    await this.#drop(entry.folder);
  }

  async #drop(folder: string): Promise<void> {
    const trash = join(this.folder, `${partialPrefix}${process.pid}-${randomBytes(4).toString('hex')}`);
    const moved = await rename(folder, trash).then(
      () => true,
      () => false,
    );
    if (moved) await rm(trash, { recursive: true, force: true });
  }
}

async function mark(folder: string): Promise<string> {
  const marker = join(folder, `${markerPrefix}${process.pid}.${++markers}`);
  await writeFile(marker, '', { mode: 0o600 });
  return `${markerPrefix}${process.pid}.${markers}`;
}

function entryAt(folder: string, record: StagingRecord, marker: string): StagingEntry {
  return {
    folder,
    path: join(folder, copyName),
    record,
    release: () => rm(join(folder, marker), { force: true }),
  };
}

/** The record when the copy is what it was; a copy that only looks different is read again. */
async function trust(folder: string, record: StagingRecord): Promise<StagingRecord | null> {
  const path = join(folder, copyName);
  // A link leads to what others may change, or nowhere.
  if (!(await lstat(path).catch(nothingThere))?.isFile()) return null;
  // SQLite would read a log or journal that somebody put beside the copy as part of it.
  if ((await siblingsOf(path)).length > 0) return null;
  const state = await fileStateOf(path);
  const boot = await bootId();
  if (sameState(state, record.copy) && boot !== null && boot === record.boot) return record;
  if (!state || state.size !== record.copy.size) return null;
  if ((await sealBackup(path, record.sealKey)) !== record.copySeal) return null;
  const renewed = { ...record, copy: state, boot };
  await writeDurably(join(folder, recordName), JSON.stringify(renewed));
  return renewed;
}
