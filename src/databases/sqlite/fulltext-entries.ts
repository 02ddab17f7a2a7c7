import { TenantDrError } from '../../errors.ts';
import { standsAlone } from './fulltext.ts';
import { literal, quote, temporary } from './identifiers.ts';
import type { SqliteTable } from './introspect.ts';
import { scratchTable } from './scratch.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { located } from './workspace.ts';

/**
 * Entries of full-text tables that hold their own text (or none at all): their integrity check says nothing about
 * whose entry was written. So triggers on the tables they are stored in write down which entries were touched, and
 * each must be that of a row of the slice. The rows are known by the column the application's triggers number
 * entries with.
 */
const touchedTable = temporary('entries');
const beforeTable = temporary('entries_before');

interface Entries {
  fullText: SqliteTable;
  /** The table an entry is stored in, and its number there. */
  storage: { name: string; id: string };
  owners: { table: TableWork; column: string }[];
}

/** Starts writing down touched entries, and keeps the numbers of rows that are about to go or change. */
export function watchEntries(work: Workspace): void {
  const { connection } = work;
  scratchTable(connection, touchedTable, '(tbl TEXT, id INTEGER, PRIMARY KEY (tbl, id)) WITHOUT ROWID');
  scratchTable(connection, beforeTable, '(tbl TEXT, id, PRIMARY KEY (tbl, id)) WITHOUT ROWID');
  for (const { fullText, storage, owners } of entriesOf(work)) {
    for (const { table, column } of owners) {
      connection.exec(
        `INSERT OR IGNORE INTO temp.${beforeTable} SELECT ${literal(fullText.name)}, l.${quote(column)} FROM temp.${table.names.effects} e ` +
          `CROSS JOIN main.${quote(table.slice.name)} l ON ${located(table.live, 'l', 'e', 'l')} WHERE e.op <> 'i' AND l.${quote(column)} IS NOT NULL`,
      );
    }
    for (const operation of ['insert', 'update', 'delete']) {
      const row = operation === 'insert' ? 'NEW' : 'OLD';
      onStorage(
        work,
        `CREATE TEMP TRIGGER ${temporary(`guard_${operation}_${storage.name.replaceAll('"', '""')}`)} BEFORE ${operation} ON main.${quote(storage.name)} ` +
          `BEGIN INSERT INTO ${touchedTable} SELECT ${literal(fullText.name)}, ${row}.${storage.id} ` +
          `WHERE NOT EXISTS (SELECT 1 FROM ${touchedTable} WHERE tbl = ${literal(fullText.name)} AND id = ${row}.${storage.id}); END`,
      );
    }
  }
}

/** SQLite refuses triggers on the storage of virtual tables while its defensive mode is on: off for this statement. */
function onStorage(work: Workspace, statement: string): void {
  work.connection.unsafeMode(true);
  try {
    work.connection.exec(statement);
  } finally {
    work.connection.unsafeMode(false);
  }
}

/**
 * Every touched entry is that of a row of the slice, as it was or as it is now. Call after the slice was collected
 * again. Throws isolation-failed. Returns full-text tables whose entries could not be told apart.
 */
export function proveEntries(work: Workspace): string[] {
  const unproved: string[] = [];
  for (const { fullText, owners } of entriesOf(work)) {
    const name = literal(fullText.name);
    const mine = owners.map(
      ({ table, column }) =>
        `SELECT l.${quote(column)} FROM temp.${table.names.liveRows} r CROSS JOIN main.${quote(table.slice.name)} l ON ${located(table.live, 'l', 'r', 'l')}`,
    );
    const known = [`SELECT id FROM temp.${beforeTable} WHERE tbl = ${name}`, ...mine].join(' UNION ALL ');
    const stranger = work.connection
      .prepare(`SELECT id FROM temp.${touchedTable} WHERE tbl = ${name} AND id NOT IN (${known}) LIMIT 1`)
      .pluck()
      .get() as bigint | undefined;
    if (stranger === undefined) continue;
    if (owners.length === 0) {
      unproved.push(fullText.name);
      continue;
    }
    throw new TenantDrError(
      'isolation-failed',
      `Something tried to write entry [${stranger}] of the full-text table "${fullText.name}", which is not that of a row of the tenant. Everything was rolled back.`,
      {
        hint: 'A trigger of the application writes outside the tenant. Look at the triggers of the changed tables.',
        table: fullText.name,
        key: `[${stranger}]`,
      },
    );
  }
  return unproved;
}

function entriesOf(work: Workspace): Entries[] {
  return work.liveSchema.tables.filter(standsAlone).flatMap((fullText) => {
    const stored = ['content', 'docsize']
      .map((part) => work.liveSchema.tables.find((table) => table.name === `${fullText.name}_${part}`))
      .find((table) => table?.kind === 'shadow');
    if (!stored) return [];
    const id = fullText.module === 'fts5' ? 'id' : 'docid';
    return [{ fullText, storage: { name: stored.name, id }, owners: ownersOf(work, fullText) }];
  });
}

/** The tables whose triggers write entries, by the column they number them with. Empty when one can't be read. */
function ownersOf(work: Workspace, fullText: SqliteTable): Entries['owners'] {
  const owners: Entries['owners'] = [];
  for (const table of work.tables) {
    for (const trigger of table.live.triggers) {
      const number = numberedBy(trigger.sql, fullText.name);
      if (number === undefined) continue;
      const column = columnNamed(table.live, number);
      if (column === undefined) return [];
      owners.push({ table, column });
    }
  }
  return owners;
}

function columnNamed(table: SqliteTable, name: string): string | undefined {
  const column = table.columns.find((known) => known.name.toLowerCase() === name.toLowerCase())?.name;
  if (column !== undefined || table.withoutRowid) return column;
  return /^(rowid|oid|_rowid_)$/i.test(name) ? name : undefined;
}

/**
 * `INSERT INTO index (rowid, body) VALUES (NEW.id, …)` numbers entries by id. Undefined when the trigger does not
 * insert into the full-text table; the empty string when it does so in a way that can't be read.
 */
export function numberedBy(trigger: string, fullText: string): string | undefined {
  const name = fullText.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const insert = new RegExp(`\\bINTO\\s+["'\`[]?${name}["'\`\\]]?(?![\\w$])\\s*([\\s\\S]*)`, 'i').exec(
    trigger,
  );
  if (!insert) return undefined;
  const terms = /^\(([^)]*)\)\s*(?:VALUES\s*\(|SELECT\s)([\s\S]*)/i.exec(insert[1] as string);
  if (!terms) return '';
  const position = (terms[1] as string)
    .split(',')
    .findIndex((column) => /^\W*(rowid|docid|oid|_rowid_)\W*$/i.test(column));
  const value = (terms[2] as string).split(/[,);]/)[position] ?? '';
  return (
    /^\s*(?:NEW|OLD)\s*\.\s*(?:"([^"]+)"|\[([^\]]+)\]|`([^`]+)`|([\w$]+))\s*$/i
      .exec(value)
      ?.slice(1)
      .find((part) => part !== undefined) ?? ''
  );
}
