import type { Conflict, Revival, RowEffect, TableEffects } from '../../engine/plan.ts';
import { compareTable, countEffects } from './compare.ts';
import { reviewTable } from './review.ts';
import { prepareSource, type StatusRule } from './source.ts';
import type { Workspace } from './workspace.ts';

/** Effects of every table of the collected slice, after reviewed rows were decided on. */
export function compareSlice(
  work: Workspace,
  status: StatusRule | null,
): { tables: TableEffects[]; revivals: Revival[] } {
  const tables: TableEffects[] = [];
  const revivals: Revival[] = [];
  for (const table of work.tables) {
    prepareSource(work, table, status);
    const effects = compareTable(work, table);
    const revival = reviewTable(work, table);
    if (revival) revivals.push(revival);
    tables.push(
      revival && revival.decision !== 'restore' ? { ...effects, ...countEffects(work, table) } : effects,
    );
  }
  return { tables, revivals };
}

/**
 * Verification is planning again: after the change it must give nothing. The source was prepared before the change
 * and stays: it is what was shown. Returns one problem per table that differs.
 */
export function unlikePlan(work: Workspace): Conflict[] {
  const problems: Conflict[] = [];
  for (const table of work.tables) {
    const effects = compareTable(work, table);
    if (effects.insert + effects.update + effects.delete === 0) continue;
    const { key, columns } = effects.samples[0] as RowEffect;
    const where = columns.length > 0 ? ` (${columns.join(', ')})` : '';
    problems.push({
      kind: 'value-does-not-fit',
      table: table.slice.name,
      key,
      ...(columns.length > 0 ? { constraint: columns.join(', ') } : {}),
      detail: `${table.slice.name} ${key} is not as planned after the change${where}.`,
      blocking: true,
    });
  }
  return problems;
}
