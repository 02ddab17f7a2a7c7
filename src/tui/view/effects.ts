import { printable } from '../../engine/printable.ts';
import { count } from '../format.ts';
import { fit, pad, widthOf } from '../layout.ts';
import { type Line, line, span } from '../line.ts';

/** Row effects, table by table, as on the run screen. Tables with the most to say come first. */

const numberWidth = 9;

/** The counts of one table; what a journal did not keep is left out. TableEffects fits. */
export interface EffectCounts {
  name: string;
  live?: number;
  backup?: number;
  insert: number;
  update: number;
  delete: number;
  unchanged?: number;
  kept?: number;
}

function touched(table: EffectCounts): number {
  return table.insert + table.update + table.delete;
}

export function byTouched<T extends EffectCounts>(tables: readonly T[]): T[] {
  return [...tables].sort((a, b) => touched(b) - touched(a) || a.name.localeCompare(b.name));
}

/** Sums several tables into one row. */
export function sumEffects(name: string, tables: readonly EffectCounts[]): Required<EffectCounts> {
  const sum = (pick: (table: EffectCounts) => number | undefined): number =>
    tables.reduce((total, table) => total + (pick(table) ?? 0), 0);
  return {
    name,
    live: sum((table) => table.live),
    backup: sum((table) => table.backup),
    insert: sum((table) => table.insert),
    update: sum((table) => table.update),
    delete: sum((table) => table.delete),
    unchanged: sum((table) => table.unchanged),
    kept: sum((table) => table.kept),
  };
}

function row(
  name: string,
  cells: (string | number)[],
  note: string,
  width: number,
  tone: 'plain' | 'muted' | 'selected',
): Line {
  const numbers = cells
    .map((cell) => pad(typeof cell === 'number' ? count(cell) : cell, numberWidth, 'left'))
    .join('');
  const room = Math.max(8, width - widthOf(numbers) - 14);
  const shown = pad(printable(name), Math.min(room, 40));
  return fit(line(span(` ${shown}${numbers}`, tone), note !== '' && span(`  ${note}`, 'warning')), width);
}

export function effectsHeading(width: number): Line {
  return row('table', ['live', 'backup', 'add', 'change', 'delete'], '', width, 'muted');
}

export function effectsRow(
  table: EffectCounts,
  width: number,
  tone: 'plain' | 'muted' | 'selected' = 'plain',
): Line {
  const note = table.delete > 0 ? 'newer rows' : table.kept ? `${count(table.kept)} kept` : '';
  return row(
    table.name,
    [table.live ?? '', table.backup ?? '', table.insert, table.update, table.delete],
    note,
    width,
    tone,
  );
}

/** Heading and as many tables as fit; the rest is summed in a last row ("14 more tables"). */
export function effectsTable(tables: readonly EffectCounts[], width: number, rows: number): Line[] {
  const sorted = byTouched(tables);
  const space = Math.max(1, rows - 1);
  if (sorted.length <= space)
    return [effectsHeading(width), ...sorted.map((table) => effectsRow(table, width))];
  const shown = sorted.slice(0, space - 1);
  const rest = sorted.slice(space - 1);
  return [
    effectsHeading(width),
    ...shown.map((table) => effectsRow(table, width)),
    effectsRow(sumEffects(`${rest.length} more tables`, rest), width),
  ];
}

/** One sentence: what a plan does in total. */
export function effectsReading(tables: readonly EffectCounts[]): string {
  const all = sumEffects('', tables);
  const changed = tables.filter((table) => touched(table) > 0).length;
  return `adds ${count(all.insert)}, changes back ${count(all.update)}, deletes ${count(all.delete)} rows in ${changed} of ${tables.length} tables`;
}
