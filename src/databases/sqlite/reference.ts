import type { Link } from '../../engine/slice.ts';
import { quote } from './identifiers.ts';
import type { SqliteTable } from './introspect.ts';
import type { Workspace } from './workspace.ts';
import { affinityIn, keyCollations, theTenant } from './workspace.ts';

/**
 * "this child refers to this parent", compared as a foreign key compares: by the collation of the parent's key, the
 * child's value converted as the parent's column would store it (SQLite documentation, "Foreign Key Support", 3).
 * @param at aliases, or the parent's key as expressions that carry its affinity
 */
export function refersTo(
  link: Pick<Link, 'columns' | 'parentColumns'>,
  child: { table: SqliteTable; alias: string },
  parent: { table: SqliteTable; at: string | string[] },
): string {
  const collations = keyCollations(parent.table, link.parentColumns);
  return link.columns
    .map((column, i) => {
      const key = link.parentColumns[i] as string;
      const holder = typeof parent.at === 'string' ? `${parent.at}.${quote(key)}` : parent.at[i];
      const value = converted(
        `${child.alias}.${quote(column)}`,
        affinityIn(child.table, column),
        affinityIn(parent.table, key),
      );
      return `${value} = ${holder} COLLATE ${quote(collations[i] as string)}`;
    })
    .join(' AND ');
}

/** "this row's tenant column holds the tenant's id", compared as a foreign key to the tenants table would. */
export function ownColumn({ root }: Workspace, table: SqliteTable, alias: string, column: string): string {
  const link = { columns: [column], parentColumns: [root.column] };
  return refersTo(link, { table, alias }, { table: root.table, at: [theTenant] });
}

/** The child's value as the parent would store it, where SQLite's comparison of two columns does not do that itself. */
function converted(value: string, child: string, parent: string): string {
  if (child === parent) return value;
  if (parent === 'TEXT') {
    return child === ''
      ? `CASE WHEN typeof(${value}) IN ('integer', 'real') THEN CAST(${value} AS TEXT) ELSE ${value} END`
      : `CAST(${value} AS TEXT)`;
  }
  return parent === '' ? `+${value}` : value;
}
