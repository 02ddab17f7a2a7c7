import type { IsolationProof } from '../../engine/port.ts';
import { canBeLoose } from '../../engine/slice.ts';
import { isMember } from './collect.ts';
import type { Connection } from './connect.ts';
import { alike, encodedRow, keyText } from './encoding.ts';
import { isolationPrefix } from './errors.ts';
import { chained, literal, quote, temporary } from './identifiers.ts';
import type { SqliteTable } from './introspect.ts';
import { leadsOut } from './loose.ts';
import { scratchTable } from './scratch.ts';
import { fromSource, newValue } from './source.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { affinityIn, locator, locatorColumns } from './workspace.ts';

/**
 * The isolation proof of SQLite: TEMP BEFORE triggers on every table of the database while the change runs.
 * A write passes only if it is a planned one, to a row that is the tenant's. What application triggers add to
 * the tenant's own rows is skipped and counted, so that rows come back verbatim. Any other write is refused and
 * rolls everything back. Nothing here relies on an application trigger running or not running.
 */
const skippedTable = temporary('skipped');
/** The one statement of ours that is running: table and operation. */
const runningTable = temporary('running');

export type Operation = 'insert' | 'update' | 'delete';
const operations: Operation[] = ['insert', 'update', 'delete'];

export function installGuards(work: Workspace): void {
  const { connection } = work;
  scratchTable(
    connection,
    skippedTable,
    '(tbl TEXT, operation TEXT, hits INTEGER, PRIMARY KEY (tbl, operation))',
  );
  scratchTable(connection, runningTable, '(tbl TEXT, operation TEXT)');
  for (const table of work.tables) {
    for (const operation of operations) connection.exec(ownGuard(work, table, operation));
  }
  for (const name of work.others) {
    const table = work.liveSchema.tables.find((known) => known.name === name) as SqliteTable;
    for (const operation of operations) connection.exec(foreignGuard(table, operation));
  }
}

/**
 * From here on only writes of this statement pass. A planned row that a trigger writes while another statement runs
 * (an audit entry that comes back, and that bringing back its row makes once more) would be there when its turn comes.
 */
export function announce(work: Workspace, table: TableWork, operation: Operation): void {
  work.connection.exec(
    `DELETE FROM temp.${runningTable}; INSERT INTO temp.${runningTable} VALUES (${literal(table.slice.name)}, ${literal(operation)})`,
  );
}

export function removeGuards(connection: Connection): void {
  const triggers = connection
    .prepare(
      `SELECT name FROM sqlite_temp_schema WHERE type = 'trigger' AND name LIKE 'tenant\\_dr\\_guard\\_%' ESCAPE '\\'`,
    )
    .pluck()
    .all() as string[];
  for (const name of triggers) connection.exec(`DROP TRIGGER temp.${quote(name)}`);
}

/** What the guards saw, once everything is applied and before it is committed. */
export function readProof(work: Workspace): IsolationProof {
  const skipped = work.connection
    .prepare(`SELECT tbl, operation, hits FROM temp.${skippedTable} ORDER BY 1, 2`)
    .raw()
    .all() as [string, string, bigint][];
  const virtual = work.liveSchema.tables
    .filter((table) => table.kind === 'virtual')
    .map((table) => table.name);
  const notes = skipped.map(
    ([table, operation, hits]) =>
      `${hits} ${operation}${hits === 1n ? '' : 's'} of ${table} that application triggers tried were skipped: the rows stay as planned.`,
  );
  if (virtual.length > 0) {
    notes.push(
      `Not covered by guards, because SQLite allows no triggers on them: ${virtual.join(', ')}. Full-text tables are proved by their own integrity check, and entry by entry where they keep no other table's text.`,
    );
  }
  return {
    method: 'sqlite-guard-triggers',
    otherRowsWritten: 0,
    tablesGuarded: work.tables.length + work.others.length,
    notes,
  };
}

function guardName(table: string, operation: Operation): string {
  return temporary(`guard_${operation}_${table.replaceAll('"', '""')}`);
}

function refusal(table: SqliteTable, operation: Operation): string {
  const alias = operation === 'insert' ? 'NEW' : 'OLD';
  const columns =
    table.primaryKey.length > 0
      ? table.primaryKey
      : table.columns.filter((c) => !c.generated).map((c) => c.name);
  const key = keyText(columns.map((column) => `${alias}.${quote(column)}`));
  return `RAISE(ABORT, ${literal(isolationPrefix)} || json_array(${literal(table.name)}, ${literal(operation)}, ${key}))`;
}

