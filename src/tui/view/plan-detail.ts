import type { PlanReview } from '../../actions/operator.ts';
import { own } from '../../engine/own.ts';
import type { Revival, TableEffects } from '../../engine/plan.ts';
import { printable } from '../../engine/printable.ts';
import { count, counted } from '../format.ts';
import { fit, paragraph } from '../layout.ts';
import { blank, type Line, line, span } from '../line.ts';
import { decisionOn, type PlanEntry, rowLine } from './plan.ts';
import { fact } from './side.ts';

/** What is marked in the plan, beside the list on a wide screen. */
export function entryDetail(entry: PlanEntry | undefined, review: PlanReview, width: number): Line[] {
  if (!entry) return [];
  return entry.kind === 'table'
    ? tableDetail(entry.table, review, width)
    : revivalDetail(entry.revival, review, width);
}

function tableDetail(table: TableEffects, review: PlanReview, width: number): Line[] {
  const leftOut = new Set(own(review.withoutRows, table.name) ?? []);
  const out = review.withoutTables.includes(table.name);
  const touched = table.insert + table.update + table.delete;
  const more = touched - table.samples.length;
  return [
    ...paragraph(printable(table.name), width, 'strong'),
    ...fact('added', count(table.insert), width),
    ...fact('changed', count(table.update), width),
    ...(table.updatedColumns.length > 0
      ? fact('columns', table.updatedColumns.map(printable).join(', '), width)
      : []),
    ...fact('deleted', count(table.delete), width, table.delete > 0 ? 'bad' : 'plain'),
    ...fact('unchanged', count(table.unchanged), width),
    ...(table.kept > 0 ? fact('kept', `${counted(table.kept, 'row')} that differ`, width) : []),
    ...(table.samples.length > 0
      ? [
          blank,
          ...table.samples.map((row) => rowLine(row, out || leftOut.has(row.key), false, width)),
          ...(more > 0
            ? [fit(line(span(`   and ${counted(more, 'more row')}; enter shows them all`, 'muted')), width)]
            : []),
        ]
      : []),
  ];
}

const meanings: Record<Revival['decision'], string> = {
  restore: 'they come back as they were',
  skip: 'they stay away',
  set: 'they come back with the values the config declares',
};

function revivalDetail(revival: Revival, review: PlanReview, width: number): Line[] {
  const decision = decisionOn(review, revival);
  return [
    ...paragraph(printable(revival.table), width, 'strong'),
    ...paragraph(
      `${counted(revival.rows, 'row')} were gone or settled since the backup and would come back to life.`,
      width,
    ),
    ...fact('decision', `${decision}: ${meanings[decision]}`, width, 'warning'),
    ...paragraph('Space changes the decision.', width, 'muted'),
  ];
}
