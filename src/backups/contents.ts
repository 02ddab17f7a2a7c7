import { stat } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import { databaseAt } from '../databases/open.ts';
import { digestCopy, worthSharing } from '../databases/sqlite/digest-copy.ts';
import { sliceDigest } from '../engine/digest.ts';
import { classify } from '../engine/ownership.ts';
import type { OnProgress, Session, TableDigest } from '../engine/port.ts';
import { buildShape } from '../engine/shape.ts';
import type { SliceShape } from '../engine/slice.ts';
import type { Tenant } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { Manifest, ManifestTenant } from './manifest.ts';

/** What a database holds, as its manifest says. */
export type Contents = Pick<Manifest, 'schemaFingerprint' | 'rows' | 'digestAlgorithm' | 'tenants'>;

/** Table → tenant id → digest. */
type DigestsByTable = Record<string, Record<string, TableDigest>>;

/** Named in manifests; another way of hashing gets another name. */
export const digestAlgorithm = 'tenant-dr/sha256-multiset/1';

export const noContents: Contents = {
  schemaFingerprint: null,
  rows: null,
  digestAlgorithm: null,
  tenants: null,
};

/** `tenants` names them only, `digests` reads every owned row. */
export type Depth = 'tenants' | 'digests';

/** Reads tenants, rows and digests of a database file. Without a tenants table, `tenants` and `rows` are null. */
export async function contentsOf(
  path: string,
  config: Config,
  depth: Depth,
  onProgress?: OnProgress,
): Promise<Contents> {
  const database = await databaseAt(`sqlite:${path}`);
  const session = await database.open({ mode: 'read' });
  try {
    return await contentsIn(session, config, depth, (shape) => digestsIn(path, session, shape, onProgress));
  } finally {
    await session.close();
  }
}

/** The same of whatever a session shows. */
export async function contentsIn(
  session: Session,
  config: Config,
  depth: Depth,
  digestAll: (shape: SliceShape) => Promise<DigestsByTable>,
): Promise<Contents> {
  const schema = await session.schema();
  const known = { ...noContents, schemaFingerprint: schema.fingerprint };
  const tenants = await tenantsOf(session, config);
  if (!tenants) return known;
  const shape = buildShape(schema, classify(schema, config), config, { mode: 'exact' });
  if (depth === 'tenants') {
    const bare = { rows: null, digest: null, digests: null };
    return { ...known, tenants: tenants.map((tenant) => ({ ...described(tenant), ...bare })) };
  }
  return { ...known, digestAlgorithm, ...(await summed(await digestAll(shape), tenants)) };
}

async function tenantsOf(session: Session, config: Config): Promise<Tenant[] | null> {
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
): Promise<DigestsByTable> {
  const { size } = await stat(path);
  return size < worthSharing ? session.digestAll(shape, onProgress) : digestCopy(path, shape, { onProgress });
}

/** Of thousands of tenants, without keeping this process from anything else for long. */
async function summed(
  tables: DigestsByTable,
  tenants: Tenant[],
): Promise<Pick<Contents, 'rows' | 'tenants'>> {
  const rows: Record<string, number> = {};
  for (const [table, byTenant] of Object.entries(tables)) {
    rows[table] = Object.values(byTenant).reduce((sum, one) => sum + one.rows, 0);
    await breathe();
  }
  const slices: ManifestTenant[] = [];
  for (const tenant of tenants) {
    slices.push({ ...described(tenant), ...slice(tenant, tables) });
    if (slices.length % 50 === 0) await breathe();
  }
  return { rows, tenants: slices };
}

function described(tenant: Tenant): Pick<ManifestTenant, 'id' | 'slug' | 'name' | 'tier' | 'status'> {
  const { id, slug, name, tier, status } = tenant;
  return { id, slug, name, tier, status };
}

function slice(tenant: Tenant, tables: DigestsByTable): Pick<ManifestTenant, 'rows' | 'digest' | 'digests'> {
  const own: Record<string, TableDigest> = {};
  for (const [table, byTenant] of Object.entries(tables)) {
    const found = byTenant[tenant.id.text];
    if (found && found.rows > 0) own[table] = found;
  }
  const entries = Object.entries(own);
  return {
    rows: Object.fromEntries(entries.map(([table, { rows }]) => [table, rows])),
    digest: sliceDigest(own).digest,
    digests: Object.fromEntries(entries.map(([table, { digest }]) => [table, digest])),
  };
}
