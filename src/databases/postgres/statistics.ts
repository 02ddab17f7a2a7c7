import { identList } from './identifiers.ts';
import type { Slot, Workspace } from './workspace.ts';

/** Statistics for a temporary table we filled, of the columns that are joined by: nobody else would gather them. */
export async function analyze(work: Workspace, name: string, slot: Slot): Promise<void> {
  const columns = slot.columns.filter(
    (column) => isJoined(slot, column) && (name === slot.live || slot.common?.includes(column)),
  );
  if (columns.length > 0) await work.sql.run(`ANALYZE ${name} (${identList(columns)})`);
}

function isJoined(slot: Slot, name: string): boolean {
  const { foreignKeys, referencedBy, primaryKey } = slot.relation;
  return (
    primaryKey.includes(name) ||
    foreignKeys.some((key) => key.columns.includes(name)) ||
    referencedBy.some((key) => key.parentColumns.includes(name))
  );
}
