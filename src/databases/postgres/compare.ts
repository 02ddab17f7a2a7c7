import type { TableEffects } from '../../engine/plan.ts';
import { readEffects } from './effects.ts';
import { differs, hashKey, keyText, rowHash, rowText, scalarFor } from './encoding.ts';
import { insertFitting } from './fit.ts';
import { ident, literal } from './identifiers.ts';
import type { Slot, Workspace } from './workspace.ts';
import { columnOf, emptied, make, sameKey } from './workspace.ts';

/** Differences before the table's mode left some out. */
export interface Differences {
  insert: number;
  update: number;
  delete: number;
}

/**
 * Effects of one table: fills `want` with rows to insert (tdr_kind i) or change (u) as they shall be, `gone` with
 * rows to delete. What the mode does not allow is counted and left out, and so are unticked rows. `expected`: see
 * `countDifferences`; what is not expected is not looked for.
 */
export async function compareTable(
  work: Workspace,
  slot: Slot,
  expected?: Differences,
): Promise<Differences> {
  const empty = emptied([slot], ['want', 'gone']);
  if (empty) await work.sql.run(empty);
  const raw: Differences = { insert: 0, update: 0, delete: 0 };
  if (!slot.common || (slot.rows.live === 0 && slot.rows.staged === 0)) return raw;
  const { mode } = slot.slice;
  const changes = mode === 'exact' || mode === 'keep-new';
  if (expected?.insert !== 0) raw.insert = await inserts(work, slot, mode !== 'keep');
  if (expected?.update !== 0 && slot.key.length > 0) raw.update = await updates(work, slot, changes);
  if (expected?.delete !== 0) raw.delete = await deletes(work, slot, mode === 'exact');
  slot.rows.want = (mode !== 'keep' ? raw.insert : 0) + (changes ? raw.update : 0);
  slot.rows.gone = mode === 'exact' ? raw.delete : 0;
  await dropUnticked(work, slot);
  return raw;
}

/**
 * How many rows differ in each table with a key, asked in one message. Only a zero is exact: rows of the backup may
 * share a key as the present type compares it.
 */
export async function countDifferences(work: Workspace): Promise<Map<Slot, Differences>> {
  const asked = work.slots.filter(
    (slot) => slot.key.length > 0 && slot.rows.live > 0 && slot.rows.staged > 0,
  );
  const queries = asked.map(
    (slot) =>
      `SELECT count(*) FILTER (WHERE l.tdr_part IS NULL) AS added, count(*) FILTER (WHERE s.tdr_n IS NULL) AS gone,
        count(*) FILTER (WHERE l.tdr_part IS NOT NULL AND s.tdr_n IS NOT NULL AND ${changed(slot)}) AS changed
       FROM ${slot.live} l FULL JOIN ${slot.staged} s ON ${sameKey(slot, 'l', 's')}`,
  );
  const results = await work.sql.each(queries);
  return new Map(
    asked.map((slot, i) => {
      const row = results[i]?.[0];
      return [slot, { insert: Number(row?.added), update: Number(row?.changed), delete: Number(row?.gone) }];
    }),
  );
}

/** Condition that a staged row (s) and the live row with its key (l) differ. */
function changed(slot: Slot): string {
  const byText = `${rowText('l', slot.compared)} <> ${rowText('s', slot.compared)}`;
  return slot.compared.length === slot.columns.length
    ? `(CASE WHEN s.tdr_set THEN ${byText} ELSE s.tdr_hash <> l.tdr_hash END)`
    : byText;
}

function keyOf(slot: Slot, alias: string): string {
  return keyText(
    alias,
    slot.key.map((name) => columnOf(slot, name)),
  );
}

/** Value of a column in a row that comes back. The tenant's own row comes back suspended. */
function insertedValue(work: Workspace, slot: Slot, name: string): string {
  const { status } = work;
  const own = slot.slice.membership.via === 'identity' && slot.slice.untouched.length > 0;
  if (own && status && status.column === name) return scalarFor(columnOf(slot, name), status.suspended);
  return `s.${ident(name)}`;
}

