import { MultisetHash } from '../../engine/digest.ts';
import type { OnProgress, TableDigest } from '../../engine/port.ts';
import type { Link } from '../../engine/slice.ts';
import { linksOf } from '../../engine/slice.ts';
import { readBinary } from './copy-binary.ts';
import { rowHash } from './encoding.ts';
import { ident } from './identifiers.ts';
import { relationOf, type Structure } from './introspect.ts';
import type { Sql } from './sql.ts';
import type { Slot, Workspace } from './workspace.ts';
import { dropTables, hasLoops, targetOf } from './workspace.ts';

/** FROM clause that leads each row of a table (t) to its tenant, and the owner's id as text. Joins, not lookups: every row is asked. */
function ownerJoin(
  work: Workspace,
  slot: Slot,
  owners: Owners,
  alias = 't',
): { joins: string; owner: string } {
  const { membership } = slot.slice;
  const looping = owners.get(slot);
  if (looping) {
    const held = `${alias}_o`;
    return {
      joins: ` LEFT JOIN ${looping} ${held} ON ${held}.tdr_ctid = ${alias}.ctid AND ${held}.tdr_part = ${alias}.tableoid`,
      owner: `${held}.tdr_owner`,
    };
  }
  if (membership.via !== 'links') {
    const value = `${alias}.${ident(membership.column)}`;
    return { joins: '', owner: work.tenant.type === 'blob' ? `encode(${value}, 'hex')` : `${value}::text` };
  }
  const ways = membership.links.map((link, i) => ownerThrough(work, link, owners, alias, i));
  const each = ways.map((way) => way.owner);
  return {
    joins: ways.map((way) => way.joins).join(''),
    owner: each.length === 1 ? (each[0] as string) : `coalesce(${each.join(', ')})`,
  };
}

/** The owner of the row a link leads to. */
function ownerThrough(
  work: Workspace,
  link: Link,
  owners: Owners,
  alias: string,
  way: number,
): { joins: string; owner: string } {
  const parent = work.byName.get(link.parent) as Slot;
  const inner = `${alias}_${way}`;
  const same = link.columns
    .map((name, i) => `${inner}.${ident(link.parentColumns[i] as string)} = ${alias}.${ident(name)}`)
    .join(' AND ');
  const up = ownerJoin(work, parent, owners, inner);
  return { joins: ` LEFT JOIN ${parent.target} ${inner} ON ${same}${up.joins}`, owner: up.owner };
}

/** Temporary tables with the owners of rows whose ownership loops, or takes many joins to find. */
type Owners = Map<Slot, string>;

/** Finds those owners: first by plain links, then along the loops until nothing new is found. */
async function findOwners(work: Workspace): Promise<Owners> {
  const owners: Owners = new Map();
  await dropTables(work.sql, 'owner');
  await shorten(work, beforeLoops(work), owners);
  const looping: Owners = new Map();
  for (const slot of work.slots)
    if (hasLoops([slot.slice])) looping.set(slot, await keepOwners(work, slot, owners));
  const known = new Map([...owners, ...looping]);
  for (let more = 1; more > 0; ) {
    more = 0;
    for (const [slot, name] of looping) {
      for (const [i, link] of linksOf(slot.slice).entries())
        more += await addOwners(work, slot, name, ownerThrough(work, link, known, 't', i));
    }
  }
  await shorten(work, work.slots, known);
  return known;
}

async function keepOwners(work: Workspace, slot: Slot, owners: Owners): Promise<string> {
  const name = `tdr_owner_${slot.index}`;
  await work.sql.run(`CREATE TEMP TABLE ${name} (tdr_part oid, tdr_ctid tid, tdr_owner text)`);
  await addOwners(work, slot, `pg_temp.${name}`, ownerJoin(work, slot, owners));
  return `pg_temp.${name}`;
}

function addOwners(
  { sql }: Workspace,
  slot: Slot,
  name: string,
  way: { joins: string; owner: string },
): Promise<number> {
  return sql.run(
    `INSERT INTO ${name} SELECT DISTINCT ON (t.tableoid, t.ctid) t.tableoid, t.ctid, ${way.owner} FROM ${slot.target} t${way.joins}
     WHERE ${way.owner} IS NOT NULL AND NOT EXISTS (SELECT FROM ${name} h WHERE h.tdr_ctid = t.ctid AND h.tdr_part = t.tableoid)`,
  );
}

/** With many more joins the server plans for seconds, and every table on the way multiplies them. */
const joinsAtMost = 16;

/** Where a table's rows take more joins, the owners of its parents' rows are kept beside them. Parents come first. */
async function shorten(work: Workspace, slots: Slot[], owners: Owners): Promise<void> {
  const joins = new Map<Slot, number>();
  for (const slot of slots) {
    const parents = parentsOf(work, slot);
    const own = (): number => parents.reduce((sum, parent) => sum + 1 + (joins.get(parent) ?? 0), 0);
    for (const parent of parents) {
      if (own() <= joinsAtMost) break;
      if (owners.has(parent) || parentsOf(work, parent).length === 0) continue;
      owners.set(parent, await keepOwners(work, parent, owners));
      joins.set(parent, 1);
    }
    joins.set(slot, owners.has(slot) ? 1 : own());
  }
}

function parentsOf(work: Workspace, { slice }: Slot): Slot[] {
  const links = slice.membership.via === 'links' ? slice.membership.links : [];
  return links.map((link) => work.byName.get(link.parent) as Slot);
}

/** Tables from which no way to the tenant leads through a table whose ownership loops. */
function beforeLoops(work: Workspace): Slot[] {
  const found = new Set<Slot>();
  for (const slot of work.slots)
    if (!hasLoops([slot.slice]) && parentsOf(work, slot).every((parent) => found.has(parent)))
      found.add(slot);
  return [...found];
}

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
