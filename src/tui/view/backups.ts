import type { BackupChoice } from '../../actions/operator.ts';
import { own } from '../../engine/own.ts';
import { printable } from '../../engine/printable.ts';
import { bytes, count, dateTime, inWords } from '../format.ts';
import { clipStart, fit, pad, paragraph, table } from '../layout.ts';
import { type Line, line, span } from '../line.ts';
import type { Window } from '../window.ts';
import { fact } from './side.ts';

/** The backup picker: newest first, the damage time drawn as a line, nothing marked at first. */

/** What stands in the list: backups, and the damage between them. */
export type BackupEntry = { kind: 'backup'; backup: BackupChoice } | { kind: 'damage'; at: string };

/** Newest first, with the damage where it happened; null where nothing is damaged. */
export function backupEntries(backups: BackupChoice[], damagedAt: string | null): BackupEntry[] {
  if (damagedAt === null) return backups.map((backup) => ({ kind: 'backup', backup }));
  const entries: BackupEntry[] = [];
  let drawn = false;
  for (const backup of backups) {
    if (!drawn && !backup.afterDamage) {
      entries.push({ kind: 'damage', at: damagedAt });
      drawn = true;
    }
    entries.push({ kind: 'backup', backup });
  }
  if (!drawn) entries.push({ kind: 'damage', at: damagedAt });
  return entries;
}

/** What speaks for or against a backup, in a few words. */
export function verdictOn(backup: BackupChoice): {
  text: string;
  tone: 'good' | 'warning' | 'bad' | 'muted';
} {
  if (backup.sameAsLive) return { text: 'same state: nothing to restore', tone: 'muted' };
  if (backup.holdsTenant === false) return { text: 'does not hold this tenant', tone: 'bad' };
  if (backup.verified === false) return { text: 'verification FAILED', tone: 'bad' };
  if (backup.afterDamage) return { text: 'taken AFTER the damage', tone: 'warning' };
  if (backup.rpoMet === false) return { text: 'outside the RPO', tone: 'warning' };
  return backup.verified ? { text: 'verified', tone: 'good' } : { text: 'not verified', tone: 'muted' };
}

function neighbour(backup: BackupChoice): string {
  const change = backup.rowsAgainstOlder;
  return change === null
    ? ''
    : change === 0
      ? '0'
      : change > 0
        ? `+${count(change)}`
        : count(change).replace('-', '−');
}

function totalRows(backup: BackupChoice): string {
  return backup.rows === null ? '?' : count(Object.values(backup.rows).reduce((sum, rows) => sum + rows, 0));
}

export function backupHeading(width: number, damaged: boolean): Line {
  return fit(
    line(
      span(
        `   ${pad('taken', 13)} ${pad(damaged ? 'before damage' : 'age', 13)} ${pad('rows', 8, 'left')} ${pad('± older', 8, 'left')}  what to know`,
        'muted',
      ),
    ),
    width,
  );
}

export function backupRow(entry: BackupEntry, marked: boolean, width: number): Line {
  if (entry.kind === 'damage') {
    const label = ` damage ${dateTime(entry.at)} `;
    return fit(line(span(` ──${label}${'─'.repeat(Math.max(0, width - label.length - 4))}`, 'bad')), width);
  }
  const { backup } = entry;
  const age = backup.rpoAgeSeconds;
  const distance = age === null ? 'unknown' : age >= 0 ? inWords(age) : `${inWords(-age)} after`;
  const taken = backup.takenAt ? dateTime(backup.takenAt) : 'time unknown';
  const verdict = verdictOn(backup);
  const tone = marked ? 'selected' : backup.afterDamage ? 'muted' : 'plain';
  const start = `${marked ? ' ▶' : '  '}${backup.afterDamage ? '×' : ' '}${pad(taken, 13)} ${pad(distance, 13)} ${pad(totalRows(backup), 8, 'left')} ${pad(neighbour(backup), 8, 'left')}  `;
  return fit(line(span(start, tone), span(verdict.text, marked ? 'selected' : verdict.tone)), width);
}

/** The rows of the list that are in the window. */
export function backupRows(entries: BackupEntry[], window: Window, width: number, rows: number): Line[] {
  return entries
    .slice(window.top, window.top + rows)
    .map((entry, index) => backupRow(entry, window.top + index === window.cursor, width));
}

/** What is known of the marked backup, below the list. */
export function backupDetail(entry: BackupEntry | undefined, width: number, damaged: boolean): Line[] {
  if (!entry || entry.kind === 'damage') {
    return [
      fit(
        line(
          span(
            damaged
              ? ' No backup is chosen yet; arrows mark one. × were taken after the damage.'
              : ' Arrows mark a backup and show where it is.',
            'muted',
          ),
        ),
        width,
      ),
    ];
  }
  const { backup } = entry;
  const verified =
    backup.verified === null ? 'not verified' : backup.verified ? 'verified' : 'verification FAILED';
  const size = `${bytes(backup.bytes)} · ${backup.sameAsLive ? 'holds the same state: nothing to restore' : verified}`;
  return [
    fit(
      line(' ', clipStart(printable(backup.ref), Math.max(10, width - size.length - 6)), ` · ${size}`),
      width,
    ),
  ];
}

/** The marked backup in full, beside the list: what it is, and its rows against the next older one and now. */
export function backupFacts(
  entry: BackupEntry | undefined,
  older: BackupChoice | undefined,
  now: Record<string, number> | null,
  width: number,
): Line[] {
  if (entry?.kind !== 'backup') return [line(span('No backup is chosen yet; arrows mark one.', 'muted'))];
  const { backup } = entry;
  const verdict = verdictOn(backup);
  const age = backup.rpoAgeSeconds;
  return [
    ...paragraph(printable(backup.ref), width, 'strong'),
    ...fact('taken', backup.takenAt === null ? 'nobody knows when' : utc(backup.takenAt), width),
    ...(age === null
      ? []
      : fact('age', age >= 0 ? inWords(age) : `${inWords(-age)} after the damage`, width)),
    ...fact('size', bytes(backup.bytes), width),
    ...fact('to know', verdict.text, width, verdict.tone),
    ...(backup.rows === null
      ? fact('rows', 'no manifest counts them', width, 'muted')
      : [line(), ...rowsBeside(backup.rows, older?.rows ?? null, now, width)]),
  ];
}

const utc = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;

/** Tables by how much they differ from now, or from the older backup where nobody knows how it is now. */
function rowsBeside(
  rows: Record<string, number>,
  older: Record<string, number> | null,
  now: Record<string, number> | null,
  width: number,
): Line[] {
  const against = now ?? older ?? rows;
  const names = Object.keys({ ...rows, ...against });
  const apart = (name: string): number => Math.abs((own(rows, name) ?? 0) - (own(against, name) ?? 0));
  names.sort((a, b) => apart(b) - apart(a) || a.localeCompare(b));
  const cell = (counts: Record<string, number> | null, name: string): string =>
    counts ? count(own(counts, name) ?? 0) : '?';
  return table(
    [
      { title: 'table', grows: true },
      { title: 'older', align: 'right' },
      { title: 'this', align: 'right' },
      ...(now ? [{ title: 'now', align: 'right' as const }] : []),
    ],
    names.map((name) => [
      printable(name),
      cell(older, name),
      cell(rows, name),
      ...(now
        ? [span(cell(now, name), (own(now, name) ?? 0) < (own(rows, name) ?? 0) ? 'bad' : 'plain')]
        : []),
    ]),
    width,
  );
}
