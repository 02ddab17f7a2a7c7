import type { SharedNeed } from '../../engine/plan.ts';
import { keyText } from './encoding.ts';
import { quote } from './identifiers.ts';
import type { Workspace } from './workspace.ts';

/**
 * Brings back shared rows the slice needs, by consent. Runs before the guards are installed, since shared rows
 * are nobody's in particular; only rows that are really gone are inserted, none is changed.
 */
export function includeShared(work: Workspace, needs: SharedNeed[]): void {
  const byTable = Map.groupBy(needs, (need) => need.table);
  for (const [name, wanted] of byTable) {
    const live = work.liveSchema.tables.find((table) => table.name === name);
    const staged = work.stagedSchema?.tables.find((table) => table.name === name);
    if (!live || !staged) continue;
    const columns = live.columns
      .filter((c) => !c.generated && staged.columns.some((s) => s.name === c.name))
      .map((c) => quote(c.name));
    const referenced = work.tables
      .flatMap((table) => table.live.foreignKeys)
      .filter((key) => key.table === name);
    for (const parentColumns of new Set(referenced.map((key) => key.parentColumns.join('\n')))) {
      const key = keyText(parentColumns.split('\n').map((column) => `s.${quote(column)}`));
      const held = parentColumns
        .split('\n')
        .map((column) => `m.${quote(column)} = s.${quote(column)}`)
        .join(' AND ');
      work.connection
        .prepare(
          `INSERT OR ABORT INTO main.${quote(name)} (${columns.join(', ')}) SELECT ${columns.map((c) => `s.${c}`).join(', ')} FROM staged.${quote(name)} s ` +
            `WHERE ${key} IN (SELECT value FROM json_each(?)) AND NOT EXISTS (SELECT 1 FROM main.${quote(name)} m WHERE ${held})`,
        )
        .run(JSON.stringify(wanted.map((need) => need.key)));
    }
  }
}
