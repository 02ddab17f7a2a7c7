import { quote } from './identifiers.ts';
import type { SqliteUnique } from './introspect.ts';
import { scratchTable } from './scratch.ts';
import { fromSource, newValue } from './source.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { located, locatorColumns, locatorDefinitions } from './workspace.ts';

/**
 * Updates that must become delete-and-insert (`r`): rows that hold a unique value another updated row is to get.
 * Two rows that swap a value cannot be updated one after the other, and with foreign keys off nothing cascades.
 * For expression and partial indexes, whose terms are not columns, any change of a column they mention counts.
 */
export function markRenewals(work: Workspace, table: TableWork): void {
  const { effects } = table.names;
  for (const unique of table.live.uniques) {
    const plain =
      !unique.partial && unique.columns.every((column) => column !== null && table.common.includes(column));
    const holders = plain ? swapped(table, unique) : mentioned(table, unique);
    if (holders) work.connection.exec(`UPDATE temp.${effects} SET op = 'r' WHERE op = 'u' AND ${holders}`);
  }
}

function swapped(table: TableWork, unique: SqliteUnique): string | null {
  const columns = unique.columns as string[];
  if (columns.every((column) => table.key.includes(column))) return null;
  const { effects } = table.names;
  const wanted = columns
    .map(
      (column, i) =>
        `o.${quote(column)} = s.${quote(column)} COLLATE ${quote(unique.collations[i] as string)}`,
    )
    .join(' AND ');
  const other = locatorColumns(table.live, 'l')
    .map((column) => `g.${column} IS NOT e.${column}`)
    .join(' OR ');
  return (
    `rowid IN (SELECT g.rowid FROM temp.${effects} e CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')} ` +
    `CROSS JOIN main.${quote(table.slice.name)} o ON ${wanted} CROSS JOIN temp.${effects} g ON ${located(table.live, 'o', 'g', 'l')} ` +
    `WHERE e.op = 'u' AND g.op IN ('u', 'r') AND (${other}) AND (${changedAny(table, columns)}))`
  );
}

/** The effect changes one of these columns; without that it wants no new value. */
function changedAny(table: TableWork, columns: string[]): string {
  return columns.map((column) => `substr(e.mask, ${table.common.indexOf(column) + 1}, 1) = '1'`).join(' OR ');
}

function mentioned(table: TableWork, unique: SqliteUnique): string | null {
  const text = [...unique.columns, ...unique.expressions, unique.where ?? ''].join(' ').toLowerCase();
  const sensitive = table.common.filter((column) => text.includes(column.toLowerCase()));
  if (sensitive.length === 0) return null;
  return `(${sensitive.map((column) => `substr(mask, ${table.common.indexOf(column) + 1}, 1) = '1'`).join(' OR ')})`;
}

/**
 * Keeps the full new row of every effect that is deleted and inserted again, before anything is deleted: columns
 * the backup does not know, and columns that are left untouched, must survive the deletion.
 */
export function keepRenewals(work: Workspace, table: TableWork): void {
  const l = locatorColumns(table.live, 'l');
  const columns = table.columns.map(quote);
  const holders = l.map((name) => `tenant_dr_${name}`).join(', ');
  scratchTable(
    work.connection,
    table.names.renewed,
    `(${[...locatorDefinitions(table.live, 'l', 'tenant_dr_'), ...columns].join(', ')})`,
    [holders],
  );
  if (!table.staged) return;
  work.connection.exec(
    `INSERT INTO temp.${table.names.renewed} SELECT ${l.map((name) => `e.${name}`).join(', ')}, ` +
      `${table.columns.map((column) => newValue(table, column, false)).join(', ')} FROM temp.${table.names.effects} e ` +
      `CROSS JOIN ${table.source.from} ON ${fromSource(table, 'e')} ` +
      `CROSS JOIN main.${quote(table.slice.name)} l ON ${located(table.live, 'l', 'e', 'l')} WHERE e.op = 'r'`,
  );
}
