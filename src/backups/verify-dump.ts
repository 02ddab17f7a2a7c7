import { stat } from 'node:fs/promises';
import type { Config } from '../config/schema.ts';
import { databaseAt } from '../databases/open.ts';
import { countDump } from '../databases/postgres/dump/count.ts';
import type { StagedSource } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';
import { differingPeople, sameRules } from './compare-contents.ts';
import { type Contents, digestAlgorithm, noContents, rulesOf } from './contents.ts';
import { dumpFormats, isDumpContent } from './formats.ts';
import type { Manifest } from './manifest.ts';
import type { Peek } from './reader-jobs.ts';
import { hashBackup } from './reader-jobs.ts';
import type { Located } from './refs.ts';
import { asManifest, readStagedSlices, readStagedTenants, type StagedSlice } from './staged-slices.ts';
import { compareChecksum, isAboutTheFile, type Readings, type VerifyDeps } from './verify.ts';

type DumpContent = keyof typeof dumpFormats;

interface Dump {
  path: string;
  content: DumpContent;
  compression: Peek['compression'];
}

function sourceOf({ path, content, compression }: Dump): StagedSource {
  return { form: 'dump', path, format: dumpFormats[content], compression, whole: false };
}

export function isDump(peek: Peek): peek is Peek & { content: DumpContent } {
  return peek.content !== null && isDumpContent(peek.content);
}

/**
 * Reads a dump to its end and compares its checksum and row counts with the manifest. Whose rows they are shows only
 * beside a live database.
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
    const format = dumpFormats[content];
    rows = await countDump({
      path,
      format,
      compression,
      url: deps.config.database,
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
  // A safety copy is one tenant's also where that tenant's own row was gone.
  const own = found.whole ? manifest?.tenantCount : null;
  readings.tenantCount = own ?? rows.get(table) ?? 0;
  add('tenants', readings.tenantCount > 0, own ? `${own} tenants` : tenantsText(table, rows.get(table)));
  if (manifest?.source && manifest.rows) {
    const people = await peopleBeside({ path, content, compression }, manifest, found.whole, deps);
    const wrong = [...unlike(manifest, rows), ...people.wrong];
    const same = sameRules(manifest, { rules: rulesOf(deps.config) });
    if (same && manifest.tenantCount !== null && manifest.tenantCount !== readings.tenantCount)
      wrong.push(`${readings.tenantCount} tenants instead of ${manifest.tenantCount}`);
    const detail =
      wrong.length === 0
        ? `every table has the rows the manifest counted; ${people.said}`
        : wrong.slice(0, 3).join('; ');
    add('contents', wrong.length === 0, detail);
  }
  if (!manifest?.source && readings.tenantCount > 0) {
    const contents = await contentsBeside({ path, content, compression }, rows, deps);
    // Where the two do not fit, the dump is whole all the same; where rows are damaged, nobody comes back from it.
    if (contents instanceof TenantDrError) {
      const detail = `whose rows they are could not be looked at: ${contents.message}`;
      add('contents', !isAboutTheFile(contents), detail);
    } else if (contents) add('contents', true, 'the rows of every tenant were counted');
    readings.contents = contents instanceof TenantDrError ? null : contents;
  }
  return readings;
}

/**
 * Where the tenants' own rows in a dump of ours are not what its manifest says. The configured database reads them, which
 * knows its types; where that cannot be asked, or the config or its tables are others by now, nothing is wrong for that.
 */
async function peopleBeside(
  dump: Dump,
  manifest: Manifest,
  whole: boolean,
  { config }: VerifyDeps,
): Promise<{ wrong: string[]; said: string }> {
  const unseen = 'whose they are was not looked at';
  // Of a safety copy its manifest is all there is, where the tenant's own row was gone.
  if (!config.database || !manifest.tenants || whole) return { wrong: [], said: unseen };
  if (!sameRules(manifest, { rules: rulesOf(config) }))
    return { wrong: [], said: 'its tenants were read under another config, and not compared' };
  try {
    const database = await databaseAt(config.database);
    const { tenants, schemaFingerprint } = await readStagedTenants(database, config, sourceOf(dump));
    const wrong = differingPeople(manifest, tenants);
    // A column of another type by now reads the same text as another value: that says nothing against the backup.
    if (wrong.length > 0 && schemaFingerprint !== manifest.schemaFingerprint)
      return {
        wrong: [],
        said: `its tenants could not be compared, because the live tables are defined otherwise by now: ${wrong[0]}`,
      };
    return { wrong, said: `its tenants are those of the manifest; ${unseen}` };
  } catch (error) {
    if (!(error instanceof TenantDrError) || error.code === 'interrupted') throw error;
    const wrong = isAboutTheFile(error) ? [(error as TenantDrError).message] : [];
    return { wrong, said: `its tenants could not be compared: ${(error as TenantDrError).message}` };
  }
}

/**
 * Whose rows somebody else's dump holds: read beside the configured database, which knows the keys and the types.
 * Null where there is none to ask, an error where that could not be done.
 */
async function contentsBeside(
  dump: Dump,
  rows: Map<string, number>,
  { config, onProgress }: VerifyDeps,
): Promise<Contents | TenantDrError | null> {
  if (!config.database) return null;
  try {
    const database = await databaseAt(config.database);
    const slices = await readStagedSlices(database, config, sourceOf(dump), (all) => all, onProgress);
    return described(rows, slices, config);
  } catch (error) {
    if (error instanceof TenantDrError && error.code !== 'interrupted') return error;
    throw error;
  }
}

function described(rows: Map<string, number>, slices: StagedSlice[], config: Config): Contents {
  return {
    ...noContents,
    rows: Object.fromEntries(rows),
    digestAlgorithm,
    rules: rulesOf(config),
    tenants: slices.map(asManifest),
  };
}

function tenantsText(table: string, rows: number | undefined): string {
  if (rows === undefined) return `there is no tenants table "${table}"`;
  return rows === 0 ? `the tenants table "${table}" is empty` : `${rows} tenants`;
}

/** Manifests of the first version counted rows of tenants only; a table may hold others besides. */
function unlike({ version, rows: expected }: Manifest, rows: Map<string, number>): string[] {
  const least = version < 2 ? 'at least ' : '';
  return Object.entries(expected ?? {})
    .map(([table, count]) => ({ table, count, found: rows.get(table) ?? 0 }))
    .filter(({ count, found }) => (least ? found < count : found !== count))
    .map(({ table, count, found }) => `${table} has ${found} rows, ${least}${count} were counted`);
}
