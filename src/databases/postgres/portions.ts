import type { Sql } from './sql.ts';

/**
 * A table made or dropped stays locked until the transaction ends, with its indexes and what holds its long values:
 * some five locks each. The server has room for so many for all sessions together, and hundreds of tables at once would
 * leave none for the application. So many tables are made or dropped, then the locks are let go.
 */
export const tablesAtOnce = 50;

/** Lets go of the locks of a transaction in which nothing has to be undone, and goes on in a new one. */
export async function letGo(sql: Sql): Promise<void> {
  await sql.run('COMMIT; BEGIN');
}

/** The same after every so many tables; `made`: how many there are by now. */
export async function letGoAfter(sql: Sql, made: number): Promise<void> {
  if (made % tablesAtOnce === 0) await letGo(sql);
}

/** A list in parts of at most `tablesAtOnce`. */
export function portionsOf<T>(items: T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < items.length; at += tablesAtOnce) parts.push(items.slice(at, at + tablesAtOnce));
  return parts;
}
