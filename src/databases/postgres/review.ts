import { finished } from '../../engine/finished.ts';
import type { Revival } from '../../engine/plan.ts';
import type { Review } from '../../engine/slice.ts';
import type { Differences } from './compare.ts';
import { compareTable } from './compare.ts';
import { rowHash, scalarFor, shown } from './encoding.ts';
import { ident, literal } from './identifiers.ts';
import { named } from './ownership.ts';
import type { Slot, Workspace } from './workspace.ts';
import { columnOf } from './workspace.ts';

/**
 * Finds the rows of a reviewed table that would come back to life and does with them what was decided. Call after
 * compareTable; compares again when values were replaced.
 */
export async function reviewTable(
  work: Workspace,
  slot: Slot,
  raw: Differences,
): Promise<{ revival: Revival | null; raw: Differences }> {
  const { review } = slot.slice;
  if (!review || slot.rows.want === 0) return { revival: null, raw };
  const rows = await work.sql.rows(
    `SELECT w.tdr_n AS n, w.tdr_key AS key FROM ${slot.want} w WHERE ${alive(review)} ORDER BY w.tdr_n`,
  );
  if (rows.length === 0) return { revival: null, raw };
  const numbers = rows.map((row) => row.n).join(', ');
  let after = raw;
  if (review.decision === 'skip') {
    slot.rows.want -= await work.sql.run(`DELETE FROM ${slot.want} WHERE tdr_n IN (${numbers})`);
  } else if (review.decision === 'set') {
    const set = Object.entries(review.set).filter(([name]) => slot.common?.includes(name));
    const values = set.map(([name, value]) => `${ident(name)} = ${scalarFor(columnOf(slot, name), value)}`);
    await work.sql.run(
      `UPDATE ${slot.staged} SET ${[...values, 'tdr_set = true'].join(', ')} WHERE tdr_n IN (${numbers})`,
    );
    // Rows without a key are compared by their hash alone.
    if (slot.key.length === 0) {
      await work.sql.run(
        `UPDATE ${slot.staged} s SET tdr_hash = ${rowHash('s', slot.common ?? [])} WHERE tdr_n IN (${numbers})`,
      );
    }
    work.valuesSet = true;
    after = await compareTable(work, slot);
  }
  const revival: Revival = {
    table: slot.slice.name,
    review: review.kind,
    rows: rows.length,
    keys: rows.slice(0, named).map((row) => row.key ?? ''),
    decision: review.decision,
  };
  return { revival, raw: after };
}

/** Rows that return, and queue rows that change back to a state that is not finished. */
function alive(review: Review): string {
  if (review.kind !== 'queue' || review.statusColumn === null) return `w.tdr_kind = 'i'`;
  const status = `lower(${shown(`w.${ident(review.statusColumn)}`)})`;
  return `${status} NOT IN (${finished.map(literal).join(', ')}) AND (w.tdr_kind = 'i' OR ${literal(review.statusColumn)} = ANY (w.tdr_columns))`;
}