/** Rows without a key pair up by content: the n-th row of a content live with the n-th in the backup. */
function numbered(slot: Slot, table: string, order: string): string {
  const hash = table === slot.live ? rowHash('x', slot.common ?? []) : 'x.tdr_hash';
  const full = table === slot.live && slot.common?.length === slot.columns.length ? 'x.tdr_hash' : hash;
  return `(SELECT y.*, row_number() OVER (PARTITION BY y.tdr_same ORDER BY ${order}) AS tdr_nth FROM (SELECT x.*, ${full} AS tdr_same FROM ${table} x) y)`;
}

function stagedOnly(slot: Slot): string {
  if (slot.key.length > 0)
    return `${slot.staged} s WHERE NOT EXISTS (SELECT FROM ${slot.live} l WHERE ${sameKey(slot, 'l', 's')})`;
  const copies = `(SELECT y.tdr_same, count(*) AS copies FROM ${numbered(slot, slot.live, 'y.tdr_ctid')} y GROUP BY 1)`;
  return `${numbered(slot, slot.staged, 'y.tdr_n')} s LEFT JOIN ${copies} l ON l.tdr_same = s.tdr_hash WHERE s.tdr_nth > coalesce(l.copies, 0)`;
}

function liveOnly(slot: Slot): string {
  if (slot.key.length > 0)
    return `${slot.live} l WHERE NOT EXISTS (SELECT FROM ${slot.staged} s WHERE ${sameKey(slot, 's', 'l')})`;
  return `${numbered(slot, slot.live, 'y.tdr_ctid')} l LEFT JOIN (SELECT tdr_hash, count(*) AS copies FROM ${slot.staged} y GROUP BY 1) s ON s.tdr_hash = l.tdr_same WHERE l.tdr_nth > coalesce(s.copies, 0)`;
}

async function inserts(work: Workspace, slot: Slot, wanted: boolean): Promise<number> {
  if (slot.rows.staged === 0) return 0;
  const from = stagedOnly(slot);
  if (!wanted) return Number(await work.sql.value(`SELECT count(*) FROM ${from}`));
  const key = slot.key.length > 0 ? keyOf(slot, 's') : hashKey('s.tdr_hash');
  const common = slot.common ?? [];
  const list = common.map((name) => `, ${ident(name)}`).join('');
  const values = common.map((name) => `, ${insertedValue(work, slot, name)}`).join('');
  await make(work.sql, 'want', slot);
  const found = await insertFitting(work, {
    insert: (first, last) =>
      `INSERT INTO ${slot.want} (tdr_kind, tdr_n, tdr_key${list}) SELECT 'i', s.tdr_n, ${key}${values} FROM ${from}${between(first, last)}`,
    candidates: `SELECT s.tdr_n FROM ${from}`,
    culprit: { slot, from: slot.staged },
  });
  work.misfits.push(...found.misfits);
  return found.rows;
}

function between(first: string | null, last: string | null): string {
  return first === null ? '' : ` AND s.tdr_n BETWEEN ${first} AND ${last}`;
}

