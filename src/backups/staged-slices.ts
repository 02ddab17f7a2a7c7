import type { Config } from '../config/schema.ts';
import { stageSource, survey } from '../engine/ground.ts';
import type { Database, OnProgress, SliceDigest, StagedSource } from '../engine/port.ts';
import { buildShape } from '../engine/shape.ts';
import { sameId, type Tenant } from '../engine/tenant.ts';

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
    const wanted = choose(tenants).filter(
      (one, i, all) => all.findIndex((other) => sameId(other.id, one.id)) === i,
    );
    const ids = wanted.map(({ id }) => id);
    const staged = await stageSource(ground, source, ids, onProgress);
    // What the backup knows nothing of counts on neither side.
    const shape = buildShape(ground.schema, ground.ownership, config, { mode: 'exact', verbatim: true });
    const whole = source.form === 'dump' && source.whole ? 'whole' : 'slice';
    const found: StagedSlice[] = [];
    for (const tenant of wanted.filter(({ id }) => staged.tenants.some((one) => sameId(one.id, id)))) {
      const { tables } = await session.collect({ shape, tenant: tenant.id, staged: whole, status: null });
      const rows = Object.fromEntries(Object.entries(tables).map(([name, count]) => [name, count.staged]));
      found.push({ tenant, rows, digest: await session.digest('staged') });
      onProgress?.({ phase: 'digesting', done: found.length, total: wanted.length, unit: 'tables' });
    }
    return found;
  } finally {
    await session.close();
  }
}
