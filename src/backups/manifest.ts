import { open, readFile } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';
import { writeDurably } from '../engine/durable.ts';
import { TenantDrError } from '../errors.ts';
import { z } from '../zod.ts';

/**
 * What lies beside every backup of ours as `<file>.manifest.json`: where it comes from, what it should hash to,
 * what it holds. `backup verify` writes one for other people's backups too, with `source: null`.
 */

const tenantId = z.object({ type: z.enum(['integer', 'text', 'blob']), text: z.string() });

/** Checked by hand: a big installation has tens of thousands of these, and a schema per entry takes its time. */
const counts = z.custom<Record<string, number>>(
  (value) => isRecordOf(value, 'number'),
  'expected rows per table',
);
const digests = z.custom<Record<string, string>>(
  (value) => isRecordOf(value, 'string'),
  'expected digests per table',
);

function isRecordOf(value: unknown, type: 'number' | 'string'): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const key in value) if (typeof (value as Record<string, unknown>)[key] !== type) return false;
  return true;
}

const tenantEntry = z.object({
  id: tenantId,
  slug: z.string(),
  name: z.string(),
  tier: z.enum(['enterprise', 'pro', 'starter', 'free']),
  status: z.string().nullable(),
  /** Rows per table; tables without a row of the tenant are left out. Null when nobody counted. */
  rows: counts.nullable(),
  /** Digest of the slice, and per table (left out where the table has no row); null when taken without digests. */
  digest: z.string().nullable(),
  digests: digests.nullable(),
});

/**
 * A big installation has thousands of these: what is plainly right is taken as it is, only the rest is put to the
 * schema, which says what is wrong (or knows better).
 */
const tenantEntries = z.unknown().transform((value, context): z.output<typeof tenantEntry>[] => {
  if (!Array.isArray(value)) {
    context.addIssue({ code: 'custom', message: 'expected a list of tenants' });
    return z.NEVER;
  }
  return value.map((entry: unknown, index) => {
    if (isPlainlyTenant(entry)) return entry;
    const result = tenantEntry.safeParse(entry);
    if (result.success) return result.data;
    for (const { path, message } of result.error.issues)
      context.addIssue({ code: 'custom', path: [index, ...path], message });
    return z.NEVER;
  });
});

function isPlainlyTenant(value: unknown): value is z.output<typeof tenantEntry> {
  if (typeof value !== 'object' || value === null) return false;
  const { id, slug, name, tier, status, rows, digest, digests: tables } = value as Record<string, unknown>;
  if (typeof id !== 'object' || id === null) return false;
  const { type, text } = id as Record<string, unknown>;
  return (
    (type === 'integer' || type === 'text' || type === 'blob') &&
    typeof text === 'string' &&
    typeof slug === 'string' &&
    typeof name === 'string' &&
    (tier === 'enterprise' || tier === 'pro' || tier === 'starter' || tier === 'free') &&
    (status === null || typeof status === 'string') &&
    (rows === null || isRecordOf(rows, 'number')) &&
    (digest === null || typeof digest === 'string') &&
    (tables === null || isRecordOf(tables, 'string'))
  );
}

const verified = z.object({
  at: z.string(),
  ok: z.boolean(),
  /** Names of the checks that failed. */
  failed: z.array(z.string()),
  tool: z.string(),
});

/** Version 1 counted only rows that belong to a tenant. */
export const manifestVersion = 2;

