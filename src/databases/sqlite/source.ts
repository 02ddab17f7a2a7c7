import { affinityOf, quote } from './identifiers.ts';
import { scratchTable } from './scratch.ts';
import { bindScalar } from './tenants.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { affinityIn, located, locator, locatorColumns, locatorDefinitions } from './workspace.ts';

/** What the tenants table's status becomes when the tenant's row itself has to be brought back. */
export interface StatusRule {
  column: string;
  suspended: string | number | boolean | null;
}

/**
 * Decides where a table's staged rows are read from: straight from the staged file, or, where values must differ
 * from what the backup holds, from a temporary copy: columns newer than the backup get their default, types that
 * changed store values as the live table would, the tenant's own row comes back suspended, reviewed rows take the
 * values that were declared for them.
 */
export function prepareSource(work: Workspace, table: TableWork, status: StatusRule | null): void {
  if (!table.staged) {
    table.source = { from: '', locator: [] };
    return;
  }
  const replacesStatus =
    table.slice.membership.via === 'identity' && status !== null && table.slice.untouched.length > 0;
  if (!replacesStatus && table.slice.review?.decision !== 'set' && sameColumns(table)) {
    table.source = { from: `staged.${quote(table.slice.name)} s`, locator: locator(table.staged, 's') };
    return;
  }
  copyRows(work, table);
  if (replacesStatus) {
    const set = `UPDATE temp.${table.names.sourceCopy} SET ${quote(status.column)} = ?`;
    work.connection.prepare(set).run(bindScalar(status.suspended));
  }
}

function sameColumns(table: TableWork): boolean {
  const staged = table.staged;
  if (!staged || table.common.length !== table.columns.length) return false;
  return table.common.every((column) => affinityIn(table.live, column) === affinityIn(staged, column));
}

function copyRows(work: Workspace, table: TableWork): void {
  const staged = table.staged as NonNullable<TableWork['staged']>;
  const holders = locatorColumns(staged, 's').map((column) => `tenant_dr_${column}`);
  const definitions = table.slice.columns.map((column) => {
    const standard = table.live.defaults[column.name];
    return `${quote(column.name)} ${affinityOf(column.type)}${standard === undefined ? '' : ` DEFAULT (${standard})`}`;
  });
  const indexes = [holders.join(', '), ...(table.key.length > 0 ? [table.key.map(quote).join(', ')] : [])];
  scratchTable(
    work.connection,
    table.names.sourceCopy,
    `(${[...locatorDefinitions(staged, 's', 'tenant_dr_'), ...definitions].join(', ')})`,
    indexes,
  );
  const columns = table.common.map(quote);
  work.connection.exec(
    `INSERT INTO temp.${table.names.sourceCopy} (${[...holders, ...columns].join(', ')}) ` +
      `SELECT ${[...locator(staged, 't'), ...columns.map((column) => `t.${column}`)].join(', ')} ` +
      `FROM temp.${table.names.stagedRows} r CROSS JOIN staged.${quote(table.slice.name)} t ON ${located(staged, 't', 'r', 's')}`,
  );
  table.source = {
    from: `temp.${table.names.sourceCopy} s`,
    locator: holders.map((column) => `s.${column}`),
  };
}

/** Join of the source relation (alias s) to a temporary table that holds staged locators in s0, s1, …. */
export function fromSource(table: TableWork, holder: string): string {
  return table.source.locator.map((expression, i) => `${expression} = ${holder}.s${i}`).join(' AND ');
}

/** What a column will hold after the change, by the kind of effect. Aliases: l live row, s staged row. */
export function newValue(table: TableWork, column: string, inserting: boolean): string {
  if (inserting) return `s.${quote(column)}`;
  const taken = table.common.includes(column) && !table.slice.untouched.includes(column);
  return `${taken ? 's' : 'l'}.${quote(column)}`;
}
