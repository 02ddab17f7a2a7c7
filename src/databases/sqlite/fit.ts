import type { Conflict } from '../../engine/plan.ts';
import { quote } from './identifiers.ts';
import { keyTextOf, named } from './ownership.ts';
import { fromSource } from './source.ts';
import { maskChanged, type TableWork, type Workspace } from './workspace.ts';

/** Rows to write that leave a column empty which may not be so any more. */
export function findMisfits(work: Workspace, table: TableWork): Conflict[] {
  const former = new Map(table.staged?.columns.map(({ name, notNull }) => [name, notNull]));
  const demanded = table.live.columns.filter(({ name, notNull }) => notNull && former.get(name) === false);
  return demanded.flatMap(({ name }) => {
    const written = `(e.op IN ('i', 'r') OR (e.op = 'u' AND ${maskChanged(table, 'e', name)}))`;
    const keys = work.connection
      .prepare(
        `SELECT ${keyTextOf(table, 's')} FROM temp.${table.names.effects} e ` +
          `CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')} ` +
          `WHERE ${written} AND s.${quote(name)} IS NULL LIMIT ${named}`,
      )
      .pluck()
      .all() as string[];
    return keys.map(
      (key): Conflict => ({
        kind: 'value-does-not-fit',
        table: table.slice.name,
        key,
        constraint: name,
        detail: `${table.slice.name} ${key} has no ${name} in the backup, and may not be without one now.`,
        blocking: true,
      }),
    );
  });
}
