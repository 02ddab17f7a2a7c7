import type { RowEffect, TableEffects } from '../../engine/plan.ts';
import { alike, encodedRow, shown } from './encoding.ts';
import { chained, quote } from './identifiers.ts';
import { keyTextOf } from './ownership.ts';
import { markRenewals } from './renewals.ts';
import { scratchTable } from './scratch.ts';
import { fromSource } from './source.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { affinityIn, located, locator, locatorColumns, locatorDefinitions } from './workspace.ts';

/**
 * Effects of one table, in a temporary table with one row per row to change:
 * `op` i(nsert), u(pdate), r(enew: delete and insert again, because a key or unique value changes), d(elete);
 * l0… and s0… the live and staged locators; `mask` a 0/1 per common column that differs; `held` whether a live
 * row outside the slice has the key of a row to insert; `h` the row's hash, for tables without a key.
 */
export function compareTable(work: Workspace, table: TableWork): TableEffects {
  createEffects(work, table);
  if (table.staged) {
    if (table.key.length > 0) compareByKey(work, table);
    else compareAsMultiset(work, table);
  }
  const raw = countOps(work, table);
  dropEffects(work, table);
  if (table.staged) markRenewals(work, table);
  return summarize(work, table, raw);
}

function createEffects(work: Workspace, table: TableWork): void {
  const l = locatorColumns(table.live, 'l');
  const s = locatorColumns(table.staged ?? table.live, 's');
  const indexes = [l.join(', '), s.join(', '), ...(table.key.length === 0 ? ['h'] : [])];
  const locators = [
    ...locatorDefinitions(table.live, 'l'),
    ...locatorDefinitions(table.staged ?? table.live, 's'),
  ];
  const body = `(op TEXT, ${locators.join(', ')}, mask TEXT, held INTEGER, h BLOB)`;
  scratchTable(work.connection, table.names.effects, body, indexes);
}

/** Condition that a live row (l) and a source row (s) store the same in every compared column. */
function compared(table: TableWork): string[] {
  return table.common.filter((column) => !table.slice.untouched.includes(column));
}

function differs(table: TableWork, column: string): string {
  return `NOT ${alike(`l.${quote(column)}`, `s.${quote(column)}`, affinityIn(table.live, column))}`;
}

function compareByKey(work: Workspace, table: TableWork): void {
  const { connection } = work;
  const { effects, liveRows, stagedRows } = table.names;
  const real = `main.${quote(table.slice.name)} l`;
  const staged = table.staged as NonNullable<TableWork['staged']>;
  const columns = compared(table);
  const flags = table.common.map((column) =>
    columns.includes(column) ? `(${differs(table, column)})` : "'0'",
  );
  const mask = chained(flags, '||');
  const different = columns.map((column) => differs(table, column));
  const changed = chained(different, ' OR ') || '0';
  const key = table.key.map((column) => `l.${quote(column)} = s.${quote(column)}`).join(' AND ');
  const l = locatorColumns(table.live, 'l');
  const s = locatorColumns(staged, 's');
  const into = `INSERT INTO temp.${effects} (op, ${[...l, ...s].join(', ')}, mask, held)`;
  const member = s.map((column, i) => `m.${column} = ${table.source.locator[i]}`).join(' AND ');
  connection.exec(
    `${into} SELECT CASE WHEN m.s0 IS NULL THEN 'd' ELSE 'u' END, ${locator(table.live, 'l').join(', ')}, ` +
      `${s.map((column) => `m.${column}`).join(', ')}, CASE WHEN m.s0 IS NOT NULL THEN ${mask} END, 0 ` +
      `FROM temp.${liveRows} r CROSS JOIN ${real} ON ${located(table.live, 'l', 'r', 'l')} ` +
      `LEFT JOIN ${table.source.from} ON ${key} LEFT JOIN temp.${stagedRows} m ON ${member} ` +
      `WHERE m.s0 IS NULL OR ${changed}`,
  );
  const mine = equalLocators(table, 'm', 'l');
  connection.exec(
    `${into} SELECT 'i', ${l.map(() => 'NULL').join(', ')}, ${s.map((column) => `r.${column}`).join(', ')}, NULL, ` +
      `${locator(table.live, 'l')[0]} IS NOT NULL FROM temp.${stagedRows} r CROSS JOIN ${table.source.from} ON ${fromSource(table, 'r')} ` +
      `LEFT JOIN ${real} ON ${key} LEFT JOIN temp.${liveRows} m ON ${mine} WHERE m.l0 IS NULL`,
  );
}

