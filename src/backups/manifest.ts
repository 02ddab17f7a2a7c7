import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { writeDurably } from '../engine/durable.ts';
import { TenantDrError } from '../errors.ts';

/**
 * What lies beside every backup of ours as `<file>.manifest.json`: where it comes from, what it should hash to,
 * what it holds. `backup verify` writes one for other people's backups too, with `source: null`.
 */

const tenantId = z.object({ type: z.enum(['integer', 'text', 'blob']), text: z.string() });

const tenantEntry = z.object({
  id: tenantId,
  slug: z.string(),
  name: z.string(),
  tier: z.enum(['enterprise', 'pro', 'starter', 'free']),
  status: z.string().nullable(),
  /** Rows per table; tables without a row of the tenant are left out. */
  rows: z.record(z.string(), z.number()).nullable(),
  /** Digest of the slice, and per table (left out where the table has no row); null when taken without digests. */
  digest: z.string().nullable(),
  digests: z.record(z.string(), z.string()).nullable(),
});

const verified = z.object({
  at: z.string(),
  ok: z.boolean(),
  /** Names of the checks that failed. */
  failed: z.array(z.string()),
  tool: z.string(),
});

export const manifestVersion = 1;

export const manifestSchema = z.object({
  version: z.literal(manifestVersion),
  kind: z.enum(['database', 'system', 'archive', 'safety']),
  tool: z.string(),
  takenAt: z.string(),
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
  /** Rows of every owned table, all tenants together. */
  rows: z.record(z.string(), z.number()).nullable(),
  digestAlgorithm: z.string().nullable(),
  tenants: z.array(tenantEntry).nullable(),
  verified: verified.nullable(),
});

export type Manifest = z.output<typeof manifestSchema>;
export type ManifestTenant = z.output<typeof tenantEntry>;

export function manifestPath(backup: string): string {
  return `${backup}.manifest.json`;
}

/**
 * The manifest beside a backup; null when there is none. Rejects with backup-corrupt when it cannot be read, also
 * when a newer version of this tool wrote it.
 */
export async function readManifest(backup: string): Promise<Manifest | null> {
  const path = manifestPath(backup);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new TenantDrError('permission-denied', `The manifest ${path} cannot be read.`, { cause: error });
  }
  return parseManifest(text, path);
}

/** `path` is only named in errors. */
export function parseManifest(text: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(path, 'it is not JSON', error);
  }
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
  await writeDurably(path, `${JSON.stringify(manifestSchema.parse(manifest))}\n`);
  return path;
}
