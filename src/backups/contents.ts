import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import { databaseAt } from '../databases/open.ts';
import { digestCopy, worthSharing } from '../databases/sqlite/digest-copy.ts';
import { sliceDigest } from '../engine/digest.ts';
import { own } from '../engine/own.ts';
import { classify } from '../engine/ownership.ts';
import type { OnProgress, Session, TableDigest } from '../engine/port.ts';
import { buildShape } from '../engine/shape.ts';
import type { SliceShape } from '../engine/slice.ts';
import type { Tenant } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { Manifest, ManifestTenant } from './manifest.ts';

/** What a database holds, as its manifest says. */
export type Contents = Pick<Manifest, 'schemaFingerprint' | 'rows' | 'digestAlgorithm' | 'rules' | 'tenants'>;

/** What reads every row of every tenant. */
type DigestAll = (shape: SliceShape) => Promise<{
  /** Table → tenant id → digest. */
  digests: Record<string, Record<string, TableDigest>>;
  /** All rows of the tables that were counted on the way. */
  rows: Record<string, number>;
}>;

/** Named in manifests; another way of hashing gets another name. */
export const digestAlgorithm = 'tenant-dr/sha256-multiset/1';

export const noContents: Contents = {
  schemaFingerprint: null,
  rows: null,
  digestAlgorithm: null,
  rules: null,
  tenants: null,
};

/** Changes with whatever of the config says who the tenants are and which rows are theirs. */
export function rulesOf({ tenants, ownership }: Config): string {
  const { table, id, name, slug, status, tier } = tenants;
  const tables = Object.entries(ownership.tables)
    .map(([called, rule]) => {
      if (rule === 'shared' || rule.shared !== undefined) return [called, 'shared'];
      if (rule.exclude !== undefined) return [called, 'exclude'];
      return [called, rule.column ?? null, rule.through ?? null, Object.entries(rule.on ?? {})];
    })
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  const columns = [table, id, name ?? null, slug ?? null, status?.column ?? null, tier ?? null];
  const said = JSON.stringify([1, columns, ownership.columns, tables]);
  return createHash('sha256').update(said).digest('hex').slice(0, 16);
}

/** `rows` counts them, which indexes are mostly enough for; `digests` reads every owned row besides. */
export type Depth = 'rows' | 'digests';

/** What is asked of a session. */
type Reading = Pick<Session, 'schema' | 'tenants' | 'countAll' | 'countTables'>;

/** Reads tenants, rows and digests of a database file. Without a tenants table, `tenants` is null. */
export async function contentsOf(
  path: string,
  config: Config,
  depth: Depth,
  onProgress?: OnProgress,
): Promise<Contents> {
  const database = await databaseAt(`sqlite:${path}`);
  const session = await database.open({ mode: 'read' });
  try {
    const digestAll = (shape: SliceShape) => digestsIn(path, session, shape, onProgress);
    return await contentsIn(session, config, depth === 'digests' ? digestAll : null);
  } finally {
    await session.close();
  }
}

/** The same of whatever a session shows; without `digestAll` rows are counted only. */
export async function contentsIn(
  session: Reading,
  config: Config,
  digestAll: DigestAll | null,
): Promise<Contents> {
  const schema = await session.schema();
  const names = schema.tables.filter(({ kind }) => kind === 'table').map(({ name }) => name);
  const tenants = await tenantsOf(session, config);
  const known = { ...noContents, schemaFingerprint: schema.fingerprint, rules: rulesOf(config) };
  if (!tenants) return { ...known, rows: await session.countTables(names) };
  const shape = buildShape(schema, classify(schema, config), config, { mode: 'exact' });
  if (!digestAll) {
    const rows = await session.countTables(names);
    return { ...known, rows, tenants: await described(tenants, await session.countAll(shape), counted) };
  }
  const { digests, rows: read } = await digestAll(shape);
  const unread = names.filter((name) => own(read, name) === undefined);
  const rows = { ...(await session.countTables(unread)), ...read };
  return { ...known, rows, digestAlgorithm, tenants: await described(tenants, digests, summed) };
}

async function tenantsOf(session: Reading, config: Config): Promise<Tenant[] | null> {
  try {
    return await session.tenants(config.tenants);
  } catch (error) {
    if (error instanceof TenantDrError && error.code === 'tenants-table-missing') return null;
    throw error;
  }
}

/** Several processes read a large file, the session's own one is enough for a small one. */
async function digestsIn(
  path: string,
  session: Session,
  shape: SliceShape,
  onProgress: OnProgress | undefined,
): ReturnType<DigestAll> {
  const { size } = await stat(path);
  if (size >= worthSharing) return digestCopy(path, shape, { onProgress });
  return { digests: await session.digestAll(shape, onProgress), rows: {} };
}

/** What is known of each tenant. Of thousands, without keeping this process from anything else for long. */
async function described<T>(
  tenants: Tenant[],
  tables: Record<string, Record<string, T>>,
  slice: (own: Record<string, T>) => Pick<ManifestTenant, 'rows' | 'digest' | 'digests'>,
): Promise<ManifestTenant[]> {
  const entries: ManifestTenant[] = [];
  for (const { id, slug, name, tier, status } of tenants) {
    const held: Record<string, T> = {};
    for (const [table, byTenant] of Object.entries(tables)) {
      const found = own(byTenant, id.text);
      if (found !== undefined) held[table] = found;
    }
    entries.push({ id, slug, name, tier, status, ...slice(held) });
    if (entries.length % 50 === 0) await breathe();
  }
  return entries;
}

function counted(rows: Record<string, number>): Pick<ManifestTenant, 'rows' | 'digest' | 'digests'> {
  return { rows, digest: null, digests: null };
}

function summed(own: Record<string, TableDigest>): Pick<ManifestTenant, 'rows' | 'digest' | 'digests'> {
  const held = Object.entries(own).filter(([, { rows }]) => rows > 0);
  return {
    rows: Object.fromEntries(held.map(([table, { rows }]) => [table, rows])),
    digest: sliceDigest(Object.fromEntries(held)).digest,
    digests: Object.fromEntries(held.map(([table, { digest }]) => [table, digest])),
  };
}
