import { clocksOf } from './clocks.ts';
import type { History } from './history.ts';
import type { IncidentState } from './records.ts';

/**
 * What an incident may claim to others. Nothing here is certain unless the journal shows it: a restore that
 * committed is "put back", and only a verification that passed after it makes it "checked".
 */
export interface Knowledge {
  detectedAt: string;
  /** As somebody gave it; null when nobody did. */
  damagedAt: string | null;
  /** Since when the tenants have been out of service; null when they are not. */
  suspendedSince: string | null;
  backupTakenAt: string | null;
  /** When the last restore committed; null while none has, or while one has no known outcome. */
  restoredAt: string | null;
  rowsPutBack: number;
  /** Rows newer than the backup that the restore took away, kept in a safety copy. */
  rowsSetAside: number;
  verification: 'not-yet' | 'passed' | 'failed';
  usableAt: string | null;
  /** A projection, never a promise; null when nothing is projected. */
  expectedAt: string | null;
  /** The expectation rests on nothing but the runbook's estimates. */
  onlyEstimates: boolean;
}

export function knowledgeOf(state: IncidentState, now: number, history?: History): Knowledge {
  const clocks = clocksOf(state, now, { history });
  const open = state.suspensions.find((suspension) => suspension.reactivatedAt === null);
  const unresolved = state.restores.some((one) => one.state === 'intended' || one.state === 'unknown');
  const done = state.restores.flatMap((restore) => restore.finished ?? []);
  const last = unresolved ? undefined : done.at(-1);
  const tables = unresolved ? [] : done.flatMap((restore) => restore.tables);
  const latest = state.verifications.at(-1);
  const verified = latest && (!last || latest.seq > last.seq) ? latest : undefined;
  return {
    detectedAt: state.opened.detectedAt,
    damagedAt: state.opened.damagedAt,
    suspendedSince: open?.suspendedAt ?? null,
    backupTakenAt: state.backup?.takenAt ?? null,
    restoredAt: last?.at ?? null,
    rowsPutBack: tables.reduce((sum, table) => sum + table.insert + table.update, 0),
    rowsSetAside: tables.reduce((sum, table) => sum + table.delete, 0),
    verification: verified ? (verified.ok ? 'passed' : 'failed') : 'not-yet',
    usableAt: state.usable?.at ?? null,
    expectedAt: clocks.projection?.usableAt ?? null,
    onlyEstimates: clocks.projection?.onlyEstimates ?? false,
  };
}
