import type { Config } from '../config/schema.ts';
import { stageSource, survey } from '../engine/ground.ts';
import type { Database, OnProgress, SliceDigest, StagedSource } from '../engine/port.ts';
import { buildShape } from '../engine/shape.ts';
import { eachOnce, sameId, type Tenant, type TenantId } from '../engine/tenant.ts';
import type { ManifestTenant } from './manifest.ts';

export interface StagedSlice {
  tenant: Tenant;
  /** Rows by table. */
  rows: Record<string, number>;
  digest: SliceDigest;
}

/**
 * Slices of a backup that is no database of its own: picked out of it into temporary tables beside the live database,
 * which knows what its types print. Two passes over the backup: who is in it, then their rows. `choose` says whose.
 */
export async function readStagedSlices(
  database: Database,
  config: Config,
  source: StagedSource,
  choose: (tenants: Tenant[]) => Tenant[],
  onProgress?: OnProgress,
): Promise<StagedSlice[]> {
  const session = await database.open({ mode: 'read' });
  try {
    const ground = await survey(session, config);
    const { tenants } = await stageSource(ground, source, []);
    const wanted = eachOnce(choose(tenants), ({ id }) => id);
    const ids = wanted.map(({ id }) => id);
    const staged = await stageSource(ground, source, ids, onProgress);
    // What the backup knows nothing of counts on neither side.
    const shape = buildShape(ground.schema, ground.ownership, config, { mode: 'exact', verbatim: true });
    const whole = source.form !== 'live' && source.whole;
    const held = (id: TenantId): boolean => whole || staged.tenants.some((one) => sameId(one.id, id));
    const found: StagedSlice[] = [];
    for (const tenant of wanted.filter(({ id }) => held(id))) {
      const asked = { shape, tenant: tenant.id, staged: whole ? 'whole' : 'slice', status: null } as const;
      const { tables } = await session.collect(asked);
      const rows = Object.fromEntries(Object.entries(tables).map(([name, count]) => [name, count.staged]));
      found.push({ tenant, rows, digest: await session.digest('staged') });
      onProgress?.({ phase: 'digesting', done: found.length, total: wanted.length, unit: 'tables' });
    }
    return found;
  } finally {
    await session.close();
  }
}

/** Who is in a backup that is no database of its own: as the live database, structured like that, reads what it says. */
export async function readStagedTenants(
  database: Database,
  config: Config,
  source: StagedSource,
): Promise<{ tenants: Tenant[]; schemaFingerprint: string }> {
  const session = await database.open({ mode: 'read' });
  try {
    const ground = await survey(session, config);
    const { tenants } = await stageSource(ground, source, []);
    return { tenants, schemaFingerprint: ground.schema.fingerprint };
  } finally {
    await session.close();
  }
}

/** A slice as a manifest lists it. */
export function asManifest({ tenant, digest }: StagedSlice): ManifestTenant {
  const held = Object.entries(digest.tables).filter(([, table]) => table.rows > 0);
  const { id, slug, name, tier, status } = tenant;
  return {
    ...{ id, slug, name, tier, status },
    rows: Object.fromEntries(held.map(([table, { rows }]) => [table, rows])),
    digest: digest.digest,
    digests: Object.fromEntries(held.map(([table, one]) => [table, one.digest])),
  };
}
