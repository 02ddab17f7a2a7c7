import { type BackupEntry, listBackups } from '../backups/catalogue.ts';
import { openBackup } from '../backups/open.ts';
import { locate } from '../backups/refs.ts';
import type { Config } from '../config/schema.ts';
import { stageSource, survey } from '../engine/ground.ts';
import type { Database } from '../engine/port.ts';
import type { Tenant } from '../engine/tenant.ts';
import { type FoundTenant, resolveTenant } from '../engine/tenants.ts';
import { TenantDrError } from '../errors.ts';

interface Where {
  config: Config;
  database: Database;
  /** The backup that will be used, where it is known already. */
  from?: string | undefined;
}

/**
 * The tenant a run is about, looked up live and in a backup's manifest; one that is gone live is looked for in the
 * backup itself. Rejects with tenant-unknown or tenant-ambiguous.
 */
export async function findTenant(text: string, where: Where): Promise<FoundTenant> {
  const session = await where.database.open({ mode: 'read' });
  try {
    const live = await session.tenants(where.config.tenants);
    const recorded = await tenantsInManifest(where);
    try {
      return resolveTenant(text, live, recorded);
    } catch (error) {
      if (!(error instanceof TenantDrError && error.code === 'tenant-unknown') || recorded) throw error;
    }
    const ground = await survey(session, where.config);
    return resolveTenant(text, live, await tenantsInBackup(where, ground));
  } finally {
    await session.close();
  }
}

async function tenantsInManifest({ config, from }: Where): Promise<Tenant[] | null> {
  const manifest = from
    ? (await locate(from, config)).manifest
    : (await backupsIfAny(config)).find((entry) => entry.manifest?.tenants)?.manifest;
  return (
    manifest?.tenants?.map(({ id, slug, name, tier, status }) => ({ id, slug, name, tier, status })) ?? null
  );
}

/** A folder of backups that is not there must not keep anybody from finding a tenant that is. */
async function backupsIfAny(config: Config): Promise<BackupEntry[]> {
  try {
    return await listBackups(config);
  } catch (error) {
    if (error instanceof TenantDrError && error.code === 'backup-missing') return [];
    throw error;
  }
}

async function tenantsInBackup(
  { config, from }: Where,
  ground: Awaited<ReturnType<typeof survey>>,
): Promise<Tenant[] | null> {
  const ref = from ?? (await backupsIfAny(config)).find((entry) => !entry.problem)?.id;
  if (ref === undefined) return null;
  const backup = await openBackup(ref, { config });
  try {
    return (await stageSource(ground, backup.source, [])).tenants;
  } finally {
    await ground.session.unstage();
    await backup.close();
  }
}