function foreignGuard(table: SqliteTable, operation: Operation): string {
  return (
    `CREATE TEMP TRIGGER ${guardName(table.name, operation)} BEFORE ${operation.toUpperCase()} ON main.${quote(table.name)} ` +
    `BEGIN SELECT ${refusal(table, operation)}; END`
  );
}

function ownGuard(work: Workspace, table: TableWork, operation: Operation): string {
  const mine = memberCondition(work, table, operation);
  // Only the tenant's own archive holds a row that leads to nobody: one that was cut loose when it was saved.
  const whose =
    operation === 'insert' && canBeLoose(table.slice) ? `(${mine} OR NOT ${leadsOut(table, 'NEW')})` : mine;
  const name = literal(table.slice.name);
  const running = `EXISTS (SELECT 1 FROM temp.${runningTable} WHERE tbl = ${name} AND operation = ${literal(operation)})`;
  const planned = `(${running} AND ${plannedCondition(work, table, operation)} AND ${whose})`;
  return (
    `CREATE TEMP TRIGGER ${guardName(table.slice.name, operation)} BEFORE ${operation.toUpperCase()} ON main.${quote(table.slice.name)} ` +
    `WHEN NOT ${planned} BEGIN ` +
    `SELECT ${refusal(table.live, operation)} WHERE NOT ${mine}; ` +
    `INSERT INTO ${skippedTable} VALUES (${name}, ${literal(operation)}, 1) ON CONFLICT (tbl, operation) DO UPDATE SET hits = hits + 1; ` +
    `SELECT RAISE(IGNORE); END`
  );
}

/** The row written is the tenant's: by its values, or because it was in the slice before the first change. */
function memberCondition(work: Workspace, table: TableWork, operation: Operation): string {
  // A row that is deleted and inserted again (an undo that cuts it loose again) keeps its place.
  const row = operation === 'insert' ? 'NEW' : 'OLD';
  const was = locatorColumns(table.live, 'l')
    .map((column, i) => `r.${column} = ${locator(table.live, row)[i]}`)
    .join(' AND ');
  return `(${isMember(work, table, row)} OR EXISTS (SELECT 1 FROM temp.${table.names.liveRows} r WHERE ${was}))`;
}

function plannedCondition(work: Workspace, table: TableWork, operation: Operation): string {
  const at = (alias: string): string =>
    locatorColumns(table.live, 'l')
      .map((column, i) => `e.${column} = ${locator(table.live, alias)[i]}`)
      .join(' AND ');
  const effects = `temp.${table.names.effects} e`;
  if (operation === 'delete')
    return `EXISTS (SELECT 1 FROM ${effects} WHERE ${at('OLD')} AND e.op IN ('d', 'r'))`;
  if (!table.staged) return '0';
  if (operation === 'update') {
    const values = table.columns.map((column) => {
      const value = newValue(table, column, false);
      return alike(
        `NEW.${quote(column)}`,
        value.startsWith('l.') ? `OLD.${quote(column)}` : value,
        affinityIn(table.live, column),
      );
    });
    return (
      `EXISTS (SELECT 1 FROM ${effects} CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')} ` +
      `WHERE ${at('OLD')} AND e.op = 'u' AND ${chained(values, ' AND ')})`
    );
  }
  return `(${plannedInsert(work, table)})`;
}

function plannedInsert(work: Workspace, table: TableWork): string {
  const effects = `temp.${table.names.effects} e`;
  if (table.key.length === 0) {
    const content = encodedRow(
      table.columns.map((column) => `NEW.${quote(column)}`),
      work.encoding,
    );
    return `EXISTS (SELECT 1 FROM ${effects} WHERE e.op = 'i' AND e.h = tenant_dr_hash(${content}))`;
  }
  const same = (alias: string): string =>
    chained(
      table.columns.map((column) =>
        alike(`NEW.${quote(column)}`, `${alias}.${quote(column)}`, affinityIn(table.live, column)),
      ),
      ' AND ',
    );
  const key = table.key.map((column) => `s.${quote(column)} = NEW.${quote(column)}`).join(' AND ');
  const fresh =
    `EXISTS (SELECT 1 FROM ${table.source.from} CROSS JOIN ${effects} ON ${fromSource(table, 'e')} ` +
    `WHERE ${key} AND e.op = 'i' AND ${same('s')})`;
  const renewed =
    `EXISTS (SELECT 1 FROM ${table.source.from} CROSS JOIN ${effects} ON ${fromSource(table, 'e')} ` +
    `JOIN temp.${table.names.renewed} n ON ${locatorColumns(table.live, 'l')
      .map((c) => `n.tenant_dr_${c} = e.${c}`)
      .join(' AND ')} ` +
    `WHERE ${key} AND e.op = 'r' AND ${same('n')})`;
  return `${fresh} OR ${renewed}`;
}
