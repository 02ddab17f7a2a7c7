import type { Collected } from '../../engine/port.ts';
import type { Link } from '../../engine/slice.ts';
import type { RelationColumn } from './catalog.ts';
import { castTo, rowHash } from './encoding.ts';
import { insertFitting } from './fit.ts';
import { ident, identList, literal } from './identifiers.ts';
import { findDisagreements } from './ownership.ts';
import { idLiteral, idText } from './tenants.ts';
import type { Slot, Workspace } from './workspace.ts';
import { columnOf, emptied } from './workspace.ts';

/** Finds the rows of one tenant, staged and live, parents first, and copies them into the temporary tables. */
export async function collect(work: Workspace): Promise<Collected> {
  await collectStaged(work);
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
  if (work.stagedAs === 'none' || !work.stage) return;
  for (const slot of work.slots) {
    const raw = work.stage.raw.get(slot.slice.name);
    if (!raw || raw.rows === 0 || !slot.common) continue;
    const member = work.stagedAs === 'whole' ? 'true' : stagedMember(work, slot);
    if (member === null) continue;
    const values = slot.common.map(
      (name) => `${castTo(columnOf(slot, name), `r.${ident(name)}`)} AS ${ident(name)}`,
    );
    const list = slot.common.map((name) => `, ${ident(name)}`).join('');
    // OFFSET 0 keeps the casts from being evaluated twice, once for the hash.
    const select = (range: string): string =>
      `INSERT INTO ${slot.staged} (tdr_n, tdr_hash${list}) SELECT q.tdr_n, ${rowHash('q', slot.common ?? [])}${(slot.common ?? []).map((name) => `, q.${ident(name)}`).join('')}
       FROM (SELECT r.tdr_n${values.map((value) => `, ${value}`).join('')} FROM ${raw.name} r WHERE ${member} ${range} OFFSET 0) q`;
    const found = await insertFitting(work, {
      insert: (from, to) => select(from === null ? '' : `AND r.tdr_n BETWEEN ${from} AND ${to}`),
      candidates: `SELECT r.tdr_n FROM ${raw.name} r WHERE ${member}`,
      culprit: { slot, from: raw.name },
    });
    slot.rows.staged = found.rows;
    work.misfits.push(...found.misfits);
    if (found.rows > 5000) await analyze(work, slot.staged, slot);
  }
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
  const ways = membership.links.flatMap((link) => {
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
    return [`(${child.join(', ')}) IN (SELECT ${held.join(', ')} FROM ${parent.staged} p)`];
  });
  return ways.length === 0 ? null : `(${ways.join(' OR ')})`;
}

/**
 * Copies the tenant's live rows. A live child whose live parent is gone belongs to the tenant when the staged slice
 * holds that parent: the damage that left it an orphan does not make it anybody else's.
 */
export async function collectLive(
  work: Workspace,
  options: { keepEffects: boolean } = { keepEffects: false },
): Promise<void> {
  const empty = emptied(work.slots, options.keepEffects ? ['live'] : ['live', 'want', 'gone']);
  if (empty) await work.sql.run(empty);
  for (const slot of work.slots) {
    await collectLiveTable(work, slot);
    if (slot.rows.live > 5000) await analyze(work, slot.live, slot);
  }
}

export async function collectLiveTable(work: Workspace, slot: Slot): Promise<void> {
  const member = liveMember(work, slot);
  slot.rows.live = member === null ? 0 : await work.sql.run(copyLive(slot, member));
}

export function copyLive(slot: Slot, member: string): string {
  const list = slot.columns.map((name) => `, ${ident(name)}`).join('');
  const values = slot.columns.map((name) => `, t.${ident(name)}`).join('');
  return `INSERT INTO ${slot.live} (tdr_part, tdr_ctid, tdr_hash${list}) SELECT t.tableoid, t.ctid, ${rowHash('t', slot.columns)}${values} FROM ${slot.target} t WHERE ${member}`;
}

/** Condition on a live row (t) that it is the tenant's; null when nothing can be. */
export function liveMember(work: Workspace, slot: Slot): string | null {
  const { membership } = slot.slice;
  if (membership.via !== 'links') return `t.${ident(membership.column)} = ${idLiteral(work.tenant)}`;
  const ways = membership.links.flatMap((link) => linkWays(work, slot, link));
  if (ways.length === 0) return null;
  if (ways.length === 1) return ways[0] as string;
  // Each way can use its own index; an OR of them would read the whole table.
  const each = ways.map((way) => `SELECT t.tableoid, t.ctid FROM ${slot.target} t WHERE ${way}`);
  return `(t.tableoid, t.ctid) IN (${each.join(' UNION ')})`;
}

function linkWays(work: Workspace, slot: Slot, link: Link): string[] {
  const parent = work.byName.get(link.parent);
  if (!parent) return [];
  const child = identList(link.columns, 't');
  const ways: string[] = [];
  if (parent.rows.live > 0)
    ways.push(`(${child}) IN (SELECT ${identList(link.parentColumns, 'p')} FROM ${parent.live} p)`);
  const held = link.parentColumns.every((name) => parent.common?.includes(name));
  if (held && parent.rows.staged > 0 && !enforced(slot, link)) {
    const same = link.parentColumns.map((name) => `q.${ident(name)} = p.${ident(name)}`).join(' AND ');
    ways.push(
      `(${child}) IN (SELECT ${identList(link.parentColumns, 'p')} FROM ${parent.staged} p WHERE NOT EXISTS (SELECT FROM ${parent.target} q WHERE ${same}))`,
    );
  }
  return ways;
}

/** A validated foreign key leaves no orphans to adopt. */
function enforced(slot: Slot, link: Link): boolean {
  return slot.relation.foreignKeys.some(
    (key) =>
      key.validated &&
      !key.period &&
      key.table === link.parent &&
      key.columns.join('\n') === link.columns.join('\n'),
  );
}

async function analyze(work: Workspace, name: string, slot: Slot): Promise<void> {
  const wanted = new Set(
    slot.relation.columns
      .filter((column: RelationColumn) => isJoined(slot, column.name))
      .map((column) => column.name),
  );
  const columns = slot.columns.filter(
    (column) => wanted.has(column) && (name === slot.live || slot.common?.includes(column)),
  );
  if (columns.length > 0) await work.sql.run(`ANALYZE ${name} (${identList(columns)})`);
}

function isJoined(slot: Slot, name: string): boolean {
  const { foreignKeys, referencedBy, primaryKey } = slot.relation;
  return (
    primaryKey.includes(name) ||
    foreignKeys.some((key) => key.columns.includes(name)) ||
    referencedBy.some((key) => key.parentColumns.includes(name))
  );
}
