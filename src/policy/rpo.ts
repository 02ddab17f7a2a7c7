import type { TierPolicy } from './tiers.ts';

/** A backup's age against a tier's RPO, as documents state it. */
export interface RpoAge {
  limitSeconds: number;
  /** Damage time minus backup time; null when there is no backup. Negative: the backup is newer. */
  ageSeconds: number | null;
  /** False without a backup, and for a backup taken after the damage: it may hold the damage. */
  met: boolean;
}

/**
 * RPO age (design section 5): from the backup to the damage (or to now, where nothing is damaged).
 * A backup exactly as old as the limit meets it.
 */
export function rpoAge(policy: TierPolicy, backupTakenAt: Date | null, damagedAt: Date): RpoAge {
  const limitSeconds = policy.rpoSeconds;
  if (!backupTakenAt) return { limitSeconds, ageSeconds: null, met: false };
  const ageSeconds = (damagedAt.getTime() - backupTakenAt.getTime()) / 1000;
  return { limitSeconds, ageSeconds, met: ageSeconds >= 0 && ageSeconds <= limitSeconds };
}
