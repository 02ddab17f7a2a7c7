import { TenantDrError } from '../../errors.ts';
import { quote } from './identifiers.ts';
import type { SqliteTable } from './introspect.ts';
import type { Workspace } from './workspace.ts';

/**
 * Full-text tables follow the tables they index through triggers. No guard can watch them (SQLite allows no
 * triggers on virtual tables), so they are proved by their own integrity check inside the transaction.
 */
export function fullTextTables(work: Workspace): SqliteTable[] {
  const tables = new Set(work.liveSchema.tables.map((table) => table.name.toLowerCase()));
  const touched = work.tables.filter(
    (table) =>
      work.connection.prepare(`SELECT 1 FROM temp.${table.names.effects} LIMIT 1`).get() !== undefined,
  );
  return work.liveSchema.tables.filter((table) => {
    if (!isFullText(table)) return false;
    // Content that is no table is a view: it may show any row.
    if (table.contentOf !== undefined && !tables.has(table.contentOf.toLowerCase()))
      return touched.length > 0;
    return touched.some(
      (owner) =>
        owner.slice.name.toLowerCase() === table.contentOf?.toLowerCase() ||
        owner.live.triggers.some((trigger) => trigger.sql.toLowerCase().includes(table.name.toLowerCase())),
    );
  });
}

function isFullText(table: SqliteTable): boolean {
  return table.kind === 'virtual' && /^fts[345]$/.test(table.module ?? '');
}

/** A full-text table that holds its own text, or none: its integrity check compares it with no other table. */
export function standsAlone(table: SqliteTable): boolean {
  return isFullText(table) && table.contentOf === undefined;
}

/** Whether the index agrees with its content. For an external-content FTS5 table rank 1 compares the two. */
export function isInStep(work: Workspace, table: SqliteTable): boolean {
  const name = quote(table.name);
  const command =
    table.module === 'fts5'
      ? `INSERT INTO main.${name} (${name}, rank) VALUES ('integrity-check', 1)`
      : `INSERT INTO main.${name} (${name}) VALUES ('integrity-check')`;
  try {
    work.connection.exec(command);
    return true;
  } catch (error) {
    if (String((error as { code?: unknown }).code).startsWith('SQLITE_CORRUPT')) return false;
    throw error;
  }
}

/** Builds the index anew from its content: for applications that keep it in step by other means than triggers. */
function rebuild(work: Workspace, table: SqliteTable): void {
  work.connection.exec(`INSERT INTO main.${quote(table.name)} (${quote(table.name)}) VALUES ('rebuild')`);
}

/** Proves every touched full-text table against its content; one the application keeps in step itself is rebuilt. */
export function proveFullText(work: Workspace): void {
  for (const table of fullTextTables(work)) {
    if (isInStep(work, table)) continue;
    rebuild(work, table);
    if (isInStep(work, table)) continue;
    throw new TenantDrError(
      'verification-failed',
      `The full-text table "${table.name}" does not match its content. Everything was rolled back.`,
      {
        hint: `Rebuild it (INSERT INTO ${quote(table.name)}(${quote(table.name)}) VALUES ('rebuild')) and try again.`,
        table: table.name,
      },
    );
  }
}
