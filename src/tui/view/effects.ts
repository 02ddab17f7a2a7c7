import { printable } from '../../engine/printable.ts';
import { count } from '../format.ts';
import { fit, pad } from '../layout.ts';
import { type Line, line, span } from '../line.ts';

/** Row effects, table by table, as on the run screen. Tables with the most to say come first. */

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

const titles = ['live', 'backup', 'add', 'change', 'delete'];

function numbersOf(table: EffectCounts): string[] {
  const { live, backup } = table;
  return [live, backup, table.insert, table.update, table.delete].map((value) =>
    value === undefined ? '' : count(value),
  );
}

/** Heading and as many tables as fit; the rest is summed in a last row ("14 more tables"). */
export function effectsTable(tables: readonly EffectCounts[], width: number, rows: number): Line[] {
  const sorted: EffectCounts[] = byTouched(tables);
  const space = Math.max(1, rows - 1);
  const fits = sorted.length <= space;
  const shown = fits ? sorted : sorted.slice(0, space - 1);
  const rest = fits ? [] : sorted.slice(space - 1);
  const drawn = rest.length === 0 ? shown : [...shown, sumEffects(`${rest.length} more tables`, rest)];
  const number = Math.max(9, ...drawn.flatMap(numbersOf).map((text) => text.length + 1));
  // A note beside the numbers takes twelve cells.
  const name = Math.max(8, Math.min(40, width - 5 * number - 14));
  const row = (label: string, cells: string[]): string =>
    ` ${pad(printable(label), name)}${cells.map((cell) => pad(cell, number, 'left')).join('')}`;
  return [
    fit(line(span(row('table', titles), 'muted')), width),
    ...drawn.map((table) => {
      const note = table.delete > 0 ? 'newer rows' : table.kept ? `${count(table.kept)} kept` : '';
      return fit(line(row(table.name, numbersOf(table)), note !== '' && span(`  ${note}`, 'warning')), width);
    }),
  ];
}

/** One sentence: what a plan does in total. */
export function effectsReading(tables: readonly EffectCounts[]): string {
  const all = sumEffects('', tables);
  const changed = tables.filter((table) => touched(table) > 0).length;
  return `adds ${count(all.insert)}, changes back ${count(all.update)}, deletes ${count(all.delete)} rows in ${changed} of ${tables.length} tables`;
}
