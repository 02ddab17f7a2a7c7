import type { Conflict } from '../../engine/plan.ts';
import { quote } from './identifiers.ts';
import type { SqliteUnique } from './introspect.ts';
import type { Place } from './owner-walk.ts';
import { OwnerWalk } from './owner-walk.ts';
import { keyTextOf } from './ownership.ts';
import { fromSource, newValue } from './source.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { equal, locator, locatorColumns } from './workspace.ts';

/**
 * Unique values of rows to insert or change that a live row already has and keeps. Rows the plan changes hold the
 * backup's values afterwards, which were unique together, so only rows outside the effects can stand in the way.
 */
export function findTaken(work: Workspace, table: TableWork): Conflict[] {
  return table.live.uniques
    .filter((unique) => !isKey(table, unique))
    .flatMap((unique) => takenBy(work, table, unique));
}

function isKey(table: TableWork, unique: SqliteUnique): boolean {
  return !unique.partial && table.key.length > 0 && unique.columns.join('\n') === table.key.join('\n');
}

/**
 * Index terms are evaluated by the database itself, over the live table and over the new rows under the same table and
 * column names (a condition may say `"users"."gone" IS NULL`), so partial and expression indexes need no interpretation.
 */
function takenBy(work: Workspace, table: TableWork, unique: SqliteUnique): Conflict[] {
  const terms = unique.columns.map((column, i) =>
    column === null ? (unique.expressions[i] ?? 'NULL') : quote(column),
  );
  const where = unique.where ?? '1';
  const held = table.live.columns.filter((column) => column.generated).map((column) => column.name);
  const generated = terms.some(
    (_, i) => unique.columns[i] !== null && held.includes(unique.columns[i] as string),
  );
  // A generated column has no value before the row exists; the database itself refuses such a row while applying.
  if (generated) return [];
  const values = terms.map((term, i) => `(${term}) AS u${i}`).join(', ');
  const columns = table.columns
    .map((column) => `${newValue(table, column, true)} AS ${quote(column)}`)
    .join(', ');
  const fresh =
    `SELECT tenant_dr_key, ${values} FROM (SELECT ${keyTextOf(table, 's')} AS tenant_dr_key, ${columns} ` +
    `FROM temp.${table.names.effects} e CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')} WHERE e.op IN ('i', 'r', 'u')) AS ${quote(table.slice.name)} WHERE ${where}`;
  const own = `SELECT *, ${values} FROM main.${quote(table.slice.name)} WHERE ${where}`;
  const simple = !unique.columns.includes(null) && !unique.partial;
  const other = simple ? `main.${quote(table.slice.name)}` : `(${withLocator(table, own)})`;
  const matches = terms
    .map(
      (term, i) =>
        `${simple ? `o.${term}` : `o.u${i}`} = n.u${i} COLLATE ${quote(unique.collations[i] ?? 'BINARY')}`,
    )
    .join(' AND ');
  const at = simple ? locator(table.live, 'o') : locatorCopy(table);
  const leaving =
    `EXISTS (SELECT 1 FROM temp.${table.names.effects} g WHERE g.op IN ('d', 'r', 'u') AND ` +
    `${equal(
      at,
      locatorColumns(table.live, 'l').map((column) => `g.${column}`),
    )})`;
  const rows = work.connection
    .prepare(
      `SELECT n.tenant_dr_key, ${keyTextOf(table, 'o')}, ${at.join(', ')} FROM (${fresh}) n JOIN ${other} o ON ${matches} ` +
        `WHERE NOT ${leaving} LIMIT 20`,
    )
    .raw()
    .all() as [string, string, ...Place][];
  const walk = new OwnerWalk(work);
  return rows.map(([key, holder, ...place]) => {
    const tenant = walk.of(table, place)?.tenant;
    return {
      kind: 'unique-taken',
      table: table.slice.name,
      key,
      constraint: unique.name,
      other: { table: table.slice.name, key: holder, ...(tenant === undefined ? {} : { tenant }) },
      detail: `${table.slice.name} ${key} can't come back: its value in ${unique.columns.map((c, i) => c ?? unique.expressions[i]).join(', ')} is taken by row ${holder}${tenant === undefined ? '' : ` of tenant ${tenant}`}.`,
      blocking: true,
    };
  });
}

/** A subquery loses the rowid, so it is carried along under a name of its own. */
function withLocator(table: TableWork, query: string): string {
  if (table.live.withoutRowid) return query;
  return query.replace('SELECT *', `SELECT *, ${quote(table.live.rowid as string)} AS tenant_dr_rowid`);
}

function locatorCopy(table: TableWork): string[] {
  return table.live.withoutRowid ? locator(table.live, 'o') : ['o.tenant_dr_rowid'];
}
