import type { Config } from '../config/schema.ts';
import { TenantDrError } from '../errors.ts';
import type { Ownership } from './ownership.ts';
import { classify, requireClassified } from './ownership.ts';
import type { Plan } from './planning.ts';
import type { OnProgress, Session, Staged, StagedSource } from './port.ts';
import type { Schema } from './schema.ts';
import { buildShape } from './shape.ts';
import type { Tenant, TenantId } from './tenant.ts';

/** The live database, opened and understood. */
export interface Ground {
  session: Session;
  config: Config;
  schema: Schema;
  ownership: Ownership;
  tenants: Tenant[];
  /** The plan whose effects the session holds now; any other must be made again before it is applied. */
  latest?: Plan;
}

/** Reads structure, ownership and tenants. Throws table-unclassified, tenants-table-missing. */
export async function survey(session: Session, config: Config): Promise<Ground> {
  const schema = await session.schema();
  const ownership = classify(schema, config);
  requireClassified(ownership);
  return { session, config, schema, ownership, tenants: await session.tenants(config.tenants) };
}

/** Makes a source queryable beside the live database, for the tenants named. Throws backup-without-tenant. */
export async function stageSource(
  ground: Ground,
  source: StagedSource,
  tenants: TenantId[],
  onProgress?: OnProgress,
): Promise<Staged> {
  const shape = buildShape(ground.schema, ground.ownership, ground.config, { mode: 'exact' });
  try {
    return await ground.session.stage({
      source,
      columns: ground.config.tenants,
      shape,
      tenants,
      ...(onProgress ? { onProgress } : {}),
    });
  } catch (error) {
    if (!(error instanceof TenantDrError) || error.code !== 'tenants-table-missing') throw error;
    const { table } = ground.config.tenants;
    throw new TenantDrError(
      'backup-without-tenant',
      `The backup has no table "${table}", so it holds no tenant. Nothing was changed.`,
      { hint: 'Choose a backup from before the table was dropped or renamed.', table, cause: error },
    );
  }
}
