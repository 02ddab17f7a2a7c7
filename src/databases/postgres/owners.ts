import type { Link } from '../../engine/slice.ts';
import { linksOf, plainLinksOf, tablesAbove, waypoints } from '../../engine/slice.ts';
import { ident } from './identifiers.ts';
import { portionsOf } from './portions.ts';
import type { Slot, Workspace } from './workspace.ts';
import { columnOf, dropTables, hasLoops } from './workspace.ts';

/** Temporary tables with the owners of all rows of some tables. */
export type Owners = Map<Slot, string>;

/**
 * Finds the owners of all rows of some tables, so that `ownerJoin` looks them up: of those whose ownership loops, and
 * of those that many ways lead over (each key doubles or trebles them). The first key that leads to somebody decides;
 * loops are followed until nothing new is found. `only`: the one table that will be asked about.
 */
export async function findOwners(work: Workspace, only?: Slot): Promise<Owners> {
  const between = waypoints(work.slots.map(({ slice }) => slice));
  const asked = only ? tablesAbove(only, work.byName, linksOf) : new Set(work.slots);
  const kept = work.slots.filter(
    (slot) => asked.has(slot) && (hasLoops([slot.slice]) || between.has(slot.slice.name)),
  );
  const owners: Owners = new Map(kept.map((slot) => [slot, `pg_temp.tdr_owner_${slot.index}`]));
  await dropTables(work.sql, 'owner');
  for (const part of portionsOf(kept))
    await work.sql.run(
      part
        .map(
          ({ index }) => `CREATE TEMP TABLE tdr_owner_${index} (tdr_part oid, tdr_ctid tid, tdr_owner text);`,
        )
        .join('\n'),
    );
  for (const slot of kept) {
    const links = plainLinksOf(slot.slice);
    // All at once would be too many joins where many ways lead over the table.
    const groups = between.has(slot.slice.name) ? links.map((link) => [link]) : [links];
    for (const group of groups) await addOwners(work, slot, group, owners);
  }
  for (let found = hasLoops(kept.map(({ slice }) => slice)) ? 1 : 0; found > 0; ) {
    found = 0;
    for (const slot of kept)
      for (const link of linksOf(slot.slice)) found += await addOwners(work, slot, [link], owners);
  }
  return owners;
}

/** Owners of rows that have none yet, along some of their keys; how many. */
function addOwners(work: Workspace, slot: Slot, links: Link[], owners: Owners): Promise<number> {
  const name = owners.get(slot);
  const { joins, owner } = ownerAlong(work, links, owners, 't');
  return work.sql.run(
    `INSERT INTO ${name} SELECT DISTINCT ON (t.tableoid, t.ctid) t.tableoid, t.ctid, ${owner} FROM ${slot.target} t${joins}
     WHERE ${owner} IS NOT NULL AND NOT EXISTS (SELECT FROM ${name} h WHERE h.tdr_ctid = t.ctid AND h.tdr_part = t.tableoid)`,
  );
}

/**
 * FROM clause that leads each row of a table (t) to its tenant, and the owner's id as text. Joins, not lookups: every
 * row is asked.
 */
export function ownerJoin(
  work: Workspace,
  slot: Slot,
  owners: Owners,
  alias = 't',
): { joins: string; owner: string } {
  const { membership } = slot.slice;
  const kept = owners.get(slot);
  if (kept) {
    const held = `${alias}_o`;
    return {
      joins: ` LEFT JOIN ${kept} ${held} ON ${held}.tdr_ctid = ${alias}.ctid AND ${held}.tdr_part = ${alias}.tableoid`,
      owner: `${held}.tdr_owner`,
    };
  }
  if (membership.via !== 'links') {
    return { joins: '', owner: ownerNamed(work, slot, membership.column, alias) };
  }
  return ownerAlong(work, membership.links, owners, alias);
}

/** The owner of the rows some links lead to: the first that is somebody's decides. */
function ownerAlong(
  work: Workspace,
  links: Link[],
  owners: Owners,
  alias: string,
): { joins: string; owner: string } {
  const ways = links.map((link, i) => {
    const parent = work.byName.get(link.parent) as Slot;
    const inner = `${alias}_${i}`;
    const same = link.columns
      .map((name, n) => `${inner}.${ident(link.parentColumns[n] as string)} = ${alias}.${ident(name)}`)
      .join(' AND ');
    const up = ownerJoin(work, parent, owners, inner);
    return { joins: ` LEFT JOIN ${parent.target} ${inner} ON ${same}${up.joins}`, owner: up.owner };
  });
  return {
    joins: ways.map((way) => way.joins).join(''),
    owner:
      ways.length === 1 ? (ways[0]?.owner ?? 'NULL') : `coalesce(${ways.map((way) => way.owner).join(', ')})`,
  };
}

/**
 * SQL for the owner that a row's tenant column names, as text: as the server prints it, a bytea in hexadecimal digits
 * alone. What equals the id of a tenant and is written otherwise (citext, numeric) as the tenants table writes it, unless
 * that tenant is gone.
 */
export function ownerNamed(work: Workspace, slot: Slot, column: string, alias: string): string {
  const held = `${alias}.${ident(column)}`;
  if (work.tenant.type === 'blob') return `encode(${held}, 'hex')`;
  const root = work.slots.find(({ slice }) => slice.membership.via === 'identity');
  if (!root || root === slot || root.slice.membership.via === 'links') return `${held}::text`;
  const id = root.slice.membership.column;
  if (columnOf(slot, column).exact && columnOf(root, id).exact) return `${held}::text`;
  const known = `(SELECT tdr_root.${ident(id)} FROM ${root.target} tdr_root WHERE tdr_root.${ident(id)} = ${held} LIMIT 1)`;
  return `coalesce(${known}::text, ${held}::text)`;
}
