import type { BackupEntry } from '../backups/catalogue.ts';
import type { ManifestTenant } from '../backups/manifest.ts';
import type { OpenedBackup } from '../backups/open.ts';
import type { Tenant } from '../engine/tenant.ts';
import { sameId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { Rpo } from '../incident/facts.ts';
import { effectivePolicy } from '../policy/policy.ts';
import { rpoAge } from '../policy/rpo.ts';
import { type ActionContext, tenantOf } from './action.ts';

/** When the damage happened, as far as anybody said: RPO is measured to here (design section 5). */
export function damageTime(context: ActionContext): Date {
  const { damagedAt, detectedAt } = context.incident.state.opened;
  return new Date(damagedAt ?? detectedAt);
}

/** RPO age of a backup for a tenant's tier. */
export function rpoOf(
  context: ActionContext,
  takenAt: Date | null,
  { tier }: Pick<Tenant, 'tier'> = tenantOf(context),
): Rpo {
  const policy = effectivePolicy(context.config.policy)[tier];
  const age = rpoAge(policy, takenAt, damageTime(context));
  return takenAt ? age : { ...age, met: null };
}

/** How old a backup is now, in seconds. */
export function ageOf(context: ActionContext, takenAt: Date | null): number | null {
  return takenAt && (context.clock.now().getTime() - takenAt.getTime()) / 1000;
}

/** Refuses a backup older than the tier's RPO where the policy says so; otherwise says it aloud. */
export async function checkRpo(context: ActionContext, rpo: Rpo): Promise<void> {
  if (rpo.met !== false) return;
  const minutes = (seconds: number | null) => `${Math.round((seconds ?? 0) / 60)} min`;
  const older =
    (rpo.ageSeconds ?? 0) < 0
      ? 'This backup was taken after the damage: it may hold it.'
      : `This backup is ${minutes(rpo.ageSeconds)} older than the damage; the RPO is ${minutes(rpo.limitSeconds)}.`;
  if (context.config.policy.rpoGate === 'refuse') {
    throw new TenantDrError('rpo-refused', `${older} Nothing was changed.`, {
      hint: 'Choose a newer backup from before the damage, or set policy.rpoGate: warn.',
    });
  }
  await context.note(older);
}

/** Records which backup is used, once per backup, and asks the policy about its age: each time, also of a retry. */
export async function recordBackup(
  context: ActionContext,
  backup: Pick<OpenedBackup, 'ref' | 'path' | 'takenAt'>,
  reason?: string,
): Promise<void> {
  const rpo = rpoOf(context, backup.takenAt);
  const news = await noteBackup(context, backup, rpo, reason);
  if (news || context.config.policy.rpoGate === 'refuse') await checkRpo(context, rpo);
}

/** Writes into the journal which backup is used; false when that stands there already. */
export async function noteBackup(
  context: ActionContext,
  backup: Pick<OpenedBackup, 'ref' | 'path' | 'takenAt'>,
  rpo: Rpo,
  reason?: string,
): Promise<boolean> {
  if (context.incident.state.backup?.path === backup.path) return false;
  await context.incident.append({
    event: 'backup.chosen',
    ref: backup.ref,
    path: backup.path,
    sha256: null,
    takenAt: backup.takenAt?.toISOString() ?? null,
    rpo,
    ...(reason ? { reason } : {}),
  });
  return true;
}

/** What a backup's manifest says about the tenant; null where it has none, or does not hold the tenant. */
export function tenantIn(
  context: ActionContext,
  { manifest }: Pick<BackupEntry, 'manifest'>,
): ManifestTenant | null {
  const { id } = tenantOf(context);
  return manifest?.tenants?.find((one) => sameId(one.id, id)) ?? null;
}
