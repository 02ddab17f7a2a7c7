import type { Tier, TierPolicy, VerificationLevel } from './tiers.ts';
import { defaultPolicy, tiers } from './tiers.ts';

const day = 86_400;

/** Figures a config may override for a tier; seconds. */
export interface TierFigures {
  rpo?: number | undefined;
  rto?: number | null | undefined;
  backupEvery?: number | undefined;
  verification?: VerificationLevel | undefined;
  keepBackups?: number | undefined;
}

export type Policy = Record<Tier, TierPolicy>;

/** The policy in force: the defaults of the source document under what the config overrides. */
export function effectivePolicy(overrides: Partial<Record<Tier, TierFigures | undefined>>): Policy {
  const entries = tiers.map(
    (tier) => [tier, withFigures(defaultPolicy[tier], overrides[tier] ?? {})] as const,
  );
  return Object.fromEntries(entries) as Policy;
}

function withFigures(base: TierPolicy, figures: TierFigures): TierPolicy {
  return {
    ...base,
    rpoSeconds: figures.rpo ?? base.rpoSeconds,
    // null is a figure of its own: best effort, no limit.
    rtoSeconds: figures.rto === undefined ? base.rtoSeconds : figures.rto,
    backupEverySeconds: figures.backupEvery ?? base.backupEverySeconds,
    verification: figures.verification ?? base.verification,
    keepBackupsDays: figures.keepBackups === undefined ? base.keepBackupsDays : figures.keepBackups / day,
  };
}
