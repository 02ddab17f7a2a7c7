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
  const tenants = await session.tenants(config.tenants);
  requireDistinct(tenants, config);
  return { session, config, schema, ownership, tenants };
}

/** Where one id stands for several tenants, the rows of one cannot be told from those of another. */
function requireDistinct(tenants: Tenant[], { tenants: { table, id } }: Config): void {
  const seen = new Set<string>();
  const twice = tenants.find((tenant) => seen.size === seen.add(tenant.id.text).size);
  if (!twice) return;
  throw new TenantDrError(
    'config-invalid',
    `${table}.${id} does not tell tenants apart: several rows have ${twice.id.text}. Nothing was changed.`,
    { hint: 'Set tenants.id to a column whose values are unique.', table },
  );
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
