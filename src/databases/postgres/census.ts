import { MultisetHash } from '../../engine/digest.ts';
import type { OnProgress, TableDigest } from '../../engine/port.ts';
import { readBinary } from './copy-binary.ts';
import { rowHash } from './encoding.ts';
import { relationOf, type Structure } from './introspect.ts';
import { findOwners, ownerJoin } from './owners.ts';
import type { Sql } from './sql.ts';
import type { Workspace } from './workspace.ts';
import { targetOf } from './workspace.ts';

/** Rows per table and tenant. Rows without a tenant are not counted. */
export async function countAll(work: Workspace): Promise<Record<string, Record<string, number>>> {
  const owners = await findOwners(work);
  const counts: Record<string, Record<string, number>> = {};
  for (const slot of work.slots) {
    const { joins, owner } = ownerJoin(work, slot, owners);
    const rows = await work.sql.rows(
      `SELECT o, count(*) AS n FROM (SELECT ${owner} AS o FROM ${slot.target} t${joins}) q WHERE o IS NOT NULL GROUP BY o`,
    );
    counts[slot.slice.name] = Object.fromEntries(rows.map((row) => [row.o ?? '', Number(row.n)]));
  }
  return counts;
}

/** Rows of tables, whoever they belong to. */
export async function countTables(
  sql: Sql,
  structure: Structure,
  names: string[],
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) {
    const [row] = await sql.rows(`SELECT count(*) AS n FROM ${targetOf(sql, relationOf(structure, name))}`);
    counts[name] = Number(row?.n);
  }
  return counts;
}

/** Tables that hold rows of which none belongs to a tenant. */
export async function ownerless(work: Workspace): Promise<string[]> {
  const owners = await findOwners(work);
  const found: string[] = [];
  for (const slot of work.slots) {
    const { joins, owner } = ownerJoin(work, slot, owners);
    const any = `EXISTS (SELECT FROM ${slot.target} t)`;
    const owned = `EXISTS (SELECT FROM ${slot.target} t${joins} WHERE ${owner} IS NOT NULL)`;
    if ((await work.sql.value(`SELECT ${any} AND NOT ${owned}`)) === 't') found.push(slot.slice.name);
  }
  return found;
}

/** Digest of each tenant's rows of each table, one scan a table. */
export async function digestAll(
  work: Workspace,
  onProgress?: OnProgress,
): Promise<Record<string, Record<string, TableDigest>>> {
  const owners = await findOwners(work);
  const digests: Record<string, Record<string, TableDigest>> = {};
  let done = 0;
  for (const slot of work.slots) {
    const sums = new Map<string, MultisetHash>();
    const { joins, owner } = ownerJoin(work, slot, owners);
    await readBinary(
      work.sql,
      `SELECT ${owner}, ${rowHash('t', slot.columns)} FROM ${slot.target} t${joins}`,
      (fields) => {
        if (fields[0] === null || fields[0] === undefined) return;
        const tenant = fields[0].toString('utf8');
        const sum = sums.get(tenant) ?? new MultisetHash();
        sums.set(tenant, sum);
        sum.add(fields[1] as Buffer);
      },
    );
    digests[slot.slice.name] = Object.fromEntries(
      [...sums].map(([tenant, sum]) => [tenant, sum.finish(slot.slice.name, slot.columns)]),
    );
    onProgress?.({ phase: 'digesting', done: ++done, total: work.slots.length, unit: 'tables' });
  }
  return digests;
}
