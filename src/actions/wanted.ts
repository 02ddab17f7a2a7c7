import type { OpenedBackup } from '../backups/open.ts';
import { type Ground, stageSource } from '../engine/ground.ts';
import type { Progress, Staged } from '../engine/port.ts';
import { eachOnce, idKey, type TenantId } from '../engine/tenant.ts';
import type { KnownTenant } from '../engine/tenants.ts';

/** Whose rows are wanted, of the live tenants and of those known to be in the backup. */
export type Wanted = (live: KnownTenant[], backup: KnownTenant[]) => TenantId[];

/** Everything in it is there, whoever was asked for. */
export function isWholeStaged({ source, whole }: OpenedBackup): boolean {
  return source.form === 'database-file' || whole;
}

/**
 * Stages what is wanted. Who is in the backup is told by its manifest, else only by the backup itself: where it holds
 * a tenant that is gone or had another slug, it is read once more.
 */
export async function stageWanted(
  ground: Ground,
  backup: OpenedBackup,
  wanted: Wanted,
  onProgress: (progress: Progress) => void,
): Promise<{ staged: Staged; ids: TenantId[] }> {
  const ids = eachOnce(wanted(ground.tenants, backup.manifest?.tenants ?? []), (id) => id);
  const staged = await stageSource(ground, backup.source, ids, onProgress);
  if (isWholeStaged(backup)) return { staged, ids };
  const all = eachOnce(wanted(ground.tenants, staged.tenants), (id) => id);
  const looked = new Set(ids.map(idKey));
  if (all.every((id) => looked.has(idKey(id)))) return { staged, ids };
  return { staged: await stageSource(ground, backup.source, all, onProgress), ids: all };
}
