import { isDeepStrictEqual } from 'node:util';
import { type BackupEntry, listBackups } from '../backups/catalogue.ts';
import { digestAlgorithm } from '../backups/contents.ts';
import { type ActionContext, tenantOf } from './action.ts';
import { damageTime, rpoOf, tenantIn } from './backup-facts.ts';
import type { Looking } from './looking.ts';
import type { BackupChoice } from './operator.ts';
import { shapeOf, withSession } from './slice.ts';

/** A backup that might serve, and what is known about it without opening it. */
export interface Candidate {
  entry: BackupEntry;
  choice: BackupChoice;
  /** Why it cannot be used, or null. */
  unusable: string | null;
}

/**
 * Every backup of the whole database, newest first, as the picker shows it. Nothing is decompressed: rows come from
 * manifests. Without a damage time the newest fall of the tenant's rows stands in for it, else the detection; the
 * journal says once what is assumed.
 */
export async function candidates(context: Looking): Promise<Candidate[]> {
  const entries = (await listBackups(context.config)).filter(
    (one) => one.kind === 'database' || one.kind === 'system',
  );
  const totals = entries.map((entry) => totalIn(context, entry));
  const said = context.incident.state.opened.damagedAt !== null;
  const fall = said ? -1 : newestFall(totals);
  if (!said) await noteAssumption(context, entries[fall], entries[fall + 1]);
  return entries.map((entry, index) => {
    const known = tenantIn(context, entry);
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
      holdsTenant: entry.manifest?.tenants ? known !== null : null,
      sameAsLive: null,
      rows: known?.rows ?? null,
      rowsAgainstOlder: mine !== null && older !== null ? mine - older : null,
    };
    return { entry, choice, unusable: whyUnusable(context, entry, choice) };
  });
}

/**
 * Marks the backups that hold what is live now, by the digests in their manifests. The tenant's own row is left out
 * of the comparison: suspending has just changed it.
 */
export async function markSameAsLive(context: ActionContext, found: Candidate[]): Promise<Candidate[]> {
  if (!found.some((one) => tenantIn(context, one.entry)?.digests)) return found;
  const tables = await withSession(context, 'read', async (session) => {
    const shape = await shapeOf(context, session);
    await session.collect({ shape, tenant: tenantOf(context).id, staged: 'none', status: null });
    return (await session.digest('live')).tables;
  });
  const own = context.config.tenants.table;
  const live = new Map(Object.entries(tables).filter(([name, one]) => name !== own && one.rows > 0));
  return found.map((candidate) => {
    const digests = tenantIn(context, candidate.entry)?.digests;
    if (!digests || candidate.entry.manifest?.digestAlgorithm !== digestAlgorithm) return candidate;
    const then = Object.entries(digests).filter(([name]) => name !== own);
    const same =
      then.length === live.size && then.every(([name, digest]) => live.get(name)?.digest === digest);
    return { ...candidate, choice: { ...candidate.choice, sameAsLive: same } };
  });
}

/** What stands in for a damage time nobody gave: in the journal, so that nobody takes it for a fact. */
async function noteAssumption(
  context: Looking,
  first: BackupEntry | undefined,
  last: BackupEntry | undefined,
): Promise<void> {
  const { detectedAt } = context.incident.state.opened;
  const between = first && last ? [last.takenAt.toISOString(), first.takenAt.toISOString()] : null;
  const assumed = { kind: 'damage-time', between, until: between?.[1] ?? detectedAt };
  const known = context.incident.state.taskNotes.some((note) =>
    isDeepStrictEqual(note.data?.assumed, assumed),
  );
  if (known) return;
  const how = between
    ? `its rows fall between the backups of ${between[0]} and ${between[1]}, so backups from the second on count as taken after the damage`
    : `no backup shows a fall of its rows, so the time of detection, ${detectedAt}, counts`;
  await context.note(
    `Nobody said when the damage happened. Assumed: ${how}. RPO is measured to the detection.`,
    {
      assumed,
    },
  );
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

function whyUnusable(context: Looking, entry: BackupEntry, choice: BackupChoice): string | null {
  if (entry.problem) return entry.problem;
  if (entry.verified === false) return 'its verification failed';
  if (choice.holdsTenant === false) return `it does not hold ${tenantOf(context).slug}`;
  return null;
}

/** The tenant's rows in all; null where no manifest counts them. */
function totalIn(context: Looking, entry: BackupEntry): number | null {
  if (!entry.manifest?.tenants) return null;
  const known = tenantIn(context, entry);
  if (!known) return 0;
  return known.rows && Object.values(known.rows).reduce((sum, one) => sum + one, 0);
}
