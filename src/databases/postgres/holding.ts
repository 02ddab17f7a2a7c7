import { portionsOf } from './portions.ts';
import type { Sql } from './sql.ts';

/** The names whose condition holds, asked in as few statements as a select list and the server's locks allow. */
export async function whichHold(sql: Sql, conditions: Map<string, string>): Promise<Set<string>> {
  const holding = new Set<string>();
  for (const part of portionsOf([...conditions])) {
    const [row] = await sql.rows(
      `SELECT ${part.map(([, condition], i) => `${condition} AS r${i}`).join(', ')}`,
    );
    for (const [i, [name]] of part.entries()) if (row?.[`r${i}`] === 't') holding.add(name);
  }
  return holding;
}
