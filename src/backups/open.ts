import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { OnProgress, StagedSource } from '../engine/port.ts';
import { type ErrorCode, TenantDrError } from '../errors.ts';
import { dumpHere, matchesManifest, openDump, readInPlace } from './in-place.ts';
import { checkStaged, hashBackup, mergeStaged, sealBackup, stageFile } from './reader-jobs.ts';
import { type Located, locate } from './refs.ts';
import { newSealKey } from './seal.ts';
import { StagingCache, type StagingEntry } from './staging.ts';
import { copyName, type FileState, fileStateOf, type Source, sourceAt } from './staging-record.ts';

/** A backup that can be staged: decompressed at most once, checked, and ready to be read. */
export interface OpenedBackup extends Located {
  source: StagedSource;
  /** Checksum of the backup as read this time; empty for what is no file. */
  sha256(): Promise<string>;
  /**
   * Resolves once the file was read to its end and is the one that was opened. Await it before anything is written
   * to the live database. Rejects with backup-corrupt.
   */
  confirmed: Promise<void>;
  /** An integrity check passed, now or before. False for dumps, which have no such check. */
  integrityChecked: boolean;
  /** It came from the staging cache; nothing was decompressed. */
  warm: boolean;
  /** Until this could be returned. */
  seconds: number;
  close(): Promise<void>;
}

