import { fitted, printable, widthOf, wrapped } from '../engine/printable.ts';

/** 0:13, 8:41, 1:02:03 */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** An age or a limit in its largest unit: 40 s, 52 min, 6 h, 3 d. */
export function ageText(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'];

/** 512 B, 1.2 GB: decimal units. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${byteUnits[unit]}`;
}

export interface TextColumn {
  title: string;
  align?: 'left' | 'right';
}

/**
 * Aligned columns under their titles. Cells are made printable here. Columns are as wide as their widest
 * cell; where the sum passes `width`, the widest left-aligned column wraps.
 */
export function textTable(columns: TextColumn[], rows: string[][], width = Number.POSITIVE_INFINITY): string {
  const cells = rows.map((row) => columns.map((_, index) => printable(row[index] ?? '')));
  const widths = columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...cells.map((row) => widthOf(row[index] ?? ''))),
  );
  shrink(widths, columns, width);
  const titles = columns.map(({ title }) => title);
  return [titles, ...cells].flatMap((row) => linesOf(row, columns, widths)).join('\n');
}

function linesOf(row: string[], columns: TextColumn[], widths: number[]): string[] {
  const wrappedCells = row.map((cell, index) => wrapped(cell, widths[index] ?? 0));
  const height = Math.max(...wrappedCells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    wrappedCells
      .map((lines, index) => fitted(lines[line] ?? '', widths[index] ?? 0, columns[index]?.align))
      .join('  ')
      .trimEnd(),
  );
}

function shrink(widths: number[], columns: TextColumn[], width: number): void {
  const total = widths.reduce((sum, one) => sum + one, 0) + 2 * (widths.length - 1);
  if (total <= width) return;
  const flexible = widths.map((one, index) => (columns[index]?.align === 'right' ? 0 : one));
  const widest = flexible.indexOf(Math.max(...flexible));
  widths[widest] = Math.max(12, (widths[widest] ?? 0) - (total - width));
}