async function updates(work: Workspace, slot: Slot, wanted: boolean): Promise<number> {
  if (slot.rows.staged === 0 || slot.rows.live === 0) return 0;
  const common = slot.common ?? [];
  const from = `${slot.staged} s JOIN ${slot.live} l ON ${sameKey(slot, 's', 'l')} WHERE ${changed(slot)}`;
  if (!wanted) return Number(await work.sql.value(`SELECT count(*) FROM ${from}`));
  const flags = slot.compared.map(
    (name) => `CASE WHEN ${differs(`l.${ident(name)}`, `s.${ident(name)}`)} THEN ${literal(name)} END`,
  );
  const names = flags.length > 0 ? `array_remove(ARRAY[${flags.join(', ')}]::text[], NULL)` : `'{}'::text[]`;
  const list = slot.columns.map((name) => `, ${ident(name)}`).join('');
  const values = slot.columns
    .map((name) => `, ${common.includes(name) && slot.compared.includes(name) ? 's' : 'l'}.${ident(name)}`)
    .join('');
  await make(work.sql, 'want', slot);
  const found = await insertFitting(work, {
    insert: (first, last) =>
      `INSERT INTO ${slot.want} (tdr_kind, tdr_n, tdr_part, tdr_ctid, tdr_key, tdr_columns${list})
       SELECT 'u', s.tdr_n, l.tdr_part, l.tdr_ctid, ${keyOf(slot, 'l')}, ${names}${values} FROM ${from}${between(first, last)}`,
    candidates: `SELECT s.tdr_n FROM ${from}`,
    culprit: { slot, from: slot.staged },
  });
  work.misfits.push(...found.misfits);
  return found.rows;
}

async function deletes(work: Workspace, slot: Slot, wanted: boolean): Promise<number> {
  if (slot.rows.live === 0) return 0;
  if (!wanted) return Number(await work.sql.value(`SELECT count(*) FROM ${liveOnly(slot)}`));
  const key = slot.key.length > 0 ? keyOf(slot, 'l') : hashKey('l.tdr_hash');
  const names = slot.relation.primaryKey.map((name) => `, ${ident(name)}`).join('');
  const values = slot.relation.primaryKey.map((name) => `, l.${ident(name)}`).join('');
  await make(work.sql, 'gone', slot);
  return work.sql.run(
    `INSERT INTO ${slot.gone} (tdr_part, tdr_ctid, tdr_key, tdr_hash${names})
     SELECT l.tdr_part, l.tdr_ctid, ${key}, l.tdr_hash${values} FROM ${liveOnly(slot)}`,
  );
}

async function dropUnticked(work: Workspace, slot: Slot): Promise<void> {
  if (slot.slice.except.length === 0) return;
  const list = slot.slice.except.map(literal).join(', ');
  for (const kind of ['want', 'gone'] as const)
    if (slot.rows[kind] > 0)
      slot.rows[kind] -= await work.sql.run(`DELETE FROM ${slot[kind]} WHERE tdr_key IN (${list})`);
}

/** The table's line of the plan. Call after review and unticking. */
export async function summarize(work: Workspace, slot: Slot, raw: Differences): Promise<TableEffects> {
  const counts = { insert: 0, update: 0 };
  let updatedColumns: string[] = [];
  if (slot.rows.want > 0) {
    const [row] = await work.sql.rows(
      `SELECT count(*) FILTER (WHERE tdr_kind = 'i') AS i, count(*) FILTER (WHERE tdr_kind = 'u') AS u,
        (SELECT json_agg(DISTINCT tdr_c) FROM ${slot.want} w, unnest(w.tdr_columns) AS tdr_u(tdr_c)) AS columns FROM ${slot.want}`,
    );
    counts.insert = Number(row?.i);
    counts.update = Number(row?.u);
    updatedColumns = JSON.parse(row?.columns ?? '[]') as string[];
  }
  const deleted = slot.rows.gone;
  const { live } = slot.rows;
  return {
    name: slot.slice.name,
    mode: slot.slice.mode,
    live,
    backup: slot.rows.staged,
    ...counts,
    delete: deleted,
    unchanged: slot.common ? live - raw.update - raw.delete : live,
    kept: slot.common ? raw.delete - deleted + raw.update - counts.update + raw.insert - counts.insert : 0,
    losses: deleted,
    updatedColumns: slot.columns.filter((name) => updatedColumns.includes(name)),
    samples:
      slot.rows.want + deleted > 0
        ? await readEffects(work, slot, { offset: 0, limit: 5, withValues: false })
        : [],
  };
}
