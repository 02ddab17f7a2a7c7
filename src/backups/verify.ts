import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { version } from '../config/version.ts';
import type { OnProgress } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';
import { differences, sameRules } from './compare-contents.ts';
import { type Contents, contentsOf } from './contents.ts';
import { wayToDatabase } from './formats.ts';
import { type Manifest, manifestVersion, writeManifest } from './manifest.ts';
import { checkStaged, hashBackup, mergeStaged, peekAt, type StagedFile, stageFile } from './reader-jobs.ts';
import { type Located, locate } from './refs.ts';
import { newSealKey } from './seal.ts';
import { StagingCache } from './staging.ts';
import { copyName } from './staging-record.ts';
import { wholeContents } from './whole-contents.ts';

/** One thing `backup verify` looked at. */
export interface Check {
  name: 'readable' | 'checksum' | 'size' | 'database' | 'integrity' | 'tenants' | 'contents';
  ok: boolean;
  detail: string;
}

export interface Verification {
  id: string;
  path: string;
  ok: boolean;
  checks: Check[];
  /** Where the result was written down; null when the folder cannot be written. */
  recorded: string | null;
}

export interface VerifyDeps {
  config: Config;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/** What reading the file told. */
export interface Readings {
  checks: Check[];
  /** Null when the file could not be decoded. */
  file: Pick<StagedFile, 'compression' | 'sha256' | 'bytes' | 'stagedBytes'> | null;
  contents: Contents | null;
  tenantCount: number | null;
}

/**
 * Reads a backup from end to end, afresh, and compares it with its manifest. The result goes into the manifest
 * (one is made for other people's backups), so that a restore need not check again. A bad backup is a result, not
 * an error; what keeps us from looking rejects: disk-full, permission-denied, interrupted.
 */
export async function verifyBackup(ref: string, deps: VerifyDeps): Promise<Verification> {
  const found = await locate(ref, deps.config);
  if (found.kind === 'live') {
    throw new TenantDrError('usage', 'A live database is not a backup: there is nothing to verify.');
  }
  return finished(found, await read(found, deps), deps);
}

async function read(found: Located, deps: VerifyDeps): Promise<Readings> {
  const { size } = await stat(found.path);
  const [peek] = await peekAt([found.path], deps);
  const { isDump, verifyDump } = await import('./verify-dump.ts');
  if (peek && isDump(peek)) return verifyDump(found, peek, deps);
  const cache = new StagingCache(deps.config.state);
  const partial = await cache.begin(found.manifest?.databaseBytes ?? size);
  try {
    return await verifyIn(partial, found, deps);
  } finally {
    await cache.discard(partial);
  }
}

async function verifyIn(partial: string, found: Located, deps: VerifyDeps): Promise<Readings> {
  const checks: Check[] = [];
  const nothing = { contents: null, tenantCount: null };
  const add = (name: Check['name'], ok: boolean, detail: string) => checks.push({ name, ok, detail });
  const copy = join(partial, copyName);
  let file: StagedFile;
  try {
    file = await stageFile(found.path, copy, newSealKey(), deps);
  } catch (error) {
    if (!isAboutTheFile(error)) throw error;
    add(error.code === 'backup-not-a-database' ? 'database' : 'readable', false, error.message);
    return { checks, file: null, ...nothing };
  }
  if (file.content !== 'database-file') throw notADatabaseFile(found, file);
  add(
    'readable',
    true,
    `${file.bytes} bytes read to the end${file.checksummed ? ', its own checksum holds' : ''}`,
  );
  compareChecksum(found.manifest, file, add);
  add('database', true, `a database of ${file.stagedBytes} bytes`);
  if (file.unmerged) await mergeStaged(copy, { signal: deps.signal });
  deps.onProgress?.({ phase: 'integrity', done: 0, total: null, unit: 'pages' });
  const integrity = await checkStaged(copy, { signal: deps.signal });
  add(
    'integrity',
    integrity.ok,
    integrity.ok ? holding(integrity.partly) : (integrity.problems[0] ?? 'unreadable'),
  );
  const contents = integrity.ok ? await readContents(copy, found, deps, add) : null;
  return { checks, file, contents, tenantCount: contents?.tenants?.length ?? null };
}

function holding(partly: string[]): string {
  const all = 'structure, indexes and constraints hold';
  return partly.length === 0
    ? all
    : `${all}, as far as they can be checked: ${partly.join(', ')} calls a function that only the application has`;
}

/** Checksum and size; a dump is never decompressed as a whole, so its database's size is not known. */
export function compareChecksum(
  manifest: Manifest | null,
  file: NonNullable<Readings['file']>,
  add: (name: Check['name'], ok: boolean, detail: string) => void,
): void {
  if (!manifest?.source) {
    add('checksum', true, `${file.sha256}; nothing to compare it with`);
    return;
  }
  const same = manifest.sha256 === file.sha256;
  add(
    'checksum',
    same,
    same ? `${file.sha256}, as in the manifest` : `${file.sha256}, the manifest says ${manifest.sha256}`,
  );
  if (manifest.source.identity.kind === 'postgres') return;
  const sizes = manifest.bytes === file.bytes && manifest.databaseBytes === file.stagedBytes;
  const expected = `${manifest.bytes} and ${manifest.databaseBytes} bytes`;
  add(
    'size',
    sizes,
    sizes
      ? `${expected}, as in the manifest`
      : `${file.bytes} and ${file.stagedBytes} bytes instead of ${expected}`,
  );
}

async function readContents(
  copy: string,
  found: Located,
  deps: VerifyDeps,
  add: (name: Check['name'], ok: boolean, detail: string) => void,
): Promise<Contents | null> {
  let contents: Contents;
  try {
    const own = found.whole ? found.manifest?.tenants : null;
    contents = own
      ? await wholeContents(copy, own, deps.config, deps.onProgress)
      : await contentsOf(copy, deps.config, 'digests', deps.onProgress);
  } catch (error) {
    if (!(error instanceof TenantDrError) || error.code === 'internal') throw error;
    add('tenants', false, `they could not be read: ${error.message}`);
    return null;
  }
  const count = contents.tenants?.length ?? 0;
  if (count === 0) {
    const table = deps.config.tenants.table;
    add(
      'tenants',
      false,
      contents.tenants ? `the tenants table "${table}" is empty` : `there is no tenants table "${table}"`,
    );
    return contents;
  }
  add('tenants', true, `${count} tenants`);
  const { manifest } = found;
  if (manifest?.source && manifest.rows) {
    const wrong = differences(manifest, contents);
    add('contents', wrong.length === 0, wrong.slice(0, 3).join('; ') || whatHolds(manifest, contents));
  }
  return contents;
}

function whatHolds(manifest: Manifest, contents: Contents): string {
  if (!sameRules(manifest, contents))
    return 'rows of every table as in the manifest; its tenants were counted under another config, and not compared';
  const what = manifest.digestAlgorithm
    ? 'rows of every table, and every tenant with its rows and digests,'
    : 'rows of every table, and every tenant with its rows,';
  return `${what} as in the manifest`;
}

async function finished(found: Located, readings: Readings, deps: VerifyDeps): Promise<Verification> {
  const { checks } = readings;
  const failed = checks.filter((check) => !check.ok).map((check) => check.name);
  const ok = failed.length === 0;
  const verified = { at: new Date().toISOString(), ok, failed, tool: `tenant-dr ${version}` };
  const file = readings.file ?? (await unreadable(found.path, deps));
  const known = found.manifest?.source ? found.manifest : adopted(found, { ...readings, file });
  const recorded = await record(found.path, { ...known, verified });
  return { id: found.id, path: found.path, ok, checks, recorded };
}

/** What can be said about a file that could not be decoded: enough to remember that it is bad. */
async function unreadable(path: string, { signal }: VerifyDeps): Promise<NonNullable<Readings['file']>> {
  const sha256 = await hashBackup(path, { signal });
  const { size: bytes } = await stat(path);
  return { compression: 'none', sha256, bytes, stagedBytes: 0 };
}

/** A manifest for somebody else's backup: what was found in it, but not where it comes from. */
function adopted(
  found: Located,
  { file, contents, tenantCount }: Readings & { file: NonNullable<Readings['file']> },
): Manifest {
  return {
    version: manifestVersion,
    kind: 'database',
    tool: `tenant-dr ${version}`,
    takenAt: (found.takenAt ?? new Date()).toISOString(),
    source: null,
    compression: file.compression,
    sha256: file.sha256,
    bytes: file.bytes,
    databaseBytes: file.stagedBytes,
    schemaFingerprint: contents?.schemaFingerprint ?? null,
    rows: contents?.rows ?? null,
    digestAlgorithm: contents?.digestAlgorithm ?? null,
    rules: contents?.rules ?? null,
    verified: null,
    tenantCount,
    tenants: contents?.tenants ?? null,
  };
}

async function record(path: string, manifest: Manifest): Promise<string | null> {
  try {
    return await writeManifest(path, manifest);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!['EACCES', 'EPERM', 'EROFS'].includes(code)) throw error;
    return null;
  }
}

export function isAboutTheFile(error: unknown): error is TenantDrError {
  const codes = ['backup-empty', 'backup-truncated', 'backup-corrupt', 'backup-not-a-database'];
  return error instanceof TenantDrError && codes.includes(error.code);
}

function notADatabaseFile(found: Located, file: StagedFile): TenantDrError {
  return new TenantDrError(
    'usage',
    `${found.path} is no database and no dump of one (${file.content}): there is nothing to verify.`,
    { hint: wayToDatabase(file.content) },
  );
}
