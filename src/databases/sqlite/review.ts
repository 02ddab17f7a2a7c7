import { finished } from '../../engine/finished.ts';
import type { Revival } from '../../engine/plan.ts';
import type { Review } from '../../engine/slice.ts';
import { compareTable } from './compare.ts';
import { quote } from './identifiers.ts';
import { keyTextOf } from './ownership.ts';
import { fromSource } from './source.ts';
import { bindScalar } from './tenants.ts';
import type { TableWork, Workspace } from './workspace.ts';

/**
 * Finds the rows of a reviewed table that would come back to life and does with them what was decided.
 * Call after compareTable; compares again when values were replaced.
 */
export function reviewTable(work: Workspace, table: TableWork): Revival | null {
  const { review } = table.slice;
  if (!review || !table.staged) return null;
  const { effects } = table.names;
  const alive = aliveCondition(table, review);
  const rows = work.connection
    .prepare(
      `SELECT e.rowid, ${keyTextOf(table, 's')} FROM temp.${effects} e CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')} ` +
        `WHERE e.op IN ('i', 'u', 'r') AND ${alive}`,
    )
    .raw()
    .all(...(review.statusColumn === null ? [] : [JSON.stringify(finished)])) as [bigint, string][];
  if (rows.length === 0) return null;
  const ids = JSON.stringify(rows.map(([id]) => Number(id)));
  if (review.decision === 'skip') {
    // Also unticked, so that verification does not ask for them again.
    table.slice.except.push(...rows.map(([, key]) => key));
    work.connection
      .prepare(`DELETE FROM temp.${effects} WHERE rowid IN (SELECT value FROM json_each(?))`)
      .run(ids);
  } else if (review.decision === 'set') {
    replaceValues(work, table, review, ids);
    compareTable(work, table);
  }
  return {
    table: table.slice.name,
    review: review.kind,
    rows: rows.length,
    keys: rows.slice(0, 20).map(([, key]) => key),
    decision: review.decision,
  };
}

/** Rows that return, and rows that change back to a state that is not finished. */
function aliveCondition(table: TableWork, review: Review): string {
  if (review.kind !== 'queue' || review.statusColumn === null) {
    return review.statusColumn === null ? "e.op = 'i'" : "e.op = 'i' AND ? IS NOT NULL";
  }
  const status = `s.${quote(review.statusColumn)}`;
  const position = table.common.indexOf(review.statusColumn) + 1;
  return (
    `lower(CAST(${status} AS TEXT)) NOT IN (SELECT value FROM json_each(?)) ` +
    `AND (e.op = 'i' OR substr(e.mask, ${position}, 1) = '1')`
  );
}

function replaceValues(work: Workspace, table: TableWork, review: Review, ids: string): void {
  const columns = Object.keys(review.set);
  const holders = table.source.locator.map((_, i) => `tenant_dr_s${i}`);
  const s = holders.map((_, i) => `e.s${i}`);
  work.connection
    .prepare(
      `UPDATE temp.${table.names.sourceCopy} SET ${columns.map((column) => `${quote(column)} = ?`).join(', ')} ` +
        `WHERE (${holders.join(', ')}) IN (SELECT ${s.join(', ')} FROM temp.${table.names.effects} e WHERE e.rowid IN (SELECT value FROM json_each(?)))`,
    )
    .run(...columns.map((column) => bindScalar(review.set[column] ?? null)), ids);
}