export const manifestSchema = z.object({
  version: z.union([z.literal(1), z.literal(manifestVersion)]),
  kind: z.enum(['database', 'system', 'archive', 'safety']),
  tool: z.string(),
  takenAt: z.string().refine((text) => !Number.isNaN(Date.parse(text)), 'expected a time'),
  /** Null when the file is somebody else's: then nothing is known about where it comes from. */
  source: z
    .object({
      identity: z.object({
        kind: z.enum(['sqlite', 'postgres']),
        name: z.string(),
        location: z.string(),
        host: z.string(),
        systemId: z.string().nullable(),
      }),
      environment: z.string(),
    })
    .nullable(),
  compression: z.enum(['none', 'gzip', 'zstd']),
  sha256: z.string(),
  bytes: z.number(),
  databaseBytes: z.number(),
  schemaFingerprint: z.string().nullable(),
  /** Rows of every table, whoever they belong to. */
  rows: z.record(z.string(), z.number()).nullable(),
  digestAlgorithm: z.string().nullable(),
  /** Stands for what the config said of tenants and tables then (`rulesOf`): under others, others are counted. */
  rules: z.string().nullable().default(null),
  verified: verified.nullable(),
  tenantCount: z.number().nullable().default(null),
  /** Last in the file, and most of it: lists do without (`readManifestHead`). */
  tenants: tenantEntries.nullable(),
});

export type Manifest = z.output<typeof manifestSchema>;
export type ManifestTenant = z.output<typeof tenantEntry>;

export const manifestEnding = '.manifest.json';

export function manifestPath(backup: string): string {
  return `${backup}${manifestEnding}`;
}

/**
 * The manifest beside a backup; null when there is none. Rejects with backup-corrupt when it cannot be read, also
 * when a newer version of this tool wrote it.
 */
export async function readManifest(backup: string): Promise<Manifest | null> {
  const path = manifestPath(backup);
  const text = await orNull(() => readFile(path, 'utf8'), path);
  if (text === null) return null;
  const value = jsonOf(text, path);
  // Both take their time where there are thousands of tenants.
  await breathe();
  return manifestOf(value, path);
}

const headBytes = 64 * 1024;

/** The same with `tenants: null`, from the first bytes of the file: fast however many tenants there are. */
export async function readManifestHead(backup: string): Promise<Manifest | null> {
  const path = manifestPath(backup);
  const start = await orNull(() => readStart(path), path);
  if (start === null) return null;
  // A table may be called tenants, too; its rows are a number.
  const end = start.indexOf(',"tenants":[');
  if (end >= 0) return parseManifest(`${start.slice(0, end)},"tenants":null}`, path);
  const whole = await readManifest(backup);
  return whole && { ...whole, tenants: null };
}

async function readStart(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function orNull(read: () => Promise<string>, path: string): Promise<string | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new TenantDrError('permission-denied', `The manifest ${path} cannot be read.`, {
      hint: 'correct the rights of the backup folder',
      cause: error,
    });
  }
}

/** `path` is only named in errors. */
export function parseManifest(text: string, path: string): Manifest {
  return manifestOf(jsonOf(text, path), path);
}

function jsonOf(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(path, 'it is not JSON', error);
  }
}

function manifestOf(value: unknown, path: string): Manifest {
  const version = typeof value === 'object' && value && 'version' in value ? value.version : undefined;
  if (typeof version === 'number' && version > manifestVersion) {
    throw new TenantDrError(
      'backup-corrupt',
      `The manifest ${path} has version ${version}; this tenant-dr knows version ${manifestVersion}.`,
      { hint: 'use the version of tenant-dr that wrote it, or a newer one' },
    );
  }
  const result = manifestSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw damaged(path, issue ? `${issue.path.join('.')}: ${issue.message}` : 'it does not fit', result.error);
}

function damaged(path: string, why: string, cause: unknown): TenantDrError {
  return new TenantDrError('backup-corrupt', `The manifest ${path} is damaged: ${why}.`, {
    hint: 'without its manifest the backup can still be read, as one of unknown origin; move the manifest away to do so',
    cause,
  });
}

/** Writes the manifest beside its backup: temporary name, fsync, rename, 0600. */
export async function writeManifest(backup: string, manifest: Manifest): Promise<string> {
  const path = manifestPath(backup);
  await writeDurably(path, manifestText(manifest));
  return path;
}

/** Its tenants come last, see `readManifestHead`. */
export function manifestText({ tenants, ...head }: Manifest): string {
  return `${JSON.stringify({ ...head, tenants })}\n`;
}
