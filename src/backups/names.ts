import { basename } from 'node:path';

/** Names of backup files, and the time that stands in them. */

const endings = /(\.(db|sqlite|sqlite3|dump|sql|backup|tar|pgdump))?(\.(gz|zst|zstd|tgz))?$/i;

/** `admin_sqlite_20251107_020000.db.gz` → `admin_sqlite_20251107_020000`: what an operator types. */
export function idOf(path: string): string {
  const name = basename(path);
  return name.replace(endings, '') || name;
}

/** The wall-clock time in a name like `…_20251107_020000…` or `…2025-11-07T02-00-00…`; null when there is none. */
export function timeInName(path: string): WallTime | null {
  const match = /(20\d\d)-?(\d\d)-?(\d\d)[T_-](\d\d)[-:]?(\d\d)(?:[-:]?(\d\d))?(?!\d)/.exec(basename(path));
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map((digits) => Number(digits ?? 0));
  const time = { year, month, day, hour, minute, second } as WallTime;
  const utc = new Date(utcOf(time));
  // 20251399_250000 is a number, not a time.
  return utc.getUTCMonth() + 1 === time.month && utc.getUTCHours() === time.hour && time.minute < 60
    ? time
    : null;
}

export interface WallTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

function utcOf(time: WallTime): number {
  return Date.UTC(time.year, time.month - 1, time.day, time.hour, time.minute, time.second);
}

/** Name of the zone others' names are read in when the config names none: the machine's own. */
export function assumedZone(timezone: string | undefined): string {
  return timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/**
 * The instant at which clocks in `timezone` show this time (the earlier one where they show it twice). Without a
 * zone: the machine's own clocks, which `Date` knows without loading all the world's zones (30 ms, in one piece).
 */
export function instantOf(time: WallTime, timezone: string | undefined): Date {
  if (timezone === undefined)
    return new Date(time.year, time.month - 1, time.day, time.hour, time.minute, time.second);
  const shown = utcOf(time);
  if (timezone === 'UTC') return new Date(shown);
  const offsets = [-1, 1].map((days) => offsetAt(shown + days * 86_400_000, timezone));
  const candidates = offsets
    .map((offset) => shown - offset)
    .filter((at) => at + offsetAt(at, timezone) === shown);
  return new Date(candidates.length > 0 ? Math.min(...candidates) : shown - (offsets[0] ?? 0));
}

/** Milliseconds by which clocks in the zone are ahead of UTC at an instant. */
function offsetAt(instant: number, timezone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(instant);
  const field = (type: string) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  const shown = Date.UTC(
    field('year'),
    field('month') - 1,
    field('day'),
    field('hour'),
    field('minute'),
    field('second'),
  );
  return shown - Math.floor(instant / 1000) * 1000;
}

/** `<name>_sqlite_YYYYMMDD_HHMMSS.db.zst`, in UTC: the pattern of the source document. */
export function backupName(name: string, kind: string, ending: string, at: Date): string {
  const digits = at.toISOString().replaceAll(/[-:]/g, '').replace('T', '_').slice(0, 15);
  return `${name.replaceAll(/[^A-Za-z0-9._-]/g, '-')}_${kind}_${digits}.${ending}`;
}
