import type { Link } from '../../engine/slice.ts';
import { linksOf } from '../../engine/slice.ts';
import { rowHash } from './encoding.ts';
import { whichHold } from './holding.ts';
import { ident, identList } from './identifiers.ts';
import { looseCondition, looseMember } from './loose.ts';
import type { Row } from './sql.ts';
import { prepareJoins } from './statistics.ts';
import { idLiteral } from './tenants.ts';
import type { Slot, Workspace } from './workspace.ts';
import { emptied, followLoops, hasLoops, make } from './workspace.ts';

/**
 * The tenant's live rows in the temporary tables. Each row is kept with its place and the transaction that wrote it
 * (ctid, xmin): while both are the same it is the same version, and need not be read again.
 *
 * A live child whose live parent is gone belongs to the tenant when the staged slice holds that parent: the damage
 * that left it an orphan does not make it anybody else's. Neither does damage that cleared its own key (`loose.ts`).
 */
export async function collectLive(work: Workspace): Promise<void> {
  const empty = emptied(work.slots, ['want', 'gone']);
  if (empty) await work.sql.run(empty);
  await findReturning(work);
  await refreshLive(work);
  if (await noticeLoose(work)) await refreshLive(work);
}

/**
 * Which parents have staged rows whose key no live row has, so that orphans may be waiting for them. Foreign keys
 * forbid orphans, but damage done with triggers off leaves them.
 */
async function findReturning(work: Workspace): Promise<void> {
  const asked = new Map<string, string>();
  for (const slot of work.slots) {
    for (const link of linksOf(slot.slice)) {
      const parent = work.byName.get(link.parent);
      if (
        !parent ||
        parent.rows.staged === 0 ||
        !link.parentColumns.every((name) => parent.common?.includes(name))
      )
        continue;
      asked.set(linkKey(link), `EXISTS (SELECT FROM ${parent.staged} p WHERE ${absent(parent, link)})`);
    }
  }
  work.returning = await whichHold(work.sql, asked);
}

/** Finds the tables in which rows were cut loose, once it is known which staged rows the live slice lacks. */
async function noticeLoose(work: Workspace): Promise<boolean> {
  const asked = work.slots.flatMap((slot) => {
    const condition = looseCondition(work, slot);
    return condition === null ? [] : [[slot.slice.name, condition] as const];
  });
  work.loose = await whichHold(work.sql, new Map(asked));
  return work.loose.size > 0;
}

function linkKey(link: Link): string {
  return [link.parent, ...link.parentColumns].join('\n');
}

/** No live row of the parent, of any tenant, has this staged row's (p) key. */
function absent(parent: Slot, link: Link): string {
  const same = link.parentColumns.map((name) => `q.${ident(name)} = p.${ident(name)}`).join(' AND ');
  return `NOT EXISTS (SELECT FROM ${parent.target} q WHERE ${same})`;
}

/** Reads again what changed since the live rows were read last; true when anything did. Effects stay as they are. */
export async function refreshLive(work: Workspace): Promise<boolean> {
  const stale = await staleTables(work);
  // A table that changed may change which rows of the tables after it are the tenant's.
  const from = work.slots.findIndex((slot) => stale.includes(slot));
  if (from < 0) return false;
  if (hasLoops(work.shape.tables)) {
    await collectAll(work);
    return true;
  }
  for (const slot of work.slots.slice(from)) {
    if (slot.known && !stale.includes(slot) && (await sameVersions(work, slot))) continue;
    await collectLiveTable(work, slot);
  }
  return true;
}

/** Tables whose live rows are not the versions collected, asked in one message. */
export async function staleTables(work: Workspace): Promise<Slot[]> {
  const unknown = work.slots.filter((slot) => !slot.known);
  const asked = work.slots.filter(
    (slot) => slot.known && (slot.rows.live > 0 || liveMember(work, slot) !== null),
  );
  const queries = asked.flatMap((slot) => {
    const member = liveMember(work, slot);
    return member === null ? [] : [{ slot, query: `SELECT ${versionCounts(slot, member, false)}` }];
  });
  const results = await work.sql.each(queries.map(({ query }) => query));
  const same = new Set(queries.flatMap(({ slot }, i) => (holds(slot, results[i]?.[0]) ? [slot] : [])));
  return [...unknown, ...asked.filter((slot) => !same.has(slot))];
}

function versionCounts(slot: Slot, member: string, lock: boolean): string {
  const order =
    lock && slot.relation.primaryKey.length > 0
      ? ` ORDER BY ${identList(slot.relation.primaryKey, 't')}`
      : '';
  const now = `SELECT t.tableoid AS part, t.ctid AS at, t.xmin AS by FROM ${slot.target} t WHERE ${member}${order}${lock ? ' FOR UPDATE OF t' : ''}`;
  if (slot.rows.live === 0) return `count(*) AS n, count(*) AS new FROM (${now}) now`;
  return `count(*) AS n, count(*) FILTER (WHERE l.tdr_ctid IS NULL) AS new FROM (${now}) now
    LEFT JOIN ${slot.live} l ON l.tdr_ctid = now.at AND l.tdr_part = now.part AND l.tdr_xmin = now.by`;
}

/** Reads all live rows again; where ownership loops, until nothing new is found. `pause` comes after each table. */
export async function collectAll(work: Workspace, pause?: (looked: number) => Promise<void>): Promise<void> {
  for (const [i, slot] of work.slots.entries()) {
    await collectLiveTable(work, slot);
    await pause?.(i + 1);
  }
  await followLoops(work.slots, (slot) => growLive(work, slot, 'true'));
}