export interface OpenDeps {
  config: Config;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * Opens the backup a ref names (see `locate`). Rejects, with nothing changed, with backup-missing,
 * backup-ref-unknown, time-without-zone, backup-empty, backup-truncated, backup-corrupt, backup-not-a-database,
 * disk-full, permission-denied, interrupted.
 */
export async function openBackup(ref: string, deps: OpenDeps): Promise<OpenedBackup> {
  const started = performance.now();
  const found = await locate(ref, deps.config);
  const opened = await openLocated(found, deps).catch(naming(found.path));
  return { ...opened, seconds: (performance.now() - started) / 1000 };
}

async function openLocated(found: Located, deps: OpenDeps): Promise<Omit<OpenedBackup, 'seconds'>> {
  if (found.kind === 'live') return readInPlace(found, { form: 'live', url: found.path }, async () => '');
  const source = await sourceAt(found.path);
  if (!source) throw new TenantDrError('backup-missing', `There is no file ${found.path}.`);
  await refuseLive(source, deps.config);
  const dump = await dumpHere(found, deps);
  if (dump) return dump;
  const cache = new StagingCache(deps.config.state);
  const cached =
    (await cache.findBySource(source)) ?? (found.manifest ? await cache.find(found.manifest.sha256) : null);
  if (cached) return openWarm(found, cache, cached, deps);
  const renamed = await findRenamed(source, cache, deps);
  if (!renamed) return openCold(found, source, cache, deps);
  matchesManifest(found, renamed.record.sha256);
  return staged(found, cache, renamed, { sha256: Promise.resolve(renamed.record.sha256), warm: true }, deps);
}

/** The same backup under another name or time: worth a checksum where one of its size is staged already. */
async function findRenamed(
  source: Source,
  cache: StagingCache,
  deps: OpenDeps,
): Promise<StagingEntry | null> {
  if (!(await cache.holdsOneOf(Number(source.state.size)))) return null;
  const entry = await cache.find(await hashBackup(source.path, { signal: deps.signal }));
  if (entry) await cache.update(entry, { source });
  return entry;
}

/** The copy is used at once, while the backup itself is read to its end beside it. */
async function openWarm(
  found: Located,
  cache: StagingCache,
  entry: StagingEntry,
  deps: OpenDeps,
): Promise<Omit<OpenedBackup, 'seconds'>> {
  return staged(found, cache, entry, { sha256: checksumNow(found.path, entry, deps), warm: true }, deps);
}

/** The seal is enough to know the file again; only one that reads differently is hashed, to say what it is now. */
async function checksumNow(path: string, { record }: StagingEntry, { signal }: OpenDeps): Promise<string> {
  const seal = await sealBackup(path, record.sealKey, { signal });
  return seal === record.seal ? record.sha256 : hashBackup(path, { signal });
}

async function openCold(
  found: Located,
  source: Source,
  cache: StagingCache,
  deps: OpenDeps,
): Promise<Omit<OpenedBackup, 'seconds'>> {
  const partial = await cache.begin(roomFor(found, source.state));
  let entry: StagingEntry;
  try {
    const copy = join(partial, copyName);
    const sealKey = newSealKey();
    const file = await stageFile(found.path, copy, sealKey, deps);
    if (file.content !== 'database-file') {
      await cache.discard(partial);
      return openDump(found, file, deps);
    }
    matchesManifest(found, file.sha256);
    if (file.unmerged) await mergeStaged(copy, { signal: deps.signal });
    const { sha256, seal, compression, bytes, stagedBytes, checksummed } = file;
    const copySeal = file.copySeal ?? (await sealBackup(copy, sealKey, { signal: deps.signal }));
    const seals = { sealKey, seal, copySeal };
    const known = { sha256, ...seals, compression, bytes, stagedBytes, checksummed, source };
    entry = await cache.publish(partial, { ...known, integrityCheckedAt: null });
  } catch (error) {
    await cache.discard(partial);
    throw error;
  }
  return staged(found, cache, entry, { sha256: Promise.resolve(entry.record.sha256), warm: false }, deps);
}

/** Bytes the copy will take; a dump is read where it lies. Its name only decides whether room is looked for. */
function roomFor({ path, manifest }: Located, state: FileState): number {
  if (manifest?.source?.identity.kind === 'postgres' || /\.(dump|sql)(\.\w+)?$/.test(path)) return 0;
  return manifest?.databaseBytes ?? Number(state.size);
}

async function staged(
  found: Located,
  cache: StagingCache,
  entry: StagingEntry,
  { sha256, warm }: { sha256: Promise<string>; warm: boolean },
  deps: OpenDeps,
): Promise<Omit<OpenedBackup, 'seconds'>> {
  const confirmed = sha256.then((hash) => confirm(found, entry, hash));
  // The caller awaits these later; until then a failure must not count as unhandled.
  sha256.catch(() => undefined);
  confirmed.catch(() => undefined);
  try {
    if (entry.record.integrityCheckedAt === null) await checkOnce(found, cache, entry, deps);
  } catch (error) {
    await entry.release();
    throw error;
  }
  const source: StagedSource = { form: 'database-file', path: entry.path, whole: found.whole };
  return {
    ...found,
    source,
    sha256: () => sha256,
    confirmed,
    integrityChecked: true,
    warm,
    close: () => entry.release(),
  };
}

function confirm(found: Located, entry: StagingEntry, hash: string): void {
  matchesManifest(found, hash);
  if (hash === entry.record.sha256) return;
  throw new TenantDrError(
    'backup-corrupt',
    `${found.path} no longer reads as it did when it was staged. Nothing was changed.`,
    { hint: 'somebody changed the file, or the disk returns other bytes; use another backup' },
  );
}

async function checkOnce(
  found: Located,
  cache: StagingCache,
  entry: StagingEntry,
  deps: OpenDeps,
): Promise<void> {
  const verified = verifiedAt(found, entry.record.sha256);
  if (verified) return cache.update(entry, { integrityCheckedAt: verified });
  deps.onProgress?.({ phase: 'integrity', done: 0, total: null, unit: 'pages' });
  const { ok, problems } = await checkStaged(entry.path, { signal: deps.signal });
  if (!ok) {
    await cache.remove(entry);
    throw new TenantDrError(
      'backup-corrupt',
      `The database in ${found.path} is damaged: ${problems[0] ?? 'it cannot be read'}.`,
      {
        hint: 'use another backup',
        facts: { problems },
      },
    );
  }
  await cache.update(entry, { integrityCheckedAt: new Date().toISOString() });
}

/** What says nothing about the file. */
const aboutUs: ErrorCode[] = ['interrupted', 'internal'];

/** Says which file an error is about, that it did no harm, and what to do. */
function naming(path: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof TenantDrError) || aboutUs.includes(error.code)) throw error;
    const { code, facts } = error;
    const named = error.message.includes(path) ? error.message : `${path}: ${error.message}`;
    const message = /[Nn]othing was/.test(named) ? named : `${named} Nothing was changed.`;
    const hint = error.hint ?? 'use another backup: `tenant-dr backups` lists them';
    throw new TenantDrError(code, message, { hint, facts, cause: error });
  };
}

/** Our own verification of exactly this file counts as the integrity check. */
function verifiedAt(found: Located, sha256: string): string | null {
  const { manifest } = found;
  return manifest?.verified?.ok && manifest.sha256 === sha256 ? manifest.verified.at : null;
}

/** A backup that is the live database itself would be compared with itself; its file must not be opened either. */
async function refuseLive({ path, state }: Source, config: Config): Promise<void> {
  if (!config.database?.startsWith('sqlite:')) return;
  const live = await fileStateOf(config.database.slice('sqlite:'.length));
  if (live && live.inode === state.inode && live.device === state.device) {
    throw new TenantDrError('usage', `${path} is the live database itself, not a backup of it.`, {
      hint: '`tenant-dr backups` lists the backups',
    });
  }
}
