import type { Collected } from '../../engine/port.ts';
import { linksOf } from '../../engine/slice.ts';
import { castTo, rowHash } from './encoding.ts';
import { insertFitting } from './fit.ts';
import { ident, literal } from './identifiers.ts';
import { collectLive } from './live.ts';
import { findDisagreements } from './ownership.ts';
import { prepareJoins } from './statistics.ts';
import { idLiteral, idText } from './tenants.ts';
import type { Slot, Workspace } from './workspace.ts';
import { columnOf, emptied, followLoops, hasLoops, make } from './workspace.ts';

/** Finds the rows of one tenant, staged and live, parents first, and copies them into the temporary tables. */
export async function collect(work: Workspace): Promise<Collected> {
  if (!work.stagedKnown) await collectStaged(work);
  await collectLive(work);
  const tables = Object.fromEntries(
    work.slots.map((slot) => [slot.slice.name, { live: slot.rows.live, staged: slot.rows.staged }]),
  );
  return { tables, disagreements: await findDisagreements(work) };
}

export async function collectStaged(work: Workspace): Promise<void> {
  const empty = emptied(work.slots, ['staged']);
  if (empty) await work.sql.run(empty);
  work.misfits = [];
  work.bared = false;
  if (work.stagedAs === 'none' || !work.stage) return;
  for (const slot of work.slots) await addStaged(work, slot);
  if (work.stagedAs === 'slice' && hasLoops(work.shape.tables)) {
    await followLoops(work.slots, (slot) => addStaged(work, slot));
    // A row that does not fit was tried in every round.
    work.misfits = [
      ...new Map(work.misfits.map((misfit) => [`${misfit.table} ${misfit.key}`, misfit])).values(),
    ];
  }
  for (const slot of work.slots) await prepareJoins(work, slot, 'staged');
}

/** Adds the staged rows that belong to the tenant as far as is known, and are not there yet; how many there were. */
export async function addStaged(work: Workspace, slot: Slot): Promise<number> {
  const raw = work.stage?.raw.get(slot.slice.name);
  if (!raw || raw.rows === 0 || !slot.common) return 0;
  const { common } = slot;
  const belongs = work.stagedAs === 'whole' ? 'true' : stagedMember(work, slot);
  if (belongs === null) return 0;
  await make(work.sql, 'staged', slot);
  const fresh =
    slot.rows.staged > 0 ? ` AND NOT EXISTS (SELECT FROM ${slot.staged} h WHERE h.tdr_n = r.tdr_n)` : '';
  const member = `${belongs}${fresh}`;
  const values = (known: (name: string) => boolean): string =>
    common
      .map((name) => {
        const column = columnOf(slot, name);
        const value = known(name) ? castTo(column, `r.${ident(name)}`) : `NULL::${column.type}`;
        return `, ${value} AS ${ident(name)}`;
      })
      .join('');
  const list = common.map((name) => `, ${ident(name)}`).join('');
  const taken = common.map((name) => `, q.${ident(name)}`).join('');
  // OFFSET 0 keeps the casts from being evaluated twice, once for the hash.
  const select = (range: string, known: (name: string) => boolean = () => true): string =>
    `INSERT INTO ${slot.staged} (tdr_n, tdr_hash${list}) SELECT q.tdr_n, ${rowHash('q', common)}${taken}
     FROM (SELECT r.tdr_n${values(known)} FROM ${raw.name} r WHERE ${member} ${range} OFFSET 0) q`;
  const found = await insertFitting(work, {
    insert: (from, to) => select(from === null ? '' : `AND r.tdr_n BETWEEN ${from} AND ${to}`),
    candidates: `SELECT r.tdr_n FROM ${raw.name} r WHERE ${member}`,
    culprit: { slot, from: raw.name },
    ...(slot.slice.mode === 'keep' ? { bare: (n) => select(`AND r.tdr_n = ${n}`, telling(work, slot)) } : {}),
  });
  slot.rows.staged += found.rows;
  work.misfits.push(...found.misfits);
  work.bared ||= found.bared;
  return found.rows;
}

/**
 * Columns by which rows of a table belong, and others through them. Of a table that keeps its rows no more is needed: its
 * own rows are not written, but whoever belongs through one must be found.
 */
function telling(work: Workspace, slot: Slot): (name: string) => boolean {
  const { membership, name: table } = slot.slice;
  const through = work.slots.flatMap(({ slice }) => linksOf(slice)).filter(({ parent }) => parent === table);
  const names = new Set([
    ...slot.key,
    ...(membership.via === 'links' ? [] : [membership.column]),
    ...linksOf(slot.slice).flatMap(({ columns }) => columns),
    ...through.flatMap(({ parentColumns }) => parentColumns),
  ]);
  return (name) => names.has(name);
}

/** Condition on a raw staged row (r) that it is the tenant's; null when nothing can be. */
function stagedMember(work: Workspace, slot: Slot): string | null {
  const { membership } = slot.slice;
  if (membership.via !== 'links') {
    if (!slot.common?.includes(membership.column)) return null;
    const column = columnOf(slot, membership.column);
    const value = `r.${ident(column.name)}`;
    return column.exact
      ? `${value} = ${literal(idText(work.tenant))}`
      : `${castTo(column, value)} = ${idLiteral(work.tenant)}`;
  }
  const ways = linksOf(slot.slice).flatMap((link) => {
    const parent = work.byName.get(link.parent);
    if (!parent || parent.rows.staged === 0 || !link.columns.every((name) => slot.common?.includes(name)))
      return [];
    if (!link.parentColumns.every((name) => parent.common?.includes(name))) return [];
    const pairs = link.columns.map(
      (name, i) => [columnOf(slot, name), columnOf(parent, link.parentColumns[i] as string)] as const,
    );
    const exact = pairs.every(([child, held]) => child.exact && held.exact);
    const child = pairs.map(([column]) =>
      exact ? `r.${ident(column.name)}` : castTo(column, `r.${ident(column.name)}`),
    );
    const held = pairs.map(([, column]) => `p.${ident(column.name)}${exact ? '::text' : ''}`);
    const keys = `SELECT ${held.join(', ')} FROM ${parent.staged} p`;
    // Without statistics of its own for each tenant the planner would read all tenants' rows once per tenant.
    const few = work.stage?.raw.get(slot.slice.name)?.indexed && parent.rows.staged <= 1000;
    return exact && few && child.length === 1
      ? [`${child[0]} = ANY (ARRAY(${keys}))`]
      : [`(${child.join(', ')}) IN (${keys})`];
  });
  return ways.length === 0 ? null : `(${ways.join(' OR ')})`;
}