function equalLocators(table: TableWork, holder: string, alias: string): string {
  return locatorColumns(table.live, 'l')
    .map((column, i) => `${holder}.${column} = ${locator(table.live, alias)[i]}`)
    .join(' AND ');
}

/** Rows without a key pair up by content: the n-th row of a content live with the n-th in the backup. */
function compareAsMultiset(work: Workspace, table: TableWork): void {
  const { connection } = work;
  const { effects, liveRows, stagedRows } = table.names;
  const staged = table.staged as NonNullable<TableWork['staged']>;
  const l = locatorColumns(table.live, 'l');
  const s = locatorColumns(staged, 's');
  const hash = (alias: string): string =>
    `tenant_dr_hash(${encodedRow(
      table.columns.map((column) => `${alias}.${quote(column)}`),
      work.encoding,
    )})`;
  const numbered = (at: string[]): string =>
    `row_number() OVER (PARTITION BY h ORDER BY ${at.join(', ')}) AS n`;
  const liveSide =
    `SELECT ${l.join(', ')}, h, ${numbered(l)} FROM (SELECT ${locator(table.live, 'l')
      .map((e, i) => `${e} AS ${l[i]}`)
      .join(', ')}, ` +
    `${hash('l')} AS h FROM temp.${liveRows} r CROSS JOIN main.${quote(table.slice.name)} l ON ${located(table.live, 'l', 'r', 'l')})`;
  const stagedSide =
    `SELECT ${s.join(', ')}, h, ${numbered(s)} FROM (SELECT ${s.map((column) => `r.${column} AS ${column}`).join(', ')}, ` +
    `${hash('s')} AS h FROM temp.${stagedRows} r CROSS JOIN ${table.source.from} ON ${fromSource(table, 'r')})`;
  connection.exec(
    `INSERT INTO temp.${effects} (op, ${[...l, ...s].join(', ')}, held, h) ` +
      `SELECT CASE WHEN a.h IS NULL THEN 'i' ELSE 'd' END, ${l.map((c) => `a.${c}`).join(', ')}, ${s.map((c) => `b.${c}`).join(', ')}, 0, ` +
      `coalesce(a.h, b.h) FROM (${liveSide}) a FULL JOIN (${stagedSide}) b ON a.h = b.h AND a.n = b.n WHERE a.h IS NULL OR b.h IS NULL`,
  );
}

interface Ops {
  insert: number;
  update: number;
  delete: number;
}

function countOps(work: Workspace, table: TableWork): Ops {
  const rows = work.connection
    .prepare(`SELECT op, count(*) FROM temp.${table.names.effects} GROUP BY op`)
    .raw()
    .all() as [string, bigint][];
  const of = (...ops: string[]): number =>
    rows.filter(([op]) => ops.includes(op)).reduce((sum, [, n]) => sum + Number(n), 0);
  return { insert: of('i'), update: of('u', 'r'), delete: of('d') };
}

/** What the table's mode and the operator's unticked rows leave out. */
function dropEffects(work: Workspace, table: TableWork): void {
  const { effects } = table.names;
  const allowed = { exact: ['i', 'u', 'd'], 'keep-new': ['i', 'u'], missing: ['i'], keep: [] }[
    table.slice.mode
  ];
  work.connection.exec(
    `DELETE FROM temp.${effects} WHERE op NOT IN (${allowed.map((op) => `'${op}'`).join(', ') || "''"})`,
  );
  if (table.slice.except.length === 0) return;
  const except = `SELECT value FROM json_each(?)`;
  const wanted = JSON.stringify(table.slice.except);
  for (const { kind, from } of effectRows(table)) {
    const found = work.connection.prepare(
      `DELETE FROM temp.${effects} WHERE rowid IN (SELECT e.rowid FROM ${from} WHERE ${kind} AND ${effectKey(table, kind)} IN (${except}))`,
    );
    found.run(wanted);
  }
}

type Side = "e.op = 'i'" | "e.op <> 'i'";

/** Effects joined with the row they are about: the source row for inserts, the live row otherwise. */
function effectRows(table: TableWork): { kind: Side; from: string }[] {
  const live = {
    kind: "e.op <> 'i'" as const,
    from: `temp.${table.names.effects} e CROSS JOIN main.${quote(table.slice.name)} l ON ${located(table.live, 'l', 'e', 'l')}`,
  };
  if (!table.staged) return [live];
  return [
    live,
    {
      kind: "e.op = 'i'",
      from: `temp.${table.names.effects} e CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')}`,
    },
  ];
}