/** Adds live rows that belong through rows found since. */
async function growLive(work: Workspace, slot: Slot, condition: string): Promise<number> {
  const member = slot.slice.membership.via === 'links' ? liveMember(work, slot) : null;
  if (member === null) return 0;
  const held = `EXISTS (SELECT FROM ${slot.live} h WHERE h.tdr_ctid = t.ctid AND h.tdr_part = t.tableoid)`;
  return addLive(work, slot, `${member} AND ${condition} AND NOT ${held}`);
}

/** Adds the live rows that meet a condition; how many. For none no table is made. */
async function addLive(work: Workspace, slot: Slot, condition: string): Promise<number> {
  if (!slot.made.has('live')) {
    const any = `SELECT EXISTS (SELECT FROM ${slot.target} t WHERE ${condition})`;
    if ((await work.sql.value(any)) === 'f') return 0;
    await make(work.sql, 'live', slot);
  }
  const found = await work.sql.run(copyLive(slot, condition));
  slot.rows.live += found;
  return found;
}

export async function collectLiveTable(work: Workspace, slot: Slot): Promise<void> {
  if (slot.rows.live > 0) await work.sql.run(emptied([slot], ['live']));
  const member = liveMember(work, slot);
  if (member !== null) await addLive(work, slot, member);
  slot.known = true;
  await prepareJoins(work, slot, 'live');
}

/** Whether the table's live rows are exactly the versions collected. `lock` holds them from now on, in key order. */
export async function sameVersions(work: Workspace, slot: Slot, lock = false): Promise<boolean> {
  const member = liveMember(work, slot);
  if (member === null) return slot.rows.live === 0;
  const [row] = await work.sql.rows(`SELECT ${versionCounts(slot, member, lock)}`);
  return holds(slot, row);
}

/** The same for all tables in one message, each a statement of its own, in order. Only `keep` tables stay unlocked. */
export async function sameVersionsAll(work: Workspace): Promise<boolean> {
  const asked: { slot: Slot; query: string }[] = [];
  for (const slot of work.slots) {
    const member = liveMember(work, slot);
    if (member !== null)
      asked.push({ slot, query: `SELECT ${versionCounts(slot, member, slot.slice.mode !== 'keep')}` });
    else if (slot.rows.live > 0) return false;
  }
  const results = await work.sql.each(asked.map(({ query }) => query));
  return asked.every(({ slot }, i) => holds(slot, results[i]?.[0]));
}

function holds(slot: Slot, row: Row | undefined): boolean {
  return Number(row?.new) === 0 && Number(row?.n) === slot.rows.live;
}

function copyLive(slot: Slot, member: string): string {
  const list = slot.columns.map((name) => `, ${ident(name)}`).join('');
  const values = slot.columns.map((name) => `, t.${ident(name)}`).join('');
  return `INSERT INTO ${slot.live} (tdr_part, tdr_ctid, tdr_xmin, tdr_hash${list}) SELECT t.tableoid, t.ctid, t.xmin, ${rowHash('t', slot.columns)}${values} FROM ${slot.target} t WHERE ${member}`;
}

/** After our own change: takes what it wrote over into the live rows, and leaves all others alone. */
export async function followChange(work: Workspace): Promise<void> {
  const same = (holder: string): string =>
    `l.tdr_ctid = ${holder}.tdr_ctid AND l.tdr_part = ${holder}.tdr_part`;
  for (const slot of work.slots) {
    for (const [kind, holder] of [
      ['gone', slot.gone],
      ['want', slot.want],
    ] as const) {
      if (slot.rows[kind] === 0 || slot.rows.live === 0) continue;
      slot.rows.live -= await work.sql.run(`DELETE FROM ${slot.live} l USING ${holder} x WHERE ${same('x')}`);
    }
  }
  const ours = 't.xmin = pg_current_xact_id()::xid';
  for (const slot of work.slots) {
    const member = slot.rows.want > 0 ? liveMember(work, slot) : null;
    if (member !== null) await addLive(work, slot, `${member} AND ${ours}`);
  }
  await followLoops(work.slots, async (slot) => (slot.rows.want > 0 ? growLive(work, slot, ours) : 0));
}

/** Condition on a live row (t) that it is the tenant's; null when nothing can be. */
export function liveMember(work: Workspace, slot: Slot): string | null {
  const { name, membership } = slot.slice;
  const ways =
    membership.via === 'links'
      ? linksOf(slot.slice).flatMap((link) => linkWays(work, link))
      : [`t.${ident(membership.column)} = ${idLiteral(work.tenant)}`];
  if (work.loose.has(name)) ways.push(looseMember(work, slot));
  if (ways.length === 0) return null;
  if (ways.length === 1) return ways[0] as string;
  // Each way can use its own index; an OR of them would read the whole table.
  const each = ways.map((way) => `SELECT t.tableoid, t.ctid FROM ${slot.target} t WHERE ${way}`);
  return `(t.tableoid, t.ctid) IN (${each.join(' UNION ')})`;
}

function linkWays(work: Workspace, link: Link): string[] {
  const parent = work.byName.get(link.parent);
  if (!parent) return [];
  const child = identList(link.columns, 't');
  const ways: string[] = [];
  if (parent.rows.live > 0)
    ways.push(`(${child}) IN (SELECT ${identList(link.parentColumns, 'p')} FROM ${parent.live} p)`);
  if (work.returning.has(linkKey(link))) {
    ways.push(
      `(${child}) IN (SELECT ${identList(link.parentColumns, 'p')} FROM ${parent.staged} p WHERE ${absent(parent, link)})`,
    );
  }
  return ways;
}
