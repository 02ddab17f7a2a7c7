import { durationWords, spanWords, timeWords } from '../words.ts';
import type { Integrity, Report, ReportStep } from './report.ts';

/** What both layouts of a report say in words. Not escaped. */

export function integrityWords(integrity: Integrity): string {
  if (integrity.brokenAt !== null) {
    return `THE JOURNAL IS DAMAGED: the chain breaks at line ${integrity.brokenAt}. ${integrity.problem ?? ''} This report rests on the ${integrity.lines} lines before it.`;
  }
  const torn =
    integrity.tornBytes > 0
      ? `; ${integrity.tornBytes} bytes of a line cut short by a crash at the end are left out`
      : '';
  return `whole: ${integrity.lines} lines, ends in ${integrity.head}${torn}`;
}

export function outcomeWords(report: Report): string {
  const reason = report.outcomeReason ? `: ${report.outcomeReason}` : '';
  const kind = report.mode === 'live' ? '' : ` (${report.mode.toUpperCase()})`;
  return report.outcome === 'open' ? `STILL OPEN, report so far${kind}` : `${report.outcome}${reason}${kind}`;
}

export function rtoWords({ rto, times, kind }: Report): string {
  const used = durationWords(rto.usedSeconds);
  if (rto.limitSeconds === null) return kind === 'suspend' ? 'does not apply' : `best effort; ${used} used`;
  const limit = durationWords(rto.limitSeconds);
  if (rto.met === null && times.closedAt) return `not reached: closed after ${used} of ${limit}, ${unusable}`;
  if (rto.met === null) {
    const rest =
      rto.overSeconds > 0
        ? `over by ${durationWords(rto.overSeconds)}`
        : `${durationWords(rto.leftSeconds ?? 0)} left`;
    return `open: ${used} of ${limit} used, ${rest}`;
  }
  if (rto.met) return `met: ${used} of ${limit}, ${durationWords(rto.leftSeconds ?? 0)} to spare`;
  const never = times.usableAt ? '' : `, ${unusable}`;
  return `missed by ${durationWords(rto.overSeconds)}: ${used} of ${limit}${never}`;
}

const unusable = 'the tenant was not usable again when it was closed';

export function rpoWords({ rpo, atStake }: Report): string {
  const stake = atStake
    ? `; at stake: ${atStake.rows} newer rows${atStake.seconds === null ? '' : ` from ${spanWords(atStake.seconds)}`}`
    : '';
  if (!rpo) return `no backup was chosen${stake}`;
  const { ageSeconds, limitSeconds, met, overSeconds, backup } = rpo;
  const taken = backup.takenAt
    ? `backup of ${timeWords(backup.takenAt)}`
    : `backup ${backup.ref}, time unknown`;
  if (ageSeconds === null) return `${taken}${stake}`;
  const age =
    ageSeconds < 0
      ? `${spanWords(-ageSeconds)} AFTER the damage`
      : `${spanWords(ageSeconds)} before the damage`;
  const limit = limitSeconds === null ? '' : ` of ${spanWords(limitSeconds)}`;
  const missed = overSeconds > 0 ? `missed by ${spanWords(overSeconds)}` : 'missed';
  const verdict = met === null ? '' : met ? `met${limit}: ` : `${missed}${limit}: `;
  return `${verdict}${taken}, ${age}${stake}`;
}

export function stepNote(step: ReportStep): string {
  const notes = [
    step.state === 'skipped' ? `skipped by ${step.skippedBy ?? 'auto'}: ${step.reason ?? ''}` : '',
    ...step.leftOut
      .filter(() => step.state !== 'skipped')
      .map((one) => `left out by ${one.by}: ${one.title}: ${one.reason}`),
    step.error ?? '',
    step.attempt > 1 ? `${step.attempt} attempts` : '',
    step.counts ? '' : 'does not count towards RTO',
  ];
  return notes.filter((note) => note !== '').join('; ');
}
