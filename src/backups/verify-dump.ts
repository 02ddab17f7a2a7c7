import { stat } from 'node:fs/promises';
import { countDump } from '../databases/postgres/dump/count.ts';
import type { Peek } from './reader-jobs.ts';
import { hashBackup } from './reader-jobs.ts';
import type { Located } from './refs.ts';
import { compareChecksum, isAboutTheFile, type Readings, type VerifyDeps } from './verify.ts';

const formats = { 'dump-custom': 'custom', 'dump-plain': 'plain', 'dump-directory': 'directory' } as const;
type DumpContent = keyof typeof formats;

export function isDump(peek: Peek): peek is Peek & { content: DumpContent } {
  return peek.content !== null && peek.content in formats;
}

/**
 * Reads a dump to its end and compares its checksum and row counts with the manifest. Whose rows they are shows only
 * beside a live database; so a table counts as whole when it has at least the rows the tenants had in it.
 */
export async function verifyDump(
  found: Located,
  { content, compression }: Peek & { content: DumpContent },
  deps: VerifyDeps,
): Promise<Readings> {
  const { path, manifest } = found;
  const readings: Readings = { checks: [], file: null, contents: null, tenantCount: null };
  const add: Parameters<typeof compareChecksum>[2] = (name, ok, detail) =>
    readings.checks.push({ name, ok, detail });
  const { size: bytes } = await stat(path);
  const isFolder = content === 'dump-directory';
  const sha256 = isFolder ? '' : await hashBackup(path, deps);
  readings.file = { compression, sha256, bytes, stagedBytes: bytes };
  let rows: Map<string, number>;
  try {
    const format = formats[content];
    rows = await countDump({
      path,
      format,
      compression,
      url: deps.config.database ?? 'postgres://',
      ...deps,
    });
  } catch (error) {
    if (!isAboutTheFile(error)) throw error;
    add('readable', false, error.message);
    return readings;
  }
  const total = [...rows.values()].reduce((sum, count) => sum + count, 0);
  add('readable', true, `${total} rows of ${rows.size} tables read to the end`);
  if (!isFolder) compareChecksum(manifest, readings.file, add);
  const { table } = deps.config.tenants;
  readings.tenantCount = rows.get(table) ?? 0;
  add('tenants', readings.tenantCount > 0, tenantsText(table, rows.get(table)));
  if (manifest?.source && manifest.rows) {
    const wrong = missing(manifest.rows, rows);
    if (manifest.tenantCount !== null && manifest.tenantCount !== readings.tenantCount)
      wrong.push(`${readings.tenantCount} tenants instead of ${manifest.tenantCount}`);
    const detail =
      wrong.length === 0
        ? 'every table has the rows the manifest counted; whose they are was not looked at'
        : wrong.slice(0, 3).join('; ');
    add('contents', wrong.length === 0, detail);
  }
  return readings;
}

function tenantsText(table: string, rows: number | undefined): string {
  if (rows === undefined) return `there is no tenants table "${table}"`;
  return rows === 0 ? `the tenants table "${table}" is empty` : `${rows} tenants`;
}

/** The manifest counts rows of tenants; a table may hold others besides. */
function missing(expected: Record<string, number>, rows: Map<string, number>): string[] {
  return Object.entries(expected)
    .filter(([table, count]) => (rows.get(table) ?? 0) < count)
    .map(([table, count]) => `${table} has ${rows.get(table) ?? 0} rows, at least ${count} were counted`);
}
