import { MultisetHash } from '../../engine/digest.ts';
import type { OnProgress, TableDigest } from '../../engine/port.ts';
import type { Connection } from './connect.ts';
import { encodeRows, everywhere } from './encode-rows.ts';
import { quote } from './identifiers.ts';
import { ownerOf, ownerText, prepareOwners } from './owners.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { locator, locatorNames } from './workspace.ts';

/** Rows per table and tenant. Rows without a tenant are not counted. */
export function countAll(work: Workspace): Record<string, Record<string, number>> {
  prepareOwners(work);
  const counts: Record<string, Record<string, number>> = Object.create(null);
  for (const table of work.tables) {
    const rows = work.connection
      .prepare(
        `SELECT ${ownerText('o')}, sum(n) FROM (SELECT ${ownerOf(work, table, 't')} AS o, n ` +
          `FROM (${grouped(table)}) t) WHERE o IS NOT NULL GROUP BY 1`,
      )
      .raw()
      .all() as [string, bigint][];
    counts[table.slice.name] = Object.fromEntries(rows.map(([tenant, n]) => [tenant, Number(n)]));
  }
  return counts;
}

/**
 * Rows that have the same owner for the same reason, counted together: an index on these columns is all that is
 * read, and the way to the owner is gone once per parent, not once per row.
 */
function grouped({ slice, live, names }: TableWork): string {
  const { membership } = slice;
  const columns =
    membership.via !== 'links'
      ? [membership.column]
      : names.owners
        ? locatorNames(live)
        : [...new Set(membership.links.flatMap((link) => link.columns))];
  const group = columns.map((column) => `${quote(column)} COLLATE BINARY`).join(', ');
  return `SELECT ${columns.map(quote).join(', ')}, count(*) AS n FROM main.${quote(slice.name)} GROUP BY ${group}`;
}

/** Rows of tables, whoever they belong to. */
export function countTables(connection: Connection, names: string[]): Record<string, number> {
  const count = (name: string) =>
    connection
      .prepare(`SELECT count(*) FROM main.${quote(name)}`)
      .pluck()
      .get() as bigint;
  return Object.fromEntries(names.map((name) => [name, Number(count(name))]));
}

/** Tables that hold rows of which none belongs to a tenant. */
export function ownerless(work: Workspace): string[] {
  prepareOwners(work);
  const anyOf = (table: TableWork, condition: string): string =>
    `EXISTS (SELECT 1 FROM main.${quote(table.slice.name)} t WHERE ${condition})`;
  return work.tables
    .filter((table) => {
      const owned = anyOf(table, `${ownerOf(work, table, 't')} IS NOT NULL`);
      return (
        work.connection
          .prepare(`SELECT ${anyOf(table, '1')} AND NOT ${owned}`)
          .pluck()
          .get() === 1n
      );
    })
    .map(({ slice }) => slice.name);
}

/** Digest of each tenant's rows of each table, one scan a table. */
export function digestAll(
  work: Workspace,
  onProgress: OnProgress,
): Record<string, Record<string, TableDigest>> {
  prepareOwners(work);
  const digests: Record<string, Record<string, TableDigest>> = Object.create(null);
  let done = 0;
  for (const table of work.tables) {
    const sums = new Map<string, MultisetHash>();
    const rows = encodeRows(work.connection, work.encoding, {
      values: table.columns.map((column) => `t.${quote(column)}`),
      from: `main.${quote(table.slice.name)} t`,
      locator: locator(table.live, 't'),
      also: [ownerText(ownerOf(work, table, 't'))],
      ...(table.live.rowid === null
        ? {}
        : { stretch: { key: `t.${quote(table.live.rowid)}`, ...everywhere } }),
    });
    for (const { encoded, also } of rows) {
      const [tenant] = also as [string | null];
      if (tenant === null) continue;
      const sum = sums.get(tenant) ?? new MultisetHash();
      sum.addRow(encoded);
      sums.set(tenant, sum);
    }
    digests[table.slice.name] = Object.fromEntries(
      [...sums].map(([tenant, sum]) => [tenant, sum.finish(table.slice.name, table.columns)]),
    );
    onProgress({ phase: 'digesting', done: ++done, total: work.tables.length, unit: 'tables' });
  }
  return digests;
}
