import type { Config } from '../config/schema.ts';
import type { OnProgress } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';
import type { BackupEntry } from './catalogue.ts';
import type { Askable } from './conditions.ts';
import { openBackup } from './open.ts';

export interface Bisection {
  /** The newest backup in which the condition holds; null when it holds in none that was asked. */
  newest: BackupEntry | null;
  /** The next newer one, in which it does not hold; null when it holds in the newest of all. */
  next: BackupEntry | null;
  /** What was asked, in the order it was asked. */
  asked: { backup: BackupEntry; holds: boolean }[];
  /** Backups that could not be opened, with the reason. */
  unusable: { backup: BackupEntry; reason: string }[];
}

interface Deps {
  config: Config;
  /** Does the condition hold in this backup? Rejects with backup-… where it cannot be asked. */
  holds: (source: Askable) => Promise<boolean>;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * Finds the newest backup in which a condition holds, opening about log2(n) of them. It assumes what damage does:
 * the condition holds up to some moment and no longer after it. `entries` newest first. Rejects with table-unknown
 * where it names a table or column that is missing, and holds nowhere.
 */
export async function newestWhere(entries: BackupEntry[], deps: Deps): Promise<Bisection> {
  const usable = entries.filter(
    ({ kind, content }) =>
      kind === 'database' && (content === 'database-file' || content?.startsWith('dump-')),
  );
  const asked: Bisection['asked'] = [];
  const unusable: Bisection['unusable'] = [];
  let unknown: TenantDrError | null = null;
  const ask = async (backup: BackupEntry): Promise<boolean | null> => {
    const holds = await holdsIn(backup, deps, unusable).catch((error: unknown) => {
      // What the condition names is not there: dropped since, or not made yet. So it does not hold.
      if (!(error instanceof TenantDrError && error.code === 'table-unknown')) throw error;
      unknown = error;
      return false;
    });
    if (holds !== null) asked.push({ backup, holds });
    return holds;
  };
  // Invariant: everything before `low` does not hold, everything from `high` on holds or is beyond the end.
  let low = 0;
  let high = usable.length;
  for (let candidates = [...usable]; low < high; ) {
    const middle = asked.length === 0 ? low : Math.floor((low + high) / 2);
    const backup = candidates[middle];
    if (!backup) break;
    const holds = await ask(backup);
    if (holds === null) {
      candidates = candidates.filter((entry) => entry !== backup);
      high = Math.min(high - 1, candidates.length);
    } else if (holds) high = middle;
    else low = middle + 1;
  }
  if (unknown && !asked.some(({ holds }) => holds)) throw unknown;
  const holding = asked.filter(({ holds }) => holds).map(({ backup }) => backup);
  const newest = usable.find((entry) => holding.includes(entry)) ?? null;
  const newer = newest ? usable.slice(0, usable.indexOf(newest)) : [];
  const next =
    newer.findLast((entry) => asked.some(({ backup, holds }) => backup === entry && !holds)) ?? null;
  return { newest, next, asked, unusable };
}

async function holdsIn(
  backup: BackupEntry,
  deps: Deps,
  unusable: Bisection['unusable'],
): Promise<boolean | null> {
  try {
    const opened = await openBackup(backup.path, deps);
    try {
      if (opened.source.form === 'live') return null;
      const holds = await deps.holds(opened.source);
      await opened.confirmed;
      return holds;
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (!(error instanceof TenantDrError) || !error.code.startsWith('backup-')) throw error;
    unusable.push({ backup, reason: error.message });
    return null;
  }
}
