import { MultisetHash } from '../../engine/digest.ts';
import type { OnProgress, TableDigest } from '../../engine/port.ts';
import { readBinary } from './copy-binary.ts';
import { rowHash } from './encoding.ts';
import { ident } from './identifiers.ts';
import type { Slot, Workspace } from './workspace.ts';

/** FROM clause that leads each row of a table (t) to its tenant, and the owner's id as text. Joins, not lookups: every row is asked. */
function ownerJoin(work: Workspace, slot: Slot, alias = 't', depth = 0): { joins: string; owner: string } {
  const { membership } = slot.slice;
  if (membership.via !== 'links') {
    const value = `${alias}.${ident(membership.column)}`;
    return { joins: '', owner: work.tenant.type === 'blob' ? `encode(${value}, 'hex')` : `${value}::text` };
  }
  const ways = membership.links.map((link, i) => {
    const parent = work.byName.get(link.parent) as Slot;
    const inner = `${alias}_${i}`;
    const same = link.columns
      .map((name, j) => `${inner}.${ident(link.parentColumns[j] as string)} = ${alias}.${ident(name)}`)
      .join(' AND ');
    const up = ownerJoin(work, parent, inner, depth + 1);
    return { joins: ` LEFT JOIN ${parent.target} ${inner} ON ${same}${up.joins}`, owner: up.owner };
  });
  const owners = ways.map((way) => way.owner);
  return {
    joins: ways.map((way) => way.joins).join(''),
    owner: owners.length === 1 ? (owners[0] as string) : `coalesce(${owners.join(', ')})`,
  };
}

/** Rows per table and tenant. Rows without a tenant are not counted. */
export async function countAll(work: Workspace): Promise<Record<string, Record<string, number>>> {
  const counts: Record<string, Record<string, number>> = {};
  for (const slot of work.slots) {
    const { joins, owner } = ownerJoin(work, slot);
    const rows = await work.sql.rows(
      `SELECT o, count(*) AS n FROM (SELECT ${owner} AS o FROM ${slot.target} t${joins}) q WHERE o IS NOT NULL GROUP BY o`,
    );
    counts[slot.slice.name] = Object.fromEntries(rows.map((row) => [row.o ?? '', Number(row.n)]));
  }
  return counts;
}

/** Digest of each tenant's rows of each table, one scan a table. */
export async function digestAll(
  work: Workspace,
  onProgress?: OnProgress,
): Promise<Record<string, Record<string, TableDigest>>> {
  const digests: Record<string, Record<string, TableDigest>> = {};
  let done = 0;
  for (const slot of work.slots) {
    const sums = new Map<string, MultisetHash>();
    const { joins, owner } = ownerJoin(work, slot);
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
