import { quote } from './identifiers.ts';
import { fromSource, newValue } from './source.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { located, locatorColumns, recreate } from './workspace.ts';

/** Effects whose rows are inserted (fresh or renewed), with the source row under alias s. */
export function renewalRows(table: TableWork): string {
  return `(SELECT * FROM temp.${table.names.effects} WHERE op IN ('i', 'r')) e CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')}`;
}

/**
 * Keeps the full new row of every effect that is deleted and inserted again, before anything is deleted: columns
 * the backup does not know, and columns that are left untouched, must survive the deletion.
 */
export function keepRenewals(work: Workspace, table: TableWork): void {
  const l = locatorColumns(table.live, 'l');
  const columns = table.columns.map(quote);
  recreate(
    work.connection,
    table.names.renewed,
    `(${[...l.map((name) => `tenant_dr_${name}`), ...columns].join(', ')})`,
  );
  if (!table.staged) return;
  work.connection.exec(
    `INSERT INTO temp.${table.names.renewed} SELECT ${l.map((name) => `e.${name}`).join(', ')}, ` +
      `${table.columns.map((column) => newValue(table, column, false)).join(', ')} FROM temp.${table.names.effects} e ` +
      `CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')} ` +
      `CROSS JOIN main.${quote(table.slice.name)} l ON ${located(table.live, 'l', 'e', 'l')} WHERE e.op = 'r'`,
  );
  work.connection.exec(
    `CREATE INDEX temp.${table.names.renewed.replace('renewed_', 'renewed_index_')} ON ${table.names.renewed} (${l.map((name) => `tenant_dr_${name}`).join(', ')})`,
  );
}