function effectKey(table: TableWork, kind: Side): string {
  if (table.key.length === 0) return `'["row ' || lower(substr(hex(e.h), 1, 16)) || '"]'`;
  return keyTextOf(table, kind === "e.op = 'i'" ? 's' : 'l');
}

function summarize(work: Workspace, table: TableWork, raw: Ops): TableEffects {
  const ops = countOps(work, table);
  const live = rowCount(work, table.names.liveRows);
  return {
    name: table.slice.name,
    mode: table.slice.mode,
    live,
    backup: rowCount(work, table.names.stagedRows),
    insert: ops.insert,
    update: ops.update,
    delete: ops.delete,
    unchanged: table.staged ? live - raw.update - raw.delete : live,
    kept: raw.delete - ops.delete + raw.update - ops.update + raw.insert - ops.insert,
    losses: ops.delete,
    updatedColumns: updatedColumns(work, table),
    samples: readEffects(work, table, { offset: 0, limit: 5, withValues: false }),
  };
}

/** What will really be done, after reviews took rows out. */
export function countEffects(work: Workspace, table: TableWork): Ops & { losses: number } {
  const ops = countOps(work, table);
  return { ...ops, losses: ops.delete };
}

function rowCount(work: Workspace, name: string): number {
  return Number(work.connection.prepare(`SELECT count(*) FROM temp.${name}`).pluck().get());
}

export function updatedColumns(work: Workspace, table: TableWork): string[] {
  if (table.common.length === 0 || !table.staged) return [];
  const flags = table.common.map((_, i) => `max(substr(mask, ${i + 1}, 1))`).join(', ');
  const row = work.connection
    .prepare(`SELECT ${flags} FROM temp.${table.names.effects} WHERE op IN ('u', 'r')`)
    .raw()
    .get() as (string | null)[];
  return table.common.filter((_, i) => row[i] === '1');
}

/** A page of effects, deletes and updates by live key first, then inserts. */
export function readEffects(
  work: Workspace,
  table: TableWork,
  page: { offset: number; limit: number; withValues: boolean; kind?: RowEffect['kind'] | undefined },
): RowEffect[] {
  const kinds = { insert: ['i'], update: ['u', 'r'], delete: ['d'] };
  const ops = (page.kind ? kinds[page.kind] : ['i', 'u', 'r', 'd']).map((op) => `'${op}'`).join(', ');
  const parts = effectRows(table).map(
    ({ kind, from }) =>
      `SELECT e.rowid AS id, e.op AS op, e.mask AS mask, ${effectKey(table, kind)} AS k FROM ${from} WHERE ${kind} AND e.op IN (${ops})`,
  );
  const rows = work.connection
    .prepare(`SELECT id, op, mask, k FROM (${parts.join(' UNION ALL ')}) ORDER BY id LIMIT ? OFFSET ?`)
    .raw()
    .all(page.limit, page.offset) as [bigint, string, string | null, string][];
  return rows.map(([id, op, mask, key]) => ({
    kind: op === 'i' ? 'insert' : op === 'd' ? 'delete' : 'update',
    key,
    columns: table.common.filter((_, i) => mask?.[i] === '1'),
    ...(page.withValues ? { changes: readValues(work, table, id, op) } : {}),
  }));
}

function readValues(work: Workspace, table: TableWork, id: bigint, op: string): RowEffect['changes'] {
  const columns = table.slice.columns.map((column) => column.name);
  const [live, backup] = effectRows(table);
  const values = (alias: string, side: { from: string } | undefined): (string | null)[] | undefined =>
    side &&
    (work.connection
      .prepare(
        `SELECT ${columns.map((column) => shown(`${alias}.${quote(column)}`)).join(', ')} FROM ${side.from} WHERE e.rowid = ?`,
      )
      .raw()
      .get(id) as (string | null)[] | undefined);
  const before = op === 'i' ? undefined : values('l', live);
  const after = op === 'd' ? undefined : values('s', backup);
  return columns.map((column, i) => ({
    column,
    live: before?.[i] ?? null,
    backup: after?.[i] ?? (op === 'd' ? null : (before?.[i] ?? null)),
  }));
}
