import type { Connection } from './connect.ts';

/** Definitions of our tables on a connection, as far as known, and the mark the temporary database bears for that. */
const known = new WeakMap<Connection, { mark: number; tables: Map<string, string> }>();

/**
 * Temporary tables of ours. One that is there with the same definition is emptied instead of made anew: dropping
 * and creating makes SQLite parse its schema and prepare statements again, which for many tenants in one run costs
 * more than their rows.
 * @param name quoted
 * @param indexes column lists
 */
export function scratchTable(
  connection: Connection,
  name: string,
  body: string,
  indexes: string[] = [],
): void {
  const bare = name.slice(1, -1);
  const made = madeOn(connection);
  const wanted = [
    `CREATE TABLE ${name} ${body}`,
    ...indexes.map((columns, i) => `CREATE INDEX "${bare}_index_${i}" ON ${name} (${columns})`),
  ].join(';');
  const present = made.tables.get(name) ?? definition(connection, bare);
  if (present === wanted) {
    connection.exec(`DELETE FROM temp.${name}`);
    made.tables.set(name, wanted);
    return;
  }
  // Whatever fails from here on, on a full disk for one, is not remembered as made.
  made.tables.delete(name);
  connection.exec(`DROP TABLE IF EXISTS temp.${name}; CREATE TEMP TABLE ${name} ${body}`);
  for (const [i, columns] of indexes.entries()) {
    connection.exec(`CREATE INDEX temp."${bare}_index_${i}" ON ${name} (${columns})`);
  }
  made.mark += 1;
  connection.pragma(`temp.user_version = ${made.mark}`);
  made.tables.set(name, wanted);
}

/** SQLite looks for a table's definition by reading all of them. */
function definition(connection: Connection, bare: string): string {
  return connection
    .prepare('SELECT sql FROM sqlite_temp_schema WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY rowid')
    .pluck()
    .all(bare)
    .join(';');
}

/** A rollback that unmakes tables sets their mark back, too: then nothing is known any more. */
function madeOn(connection: Connection): { mark: number; tables: Map<string, string> } {
  const made = known.get(connection) ?? { mark: 0, tables: new Map() };
  known.set(connection, made);
  if (Number(connection.pragma('temp.user_version', { simple: true })) !== made.mark) made.tables.clear();
  return made;
}
