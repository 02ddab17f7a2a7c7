import { type BackupEntry, listBackups } from '../backups/catalogue.ts';
import { type ActionContext, tenantOf } from './action.ts';
import { damageTime, rowsInManifest, rpoOf } from './backup-facts.ts';
import type { BackupChoice } from './operator.ts';

/** A backup that might serve, and what is known about it without opening it. */
export interface Candidate {
  entry: BackupEntry;
  choice: BackupChoice;
  /** Why it cannot be used, or null. */
  unusable: string | null;
}

/**
 * Every backup of the whole database, newest first, as the picker shows it. Nothing is decompressed: rows come from
 * manifests. Without a damage time the newest fall of the tenant's rows stands in for it.
 */
export async function candidates(context: ActionContext): Promise<Candidate[]> {
  const entries = (await listBackups(context.config)).filter(
    (one) => one.kind === 'database' || one.kind === 'system',
  );
  const rows = entries.map((entry) => rowsInManifest(context, entry));
  const totals = rows.map((known) => (known ? total(known.rows) : null));
  const said = context.incident.state.opened.damagedAt !== null;
  const fall = said ? -1 : newestFall(totals);
  return entries.map((entry, index) => {
    const known = rows[index] ?? null;
    const older = totals.slice(index + 1).find((one) => one !== null) ?? null;
    const mine = totals[index] ?? null;
    const rpo = rpoOf(context, entry.takenAt);
    const afterDamage = index <= fall || entry.takenAt.getTime() > damageTime(context).getTime();
    const choice: BackupChoice = {
      ref: entry.id,
      takenAt: entry.takenAt.toISOString(),
      bytes: entry.bytes,
      verified: entry.verified,
      afterDamage,
      rpoAgeSeconds: rpo.ageSeconds,
      rpoMet: rpo.met,
      holdsTenant: known?.holds ?? null,
      sameAsLive: null,
      rows: known?.rows ?? null,
      rowsAgainstOlder: mine !== null && older !== null ? mine - older : null,
    };
    return { entry, choice, unusable: whyUnusable(context, entry, choice) };
  });
}

/** At least this share of a tenant's rows gone between two backups counts as a fall. */
const fallShare = 0.2;

/** Index of the newest backup that has markedly fewer rows of the tenant than the one before it; -1: none. */
export function newestFall(totals: readonly (number | null)[]): number {
  return totals.findIndex((mine, index) => {
    const older = totals.slice(index + 1).find((one) => one !== null) ?? null;
    return mine !== null && older !== null && older > 0 && mine <= older * (1 - fallShare);
  });
}

function whyUnusable(context: ActionContext, entry: BackupEntry, choice: BackupChoice): string | null {
  if (entry.problem) return entry.problem;
  if (entry.verified === false) return 'its verification failed';
  if (choice.holdsTenant === false) return `it does not hold ${tenantOf(context).slug}`;
  return null;
}

function total(rows: Record<string, number> | null): number {
  return Object.values(rows ?? {}).reduce((sum, one) => sum + one, 0);
}
