import type { OnProgress } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import { updatedColumns } from './compare.ts';
import type { Operation } from './guard.ts';
import { announce } from './guard.ts';
import { quote } from './identifiers.ts';
import { keepRenewals } from './renewals.ts';
import { fromSource } from './source.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { located, locator, locatorColumns } from './workspace.ts';

export type Executed = Record<string, { insert: number; update: number; delete: number }>;

/**
 * Applies the compared effects: all deletions, then updates, then insertions, so that a unique value is free
 * before it is taken. The guards are told which statement runs. Conflict clauses are spelled out: a table's own
 * ON CONFLICT REPLACE never runs, and nested statements of application triggers inherit ours. Each statement must
 * change exactly the planned rows.
 */
export function applyEffects(work: Workspace, onProgress: OnProgress): Executed {
  const planned = work.tables.reduce((sum, table) => sum + total(work, table), 0);
  let done = 0;
  // Without a prototype: a table may be called toString.
  const executed: Executed = Object.create(null);
  const step = (table: TableWork, operation: Operation, ops: string, statement: string | null): void => {
    const wanted = countOps(work, table, ops);
    const record = executed[table.slice.name] ?? { insert: 0, update: 0, delete: 0 };
    executed[table.slice.name] = record;
    if (wanted === 0 || statement === null) return;
    announce(work, table, operation);
    const changed = work.connection.prepare(statement).run().changes;
    if (changed !== wanted) throw shortfall(table, operation, wanted, changed);
    record[operation] += changed;
    done += changed;
    onProgress({ phase: 'applying', done, total: planned, unit: 'rows' });
  };
  for (const table of work.tables) keepRenewals(work, table);
  for (const table of [...work.tables].reverse()) step(table, 'delete', "'d', 'r'", deleteStatement(table));
  for (const table of work.tables) step(table, 'update', "'u'", updateStatement(work, table));
  for (const table of work.tables) {
    step(table, 'insert', "'r'", renewStatement(table));
    step(table, 'insert', "'i'", insertStatement(table));
  }
  return executed;
}

/** What applying a table's effects runs, except renewals, which insert as the insertion does. */
export function statementsOf(
  work: Workspace,
  table: TableWork,
): { operation: Operation; sql: string | null }[] {
  return [
    { operation: 'delete', sql: deleteStatement(table) },
    { operation: 'update', sql: table.staged ? updateStatement(work, table) : null },
    { operation: 'insert', sql: table.staged ? insertStatement(table) : null },
  ];
}

function shortfall(table: TableWork, operation: string, wanted: number, changed: number): TenantDrError {
  return new TenantDrError(
    'verification-failed',
    `${operation} of "${table.slice.name}" changed ${changed} rows instead of ${wanted}: a trigger of the application stood in the way. Everything was rolled back.`,
    { hint: 'Look at the triggers of this table.', table: table.slice.name },
  );
}

function countOps(work: Workspace, table: TableWork, ops: string): number {
  return Number(
    work.connection
      .prepare(`SELECT count(*) FROM temp.${table.names.effects} WHERE op IN (${ops})`)
      .pluck()
      .get(),
  );
}

function total(work: Workspace, table: TableWork): number {
  return countOps(work, table, "'d', 'u', 'i'") + 2 * countOps(work, table, "'r'");
}

function deleteStatement(table: TableWork): string {
  const l = locatorColumns(table.live, 'l').join(', ');
  const own = locator(table.live, 't').map((expression) => expression.replace(/^t\./, ''));
  const target = own.length === 1 ? own[0] : `(${own.join(', ')})`;
  return `DELETE FROM main.${quote(table.slice.name)} WHERE ${target} IN (SELECT ${l} FROM temp.${table.names.effects} WHERE op IN ('d', 'r'))`;
}

function updateStatement(work: Workspace, table: TableWork): string | null {
  const columns = updatedColumns(work, table);
  if (columns.length === 0) return null;
  const sets = columns.map((column) => `${quote(column)} = s.${quote(column)}`).join(', ');
  return (
    `UPDATE OR ABORT main.${quote(table.slice.name)} AS l SET ${sets} FROM temp.${table.names.effects} e CROSS JOIN ${table.source.from} ` +
    `ON ${fromSource(table, 'e')} WHERE e.op = 'u' AND ${located(table.live, 'l', 'e', 'l')}`
  );
}

function insertStatement(table: TableWork): string {
  const columns = table.columns.map(quote).join(', ');
  return (
    `INSERT OR ABORT INTO main.${quote(table.slice.name)} (${columns}) SELECT ${table.columns.map((c) => `s.${quote(c)}`).join(', ')} ` +
    `FROM temp.${table.names.effects} e CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')} WHERE e.op = 'i'`
  );
}

/** Renewed rows keep their rowid: whatever refers to it (a full-text index) still finds them. */
function renewStatement(table: TableWork): string {
  const { live } = table;
  const keepsRowid = !live.withoutRowid && live.rowidColumn === null;
  const columns = [...(keepsRowid ? [quote(live.rowid as string)] : []), ...table.columns.map(quote)].join(
    ', ',
  );
  const values = [
    ...(keepsRowid ? ['n.tenant_dr_l0'] : []),
    ...table.columns.map((column) => `n.${quote(column)}`),
  ].join(', ');
  return `INSERT OR ABORT INTO main.${quote(table.slice.name)} (${columns}) SELECT ${values} FROM temp.${table.names.renewed} n`;
}
