import type { Drift } from './plan.ts';
import type { Schema, Table } from './schema.ts';
import { findTable, storedColumns } from './schema.ts';
import type { SliceShape, SliceTable } from './slice.ts';

/**
 * What changed in the structure between the backup and now, for the tables of a slice. Never guessed around:
 * each entry says what will happen, and a blocking one stops the plan.
 */
export function findDrift(live: Schema, staged: Schema, shape: SliceShape): Drift[] {
  const drift: Drift[] = [];
  const ownerless = new Set<string>();
  for (const slice of shape.tables) {
    const now = findTable(live, slice.name) as Table;
    const then = findTable(staged, slice.name);
    if (!then) {
      drift.push({
        kind: 'table-only-live',
        table: slice.name,
        detail: `${slice.name} is not in the backup, newer than it or left out of it: its rows stay as they are.`,
        blocking: false,
      });
      continue;
    }
    const found = [...columnDrift(now, then), ...partsMissing(then)];
    const unowned = ownershipDrift(slice, now, then, staged, ownerless);
    if (unowned) {
      ownerless.add(slice.name);
      found.push(unowned);
    }
    if (now.primaryKey.join('\n') !== then.primaryKey.join('\n')) {
      found.push({
        kind: 'key-changed',
        table: slice.name,
        detail: `The primary key of ${slice.name} was (${then.primaryKey.join(', ')}) and is (${now.primaryKey.join(', ')}): rows are matched by the present one.`,
        blocking: !now.primaryKey.every((column) => then.columns.some((known) => known.name === column)),
      });
    }
    // What is not to be changed stands in nobody's way.
    drift.push(...(slice.mode === 'keep' ? found.map((one) => ({ ...one, blocking: false })) : found));
  }
  return [...drift, ...droppedTables(live, staged)];
}

function partsMissing({ name, incomplete = [] }: Table): Drift[] {
  if (incomplete.length === 0) return [];
  const parts =
    incomplete.length > 3 ? [...incomplete.slice(0, 3), `${incomplete.length - 3} more`] : incomplete;
  return [
    {
      kind: 'rows-missing',
      table: name,
      detail: `The backup lacks rows of ${name}, those of ${parts.join(', ')} (newer than it, or left out of it): no row of ${name} is deleted, nor of what belongs through it.`,
      blocking: false,
    },
  ];
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

/**
 * What says whose a row is must be in the backup: the tenant column, or the keys and the tables they lead to. Without
 * it rows cannot be told apart, and the tenant's would pass for deleted. `ownerless`: tables found to be so before,
 * parents first.
 */
function ownershipDrift(
  { membership }: SliceTable,
  now: Table,
  then: Table,
  staged: Schema,
  ownerless: Set<string>,
): Drift | null {
  const blocked = (column: string, what: string): Drift => ({
    kind: 'tenant-column-missing',
    table: then.name,
    column,
    detail: `In the backup ${what}, so nothing says whose rows those of ${then.name} are.`,
    blocking: true,
  });
  const lacks = (columns: string[]): string | undefined =>
    columns.find((name) => !then.columns.some((column) => column.name === name));
  if (membership.via !== 'links') {
    const column = lacks([membership.column]);
    return column === undefined ? null : blocked(column, `${then.name} has no column ${column}`);
  }
  const known = membership.links.filter((link) => lacks(link.columns) === undefined);
  // By a key that is new no row belonged to anybody then, unless the column had another name.
  const renamed = then.columns.some(({ name }) => !now.columns.some((column) => column.name === name));
  const unknown = membership.links.find((link) => !known.includes(link));
  if (unknown && (renamed || known.length === 0)) {
    const column = lacks(unknown.columns) as string;
    return blocked(column, `${then.name} has no column ${column}`);
  }
  const lost = known.find((link) => !findTable(staged, link.parent) || ownerless.has(link.parent));
  if (!lost) return null;
  const what = findTable(staged, lost.parent)
    ? `nothing says whose rows those of ${lost.parent} are`
    : `there is no ${lost.parent}`;
  return blocked(lost.columns.join(', '), what);
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
