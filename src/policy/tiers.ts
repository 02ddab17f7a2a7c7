/** The four tiers, highest first: also the order in which tenants are recovered. */
export const tiers = ['enterprise', 'pro', 'starter', 'free'] as const;

export type Tier = (typeof tiers)[number];

export type VerificationLevel = 'full' | 'standard' | 'basic';

export interface TierPolicy {
  /** Seconds of data a tenant may lose. */
  rpoSeconds: number;
  /** Seconds between backups. */
  backupEverySeconds: number;
  /** Seconds until the tenant must be usable again; null is best effort. */
  rtoSeconds: number | null;
  priority: 'P0' | 'P1' | 'P2' | 'P3';
  sla: string | null;
  verification: VerificationLevel;
  verificationMinutes: number;
  keepBackupsDays: number;
  keepFilesDays: number;
  keepAuditDays: number;
  /** RPO of audit logs, seconds. */
  auditRpoSeconds: number;
  compliance: string;
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** Source: multi-tenant-backup-dr.md, "RPO/RTO by Tenant Tier", "Data Class Priorities", "Compliance and Audit". */
export const defaultPolicy: Record<Tier, TierPolicy> = {
  enterprise: {
    rpoSeconds: hour,
    backupEverySeconds: hour,
    rtoSeconds: 30 * minute,
    priority: 'P0',
    sla: '99.95 %',
    verification: 'full',
    verificationMinutes: 30,
    keepBackupsDays: 365,
    keepFilesDays: 30,
    keepAuditDays: 7 * 365,
    auditRpoSeconds: day,
    compliance: 'SOC 2, HIPAA',
  },
  pro: {
    rpoSeconds: 6 * hour,
    backupEverySeconds: 6 * hour,
    rtoSeconds: 2 * hour,
    priority: 'P1',
    sla: '99.9 %',
    verification: 'standard',
    verificationMinutes: 15,
    keepBackupsDays: 90,
    keepFilesDays: 14,
    keepAuditDays: 3 * 365,
    auditRpoSeconds: day,
    compliance: 'SOC 2',
  },
  starter: {
    rpoSeconds: day,
    backupEverySeconds: day,
    rtoSeconds: 4 * hour,
    priority: 'P2',
    sla: '99.5 %',
    verification: 'basic',
    verificationMinutes: 5,
    keepBackupsDays: 30,
    keepFilesDays: 7,
    keepAuditDays: 365,
    auditRpoSeconds: 7 * day,
    compliance: 'standard',
  },
  free: {
    rpoSeconds: 7 * day,
    backupEverySeconds: 7 * day,
    rtoSeconds: null,
    priority: 'P3',
    sla: null,
    verification: 'basic',
    verificationMinutes: 5,
    keepBackupsDays: 7,
    keepFilesDays: 3,
    keepAuditDays: 90,
    auditRpoSeconds: 30 * day,
    compliance: 'best effort',
  },
};

/** Reads a tier from what the database holds; anything else counts as free, and the caller reports it. */
export function tierOf(value: unknown): { tier: Tier; unknown?: string } {
  const text = typeof value === 'string' ? value.trim().toLowerCase() : '';
  const tier = tiers.find((known) => known === text);
  if (tier) return { tier };
  return value === null || value === undefined ? { tier: 'free' } : { tier: 'free', unknown: String(value) };
}

/** The higher of two tiers: identity falls back to backups, and the stricter promise wins (design section 8). */
export function higherTier(a: Tier, b: Tier): Tier {
  return tiers.indexOf(a) <= tiers.indexOf(b) ? a : b;
}

/** Highest tier first, for sorting. */
export function byTier(a: { tier: Tier }, b: { tier: Tier }): number {
  return tiers.indexOf(a.tier) - tiers.indexOf(b.tier);
}
