import type { BackupEntry } from '../backups/catalogue.ts';
import { assumedZone } from '../backups/names.ts';
import { printable } from '../engine/printable.ts';
import { ageText, bytesText, textTable } from './format.ts';

/** A backup as the contract's JSON has it. */
export function backupForJson(entry: Omit<BackupEntry, 'manifest'>): Record<string, unknown> {
  const { id, path, kind, content, compression, takenAtSource, bytes, verified, tenants, problem } = entry;
  const takenAt = entry.takenAt.toISOString();
  return { id, path, kind, content, compression, takenAt, takenAtSource, bytes, verified, tenants, problem };
}

/** 2026-11-23 05:00 in the machine's zone: what a person at this machine reads on the wall. */
export function localTime(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** `+01:00`, or `UTC`. */
export function localZone(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const two = (value: number) => String(Math.trunc(Math.abs(value))).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}

const verifiedWords = { true: 'yes', false: 'BAD', null: 'never' } as const;

/** Newest first; what is wrong with one stands in the last column. */
export function backupTable(entries: BackupEntry[], now: Date, width: number): string {
  const columns = [
    { title: 'backup' },
    { title: `taken (${localZone(now)})` },
    { title: 'age', align: 'right' as const },
    { title: 'size', align: 'right' as const },
    { title: 'verified' },
    { title: 'tenants', align: 'right' as const },
    { title: 'remarks' },
  ];
  const rows = entries.map((entry) => [
    entry.id,
    localTime(entry.takenAt),
    ageText(Math.max(0, (now.getTime() - entry.takenAt.getTime()) / 1000)),
    bytesText(entry.bytes),
    verifiedWords[`${entry.verified}`],
    entry.tenants === null ? '?' : String(entry.tenants),
    remarks(entry),
  ]);
  return textTable(columns, rows, width);
}

function remarks(entry: BackupEntry): string {
  if (entry.problem) return entry.problem;
  if (entry.takenAtSource === 'file time') return 'time taken from the file';
  return entry.kind === 'database' ? '' : entry.kind;
}

/** Says which zone was assumed for names that do not tell theirs; '' when none was. */
export function zoneNote(entries: BackupEntry[], timezone: string | undefined): string {
  if (!entries.some((entry) => entry.takenAtSource === 'file name')) return '';
  return `Times in names of backups without a manifest are read as ${printable(assumedZone(timezone))} (set backups.timezone to change that).`;
}
