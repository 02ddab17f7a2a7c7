import type { Conflict } from '../../engine/plan.ts';
import type { Link } from '../../engine/slice.ts';
import { keyText } from './encoding.ts';
import { whichHold } from './holding.ts';
import { ident } from './identifiers.ts';
import { ownerThrough } from './owner-lookup.ts';
import { idLiteral } from './tenants.ts';
import type { Slot, Workspace } from './workspace.ts';
import { namingColumns } from './workspace.ts';

/** At most this many rows are named per table and finding: a report is for people. */
export const named = 20;

/** A key of the slice by which a row may be another tenant's. */
interface Doubtful {
  slot: Slot;
  link: Link;
  /** Ownership itself goes through keys. */
  inherits: boolean;
}

/**
 * Rows of the slice one of whose keys leads to another tenant. Where ownership itself goes through keys the row
 * has two owners; where a tenant column decides, it is only reported.
 */
export async function findDisagreements(work: Workspace): Promise<Conflict[]> {
  const doubtful = new Map<string, Doubtful>();
  for (const slot of work.slots) {
    if (slot.rows.live === 0) continue;
    const { membership, crossLinks } = slot.slice;
    const inherits = membership.via === 'links';
    const links = inherits ? membership.links : crossLinks;
    if (inherits && links.length < 2) continue;
    for (const link of links)
      if (work.byName.has(link.parent)) doubtful.set(`${doubtful.size}`, { slot, link, inherits });
  }
  // Nearly always every key leads to a row of this tenant. Only where one does not is it asked whose that row is.
  const led = await whichHold(
    work.sql,
    new Map([...doubtful].map(([name, one]) => [name, `EXISTS (SELECT FROM ${elsewhere(work, one)})`])),
  );
  const conflicts: Conflict[] = [];
  for (const name of led) conflicts.push(...(await disagreeing(work, doubtful.get(name) as Doubtful)));
  return conflicts;
}

/** Rows of the slice (t) with a key that leads to no row of it; what follows FROM. */
function elsewhere(work: Workspace, { slot, link }: Doubtful): string {
  const parent = work.byName.get(link.parent) as Slot;
  const same = link.columns
    .map((name, i) => `p.${ident(link.parentColumns[i] as string)} = t.${ident(name)}`)
    .join(' AND ');
  const own = parent.rows.live > 0 ? `NOT EXISTS (SELECT FROM ${parent.live} p WHERE ${same})` : 'true';
  return `${slot.live} t WHERE ${link.columns.map((name) => `t.${ident(name)} IS NOT NULL`).join(' AND ')} AND ${own}`;
}

async function disagreeing(work: Workspace, doubtful: Doubtful): Promise<Conflict[]> {
  const { slot, link, inherits } = doubtful;
  const rows = await work.sql.rows(
    `SELECT q.k, q.o FROM (SELECT ${keyText('t', namingColumns(slot.relation))} AS k, ${ownerThrough(work, link, 't')} AS o
       FROM ${elsewhere(work, doubtful)} OFFSET 0) q
     WHERE q.o IS NOT NULL AND q.o <> ${idLiteral(work.tenant)} LIMIT ${named}`,
  );
  return rows.map((row) => {
    const key = row.k ?? '';
    const tenant = row.o ?? '';
    return {
      kind: 'paths-disagree',
      table: slot.slice.name,
      key,
      constraint: link.columns.join(', '),
      other: { table: link.parent, tenant },
      detail: inherits
        ? `${slot.slice.name} ${key} belongs to this tenant by one key and to tenant ${tenant} by ${link.columns.join(', ')}.`
        : `${slot.slice.name} ${key} is this tenant's, but its ${link.columns.join(', ')} leads to a row of tenant ${tenant}.`,
      blocking: false,
    };
  });
}
