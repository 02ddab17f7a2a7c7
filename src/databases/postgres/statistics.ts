import { identList } from './identifiers.ts';
import type { Slot, Workspace } from './workspace.ts';

/** Fewer rows are joined as fast without. */
const many = 5000;

/** An index and statistics for a temporary table we filled, of the columns that are joined by: nobody else would make them. */
export async function prepareJoins(work: Workspace, slot: Slot, kind: 'live' | 'staged'): Promise<void> {
  if (slot.rows[kind] <= many) return;
  const held = kind === 'live' ? slot.columns : (slot.common ?? []);
  const { key } = slot.slice;
  if (key.length > 0 && key.every((column) => held.includes(column)))
    await work.sql.run(
      `CREATE INDEX IF NOT EXISTS tdr_${kind}_${slot.index}_key ON ${slot[kind]} (${identList(key)})`,
    );
  const columns = held.filter((column) => isJoined(slot, column));
  if (columns.length > 0) await work.sql.run(`ANALYZE ${slot[kind]} (${identList(columns)})`);
}

function isJoined(slot: Slot, name: string): boolean {
  const { foreignKeys, referencedBy, primaryKey } = slot.relation;
  return (
    primaryKey.includes(name) ||
    foreignKeys.some((key) => key.columns.includes(name)) ||
    referencedBy.some((key) => key.parentColumns.includes(name))
  );
}
