import type { Drift } from './plan.ts';
import type { Schema, Table } from './schema.ts';
import { findTable, storedColumns } from './schema.ts';
import type { SliceShape } from './slice.ts';

/**
 * What changed in the structure between the backup and now, for the tables of a slice. Never guessed around:
 * each entry says what will happen, and a blocking one stops the plan.
 */
export function findDrift(live: Schema, staged: Schema, shape: SliceShape): Drift[] {
  const drift: Drift[] = [];
  for (const slice of shape.tables) {
    const now = findTable(live, slice.name) as Table;
    const then = findTable(staged, slice.name);
    if (!then) {
      drift.push({
        kind: 'table-only-live',
        table: slice.name,
        detail: `${slice.name} is newer than the backup: its rows stay as they are.`,
        blocking: false,
      });
      continue;
    }
    drift.push(...columnDrift(now, then));
    drift.push(...ownershipDrift(slice.membership, then));
    if (now.primaryKey.join('\n') !== then.primaryKey.join('\n')) {
      drift.push({
        kind: 'key-changed',
        table: slice.name,
        detail: `The primary key of ${slice.name} was (${then.primaryKey.join(', ')}) and is (${now.primaryKey.join(', ')}): rows are matched by the present one.`,
        blocking: !now.primaryKey.every((column) => then.columns.some((known) => known.name === column)),
      });
    }
  }
  return [...drift, ...droppedTables(live, staged)];
}

function columnDrift(now: Table, then: Table): Drift[] {
  const drift: Drift[] = [];
  const nowColumns = storedColumns(now);
  const thenColumns = storedColumns(then);
  for (const column of nowColumns) {
    const former = thenColumns.find((known) => known.name === column.name);
    if (!former) {
      const fits = !column.notNull || column.hasDefault;
      drift.push({
        kind: 'column-only-live',
        table: now.name,
        column: column.name,
        detail: fits
          ? `${now.name}.${column.name} is newer than the backup: existing rows keep their value, rows that return get the default.`
          : `${now.name}.${column.name} is newer than the backup and may not be empty: rows that return have no value for it.`,
        blocking: !fits,
      });
    } else if (former.type.toLowerCase() !== column.type.toLowerCase()) {
      drift.push({
        kind: 'type-changed',
        table: now.name,
        column: column.name,
        detail: `${now.name}.${column.name} was ${former.type || 'untyped'} and is ${column.type || 'untyped'}: values are taken over as the present type stores them.`,
        blocking: false,
      });
    }
  }
  for (const column of thenColumns) {
    if (nowColumns.some((known) => known.name === column.name)) continue;
    const nowGenerated = now.columns.some((known) => known.name === column.name);
    drift.push({
      kind: 'column-only-backup',
      table: now.name,
      column: column.name,
      detail: nowGenerated
        ? `${now.name}.${column.name} is computed by the database now: its former values are not restored.`
        : `${now.name}.${column.name} was dropped since: its values stay in the backup and are not restored.`,
      blocking: false,
    });
  }
  return drift;
}

/** The columns that say whose a row is must be in the backup, or its rows cannot be told apart. */
function ownershipDrift(membership: SliceShape['tables'][number]['membership'], then: Table): Drift[] {
  const needed =
    membership.via === 'links' ? membership.links.flatMap((link) => link.columns) : [membership.column];
  const missing = needed.find((name) => !then.columns.some((column) => column.name === name));
  if (missing === undefined) return [];
  return [
    {
      kind: 'tenant-column-missing',
      table: then.name,
      column: missing,
      detail: `In the backup ${then.name} has no column ${missing}, so nothing says whose its rows are.`,
      blocking: true,
    },
  ];
}

function droppedTables(live: Schema, staged: Schema): Drift[] {
  return staged.tables
    .filter((table) => table.kind === 'table' && !findTable(live, table.name))
    .map((table) => ({
      kind: 'table-only-backup' as const,
      table: table.name,
      detail: `${table.name} was dropped since the backup: its rows stay in the backup and are not restored.`,
      blocking: false,
    }));
}
