import type { BackupChoice } from '../../actions/operator.ts';
import type { BackupEntry } from '../../backups/catalogue.ts';
import { clocksOf } from '../../incident/clocks.ts';
import type { IncidentSummary as StoredIncident } from '../../incident/list.ts';
import { inWords } from '../format.ts';
import type { Tone } from '../line.ts';
import type { IncidentSummary } from './home.ts';

/** Incidents and backups in one line each. */

/** Null for an incident that needs nobody any more. */
export function summarize({ id, state, damage, lock }: StoredIncident, now: Date): IncidentSummary | null {
  if (!state)
    return {
      id,
      title: 'its journal cannot be read',
      subject: id,
      state: damage?.message ?? '',
      time: '',
      tone: 'bad',
    };
  if (state.closed) return null;
  const { rto } = clocksOf(state, now.getTime());
  const at = state.steps.findIndex((step) => step.state !== 'done' && step.state !== 'skipped');
  const place = at === -1 ? 'all steps done' : `step ${at + 1}/${state.steps.length}`;
  const held = lock === 'held' ? ` · held by ${state.last.by.name} on ${state.last.by.host}` : '';
  const over = rto.overSeconds > 0 && rto.met === null;
  const time: { text: string; tone: Tone } =
    rto.limitSeconds === null || rto.met !== null
      ? { text: '', tone: 'plain' }
      : over
        ? { text: `${inWords(rto.overSeconds)} over the RTO`, tone: 'bad' }
        : { text: `${inWords(rto.leftSeconds ?? 0)} left`, tone: 'warning' };
  return {
    id,
    title: state.opened.title,
    subject: state.tenants.map((tenant) => tenant.name).join(', ') || state.opened.database.name,
    state: `${place}${held}${damage ? ' · its journal is damaged' : ''}${state.opened.mode === 'live' ? '' : ` · ${state.opened.mode}`}`,
    time: time.text,
    tone: time.tone,
  };
}

/** A backup as the picker draws it, where only its file and manifest are known. */
export function backupChoice(
  entry: BackupEntry,
  damagedAt: Date,
  older: BackupEntry | undefined,
): BackupChoice {
  const rows = rowsOf(entry);
  const before = older ? rowsOf(older) : null;
  const total = (counts: Record<string, number>): number =>
    Object.values(counts).reduce((sum, count) => sum + count, 0);
  const age = (damagedAt.getTime() - entry.takenAt.getTime()) / 1000;
  return {
    ref: entry.id,
    takenAt: entry.takenAt.toISOString(),
    bytes: entry.bytes,
    verified: entry.problem === null ? entry.verified : false,
    afterDamage: age < 0,
    rpoAgeSeconds: age,
    rpoMet: null,
    holdsTenant: null,
    sameAsLive: null,
    rows,
    rowsAgainstOlder: rows && before ? total(rows) - total(before) : null,
  };
}

/** Rows per table of the whole database, where the manifest tells. */
function rowsOf(entry: BackupEntry): Record<string, number> | null {
  return entry.manifest?.rows ?? null;
}
