import type { Comparison, OnProgress } from '../../engine/port.ts';
import { linksOf } from '../../engine/slice.ts';
import { markReinserted } from './apply.ts';
import { compareTable, countDifferences, summarize } from './compare.ts';
import { findObstacles } from './conflicts.ts';
import { reinsertConflicts } from './reinsertion.ts';
import { markReplacements } from './replacement.ts';
import { reviewTable } from './review.ts';
import { rulesMet, type TriggerMethod, triggersMet } from './triggers.ts';
import type { Slot, Workspace } from './workspace.ts';

/** A table that keeps its rows matters where others, that may change, belong through it: what is missing of it is of them. */
function matters(work: Workspace, table: string, seen = new Set<string>()): boolean {
  if (work.byName.get(table)?.slice.mode !== 'keep') return true;
  seen.add(table);
  return work.slots.some(
    ({ slice }) =>
      !seen.has(slice.name) &&
      linksOf(slice).some(({ parent }) => parent === table) &&
      matters(work, slice.name, seen),
  );
}

/** Effects of every table, and everything that stands against them. */
export async function compareAll(
  work: Workspace,
  method: TriggerMethod,
  onProgress?: OnProgress,
): Promise<Comparison> {
  const comparison: Comparison = { tables: [], conflicts: [], sharedNeeded: [], inbound: [], revivals: [] };
  const collected = [...work.misfits];
  const reinserted: Slot[] = [];
  const expected = await countDifferences(work);
  for (const [i, slot] of work.slots.entries()) {
    const reviewed = await reviewTable(work, slot, await compareTable(work, slot, expected.get(slot)));
    if (reviewed.revival) comparison.revivals.push(reviewed.revival);
    if ((await markReinserted(work, slot)) > 0) reinserted.push(slot);
    comparison.tables.push(await summarize(work, slot, reviewed.raw));
    onProgress?.({ phase: 'comparing', done: i + 1, total: work.slots.length, unit: 'tables' });
  }
  comparison.conflicts.push(...work.misfits.filter(({ table }) => matters(work, table)));
  // What refers to a row is known once all tables are compared.
  for (const slot of method === 'replica' ? [] : reinserted)
    comparison.conflicts.push(...(await reinsertConflicts(work, slot)));
  for (const slot of method === 'replica' ? [] : work.slots)
    comparison.conflicts.push(...(await markReplacements(work, slot)));
  const obstacles = await findObstacles(work);
  comparison.conflicts.push(...obstacles.conflicts, ...triggersMet(work, method), ...rulesMet(work, method));
  comparison.sharedNeeded.push(...obstacles.sharedNeeded);
  comparison.inbound.push(...obstacles.inbound);
  // What was found while collecting stays known when the same slice is compared again.
  work.misfits = collected;
  return comparison;
}
