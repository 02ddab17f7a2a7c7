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
import type { Looking } from './looking.ts';

/** When the damage happened, as far as anybody said: RPO is measured to here (design section 5). */
export function damageTime(context: Pick<Looking, 'incident'>): Date {
  const { damagedAt, detectedAt } = context.incident.state.opened;
  return new Date(damagedAt ?? detectedAt);
}

/** RPO age of a backup for a tenant's tier. */
export function rpoOf(
  context: Pick<Looking, 'config' | 'incident' | 'tenant'>,
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

/** Refuses a backup that misses the tier's RPO, where the policy says so. Throws rpo-refused. */
export function requireRpo(context: ActionContext, rpo: Rpo): void {
  if (rpo.met !== false || !refusesMissed(context)) return;
  throw new TenantDrError('rpo-refused', `${missedBy(rpo)} Nothing was changed.`, {
    hint: 'Choose a newer backup from before the damage, or set policy.rpoGate: warn.',
  });
}

/** Says aloud that a backup misses the tier's RPO, where the policy lets it pass. */
export async function warnOfRpo(context: ActionContext, rpo: Rpo): Promise<void> {
  if (rpo.met === false && !refusesMissed(context)) await context.note(missedBy(rpo));
}

function refusesMissed({ config }: ActionContext): boolean {
  return config.policy.rpoGate === 'refuse';
}

function missedBy({ ageSeconds, limitSeconds }: Rpo): string {
  const minutes = (seconds: number | null) => `${Math.round((seconds ?? 0) / 60)} min`;
  return (ageSeconds ?? 0) < 0
    ? 'This backup was taken after the damage: it may hold it.'
    : `This backup is ${minutes(ageSeconds)} older than the damage; the RPO is ${minutes(limitSeconds)}.`;
}

/** Records which backup is used, and says once what speaks against its age; the policy is asked each time, also of a retry. */
export async function recordBackup(
  context: ActionContext,
  backup: Pick<OpenedBackup, 'ref' | 'path' | 'takenAt'>,
  reason?: string,
): Promise<void> {
  const rpo = rpoOf(context, backup.takenAt);
  const news = await noteBackup(context, backup, rpo, reason);
  requireRpo(context, rpo);
  if (news) await warnOfRpo(context, rpo);
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
  context: Pick<Looking, 'tenant'>,
  { manifest }: Pick<BackupEntry, 'manifest'>,
): ManifestTenant | null {
  const { id } = tenantOf(context);
  return manifest?.tenants?.find((one) => sameId(one.id, id)) ?? null;
}
