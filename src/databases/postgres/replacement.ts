import { ident } from './identifiers.ts';
import type { Slot, Workspace } from './workspace.ts';
import { sameRow } from './workspace.ts';

/**
 * Marks rows to insert that take the place of a row to delete: another primary key, but the same values in columns that
 * rows of other tables refer to (the application deleted a row and made it again under a new id). A delete would
 * cascade to the rows that refer to them, or be forbidden, although the values are there again at the statement's end:
 * only with NO ACTION does PostgreSQL look. So the row is changed in place. Call after the last comparison.
 */
export async function markReplacements(work: Workspace, slot: Slot): Promise<void> {
  if (slot.rows.gone === 0 || slot.rows.want === 0 || slot.key.length === 0) return;
  // No UPDATE may set such a column.
  if (slot.relation.columns.some(({ identity }) => identity === 'always')) return;
  for (const key of slot.relation.referencedBy) {
    if (key.onDelete === 'a' || key.period) continue;
    // Rows of the same primary key are changed anyway.
    if (slot.key.every((name) => key.parentColumns.includes(name))) continue;
    const same = key.parentColumns.map((name) => `w.${ident(name)} = l.${ident(name)}`).join(' AND ');
    await work.sql.run(
      `UPDATE ${slot.want} w SET tdr_part = g.tdr_part, tdr_ctid = g.tdr_ctid
       FROM ${slot.gone} g JOIN ${slot.live} l ON ${sameRow('l', 'g')}
       WHERE w.tdr_kind = 'i' AND w.tdr_ctid IS NULL AND ${same}
         AND NOT EXISTS (SELECT FROM ${slot.want} o WHERE o.tdr_kind = 'i' AND ${sameRow('o', 'g')})`,
    );
  }
}
