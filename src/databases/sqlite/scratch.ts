import type { Connection } from './connect.ts';

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
  const wanted = [
    `CREATE TABLE ${name} ${body}`,
    ...indexes.map((columns, i) => `CREATE INDEX "${bare}_index_${i}" ON ${name} (${columns})`),
  ];
  const present = connection
    .prepare('SELECT sql FROM sqlite_temp_schema WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY rowid')
    .pluck()
    .all(bare);
  if (present.length === wanted.length && present.every((sql, i) => sql === wanted[i])) {
    connection.exec(`DELETE FROM temp.${name}`);
    return;
  }
  connection.exec(`DROP TABLE IF EXISTS temp.${name}; CREATE TEMP TABLE ${name} ${body}`);
  for (const [i, columns] of indexes.entries()) {
    connection.exec(`CREATE INDEX temp."${bare}_index_${i}" ON ${name} (${columns})`);
  }
}
