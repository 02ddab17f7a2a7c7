import type { Fall, TenantHistory } from '../backups/history.ts';
import { cut, fitted, printable, widthOf } from '../engine/printable.ts';
import { localTime, localZone } from './backup-list.ts';

const blocks = '▁▂▃▄▅▆▇█';
const ascii = '.:-=+*#@';

export interface ChartOptions {
  width: number;
  /** The terminal shows block characters. */
  unicode: boolean;
  now: Date;
}

/**
 * Rows of one tenant across backups, oldest left, one line a table, each with its reading in words:
 *
 *     all rows       ▇▇▇▇▇▇▁▁  1204 → 118
 *                          ^ fell by 1086 after 2026-11-23 05:00
 *     agents         ▇▇▇▇▇▇▁▁  48 → 12, fell by 36
 */
export function historyChart(history: TenantHistory, options: ChartOptions): string {
  const names = ['all rows', ...history.tables.map(({ table }) => printable(table))];
  const nameWidth = Math.min(24, Math.max(...names.map((name) => widthOf(name))));
  const room = Math.max(8, options.width - nameWidth - 32);
  const from = Math.max(0, history.points.length - room);
  const totals = history.points.map(({ rows }) => rows ?? 0);
  const line = (name: string, rows: number[], fall: Fall | null) => {
    const fell = fall ? `, fell by ${fall.lost}` : '';
    const reading = `${rows[from] ?? 0} → ${rows.at(-1) ?? 0}${fell}`;
    return `${fitted(cut(name, nameWidth), nameWidth)}  ${bars(rows.slice(from), options.unicode)}  ${reading}`;
  };
  return [
    heading(history, from, options),
    '',
    line('all rows', totals, null),
    ...mark(history, from, nameWidth),
    ...history.tables.map(({ table, rows, fall }) => line(printable(table), rows, fall)),
    '',
    ...readings(history),
  ].join('\n');
}

function heading({ tenant, points }: TenantHistory, from: number, { now }: ChartOptions): string {
  const first = points[from]?.backup.takenAt ?? now;
  const last = points.at(-1)?.backup.takenAt ?? now;
  const shown = points.length - from;
  const span = `${localTime(first)} to ${localTime(last)} (${localZone(now)})`;
  return `Rows of ${printable(tenant.slug)} in ${shown} ${shown === 1 ? 'backup' : 'backups'}, ${span}`;
}

function bars(rows: number[], unicode: boolean): string {
  const scale = unicode ? blocks : ascii;
  const most = Math.max(1, ...rows);
  return rows
    .map((count) => (count === 0 ? ' ' : scale[Math.ceil((count / most) * scale.length) - 1]))
    .join('');
}

function mark({ fall, points }: TenantHistory, from: number, nameWidth: number): string[] {
  if (!fall || fall.after < from) return [];
  const before = points[fall.before];
  const text = `^ fell by ${fall.lost} after ${before ? localTime(before.backup.takenAt) : ''}`;
  return [' '.repeat(nameWidth + 2 + fall.after - from) + text];
}

function readings({ fall, points, unknown }: TenantHistory): string[] {
  const lines: string[] = [];
  const good = fall && points[fall.before]?.backup;
  const bad = fall && points[fall.after]?.backup;
  if (good && bad) {
    lines.push(`Last backup before the fall: ${printable(good.id)}, ${localTime(good.takenAt)}.`);
    lines.push(`First one after it:          ${printable(bad.id)}, ${localTime(bad.takenAt)}.`);
  } else lines.push('The rows never fall noticeably from one backup to the next.');
  if (unknown.length > 0) {
    const count = unknown.length === 1 ? '1 backup has' : `${unknown.length} backups have`;
    lines.push(`${count} no row counts; \`tenant-dr backup verify <backup>\` adds them.`);
  }
  return lines;
}
