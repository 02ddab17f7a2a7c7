import type { Conflict } from '../../engine/plan.ts';
import { ident } from './identifiers.ts';
import { named } from './ownership.ts';
import type { Slot, Workspace } from './workspace.ts';
import { sameRow } from './workspace.ts';

/**
 * A row whose GENERATED ALWAYS identity changes is deleted and inserted again. Rows that refer to it with CASCADE,
 * SET NULL or RESTRICT would be lost or would forbid it, as long as foreign keys are in force.
 */
export async function reinsertConflicts(work: Workspace, slot: Slot): Promise<Conflict[]> {
  const conflicts: Conflict[] = [];
  for (const key of slot.relation.referencedBy) {
    if (key.onDelete === 'a') continue;
    const child =
      key.from.schema === work.sql.target.schema ? work.byName.get(key.from.root.table) : undefined;
    const sources = [`${ident(key.from.schema)}.${ident(key.from.table)}`];
    // Rows that come back in the same change would be taken by the cascade as well.
    if (child && child.rows.want > 0) sources.push(child.want);
    const refers = key.columns
      .map((name, i) => `c.${ident(name)} = l.${ident(key.parentColumns[i] as string)}`)
      .join(' AND ');
    const held = sources.map((source) => `EXISTS (SELECT FROM ${source} c WHERE ${refers})`).join(' OR ');
    const rows = await work.sql.rows(
      `SELECT w.tdr_key AS key FROM ${slot.want} w JOIN ${slot.live} l ON ${sameRow('l', 'w')} WHERE w.tdr_again AND (${held}) LIMIT ${named}`,
    );
    for (const row of rows) {
      conflicts.push({
        kind: 'inbound-reference',
        table: slot.slice.name,
        key: row.key ?? '',
        constraint: key.name,
        other: { table: key.from.table },
        detail: `${slot.slice.name} ${row.key} has an identity column that only a delete and insert can change, and rows of ${key.from.table} depend on it. A role that may set session_replication_role can restore it.`,
        blocking: true,
      });
    }
  }
  return conflicts;
}
