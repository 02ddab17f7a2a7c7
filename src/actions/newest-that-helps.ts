import { countEffects, leftAsIs } from '../engine/planning.ts';
import { TenantDrError } from '../errors.ts';
import { stopIfAsked } from './action.ts';
import { type Candidate, candidates, newestFall } from './candidates.ts';
import { Change } from './change.ts';
import type { Looking } from './looking.ts';
import { requireNotRepaired } from './repaired.ts';
import { lookingOnly } from './slice.ts';
import { isUnusable } from './unusable.ts';

/** The backup that is taken where nobody chooses. */

export function requireSome(found: Candidate[]): Candidate[] {
  if (found.length > 0) return found;
  throw new TenantDrError('backup-missing', 'There is no backup. Nothing was changed.', {
    hint: 'Set `backups:` in the config or --backups, or give --from <path>.',
  });
}

/**
 * Opens candidates, newest first, until one is sound, holds the tenant and has something to put back. Where nobody
 * said when the damage happened, one that has markedly fewer rows than the next older one is passed over too. Rejects
 * with backup-missing, and with gate-failed where the tenant was repaired since.
 */
export async function newestThatHelps(context: Looking): Promise<Candidate> {
  const found = requireSome(await candidates(context));
  const passedOver: string[] = [];
  const damageKnown = context.incident.state.opened.damagedAt !== null;
  let best: { candidate: Candidate; rows: number } | null = null;
  for (const candidate of found.filter((one) => !one.choice.afterDamage)) {
    stopIfAsked(context.signal);
    const { id } = candidate.entry;
    const { why, rows, same } = candidate.unusable
      ? { why: candidate.unusable, rows: 0, same: false }
      : await lookInto(context, id);
    if (same) await requireNotRepaired(context, id);
    if (why !== null) passedOver.push(`${id} passed over: ${why}`);
    else if (best === null || newestFall([best.rows, rows]) === 0) {
      if (best)
        passedOver.push(`${best.candidate.entry.id} passed over: far fewer rows than in ${id} before it`);
      best = { candidate, rows };
      if (damageKnown || candidate.choice.rows !== null) break;
    } else break;
  }
  for (const line of passedOver) await context.note(line);
  if (best) return best.candidate;
  throw new TenantDrError(
    'backup-missing',
    'No backup from before the damage can be used. Nothing was changed.',
    {
      hint:
        passedOver.at(0) ??
        'All backups were taken after the damage; give --from <ref> or an earlier --damaged-at.',
      facts: { passedOver },
    },
  );
}

interface Looked {
  why: string | null;
  rows: number;
  same: boolean;
}

/** Why a backup does not help, or null; how many rows of the tenant it holds; and whether none would change. */
async function lookInto(context: Looking, ref: string): Promise<Looked> {
  try {
    const change = await Change.open(lookingOnly(context), ref);
    try {
      await change.backup.confirmed;
      if (!change.tenant.inBackup) return { why: 'it does not hold the tenant', rows: 0, same: false };
      const plan = await change.plan({ mode: 'exact' });
      const { insert, update, delete: deleted } = countEffects(plan);
      const same = insert + update + deleted === 0;
      const rows = plan.tables.reduce((sum, table) => sum + table.backup, 0);
      const why = leftAsIs(plan)
        ? 'nothing would come back from it'
        : 'it holds the same state: nothing to restore';
      return { why: same ? why : null, rows, same };
    } finally {
      await change.close();
    }
  } catch (error) {
    if (!isUnusable(error)) throw error;
    return { why: error.message, rows: 0, same: false };
  }
}
