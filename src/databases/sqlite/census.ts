import { MultisetHash } from '../../engine/digest.ts';
import type { OnProgress, TableDigest } from '../../engine/port.ts';
import { encodedRow } from './encoding.ts';
import { quote } from './identifiers.ts';
import { ownerOf, ownerText } from './ownership.ts';
import type { Workspace } from './workspace.ts';

/** Rows per table and tenant. Rows without a tenant are not counted. */
export function countAll(work: Workspace): Record<string, Record<string, number>> {
  const counts: Record<string, Record<string, number>> = {};
  for (const table of work.tables) {
    const rows = work.connection
      .prepare(
        `SELECT ${ownerText('o')}, sum(n) FROM (SELECT ${ownerOf(work, table, 't')} AS o, count(*) AS n ` +
          `FROM main.${quote(table.slice.name)} t GROUP BY 1) WHERE o IS NOT NULL GROUP BY 1`,
      )
      .raw()
      .all() as [string, bigint][];
    counts[table.slice.name] = Object.fromEntries(rows.map(([tenant, n]) => [tenant, Number(n)]));
  }
  return counts;
}

/** Digest of each tenant's rows of each table, one scan a table. */
export function digestAll(
  work: Workspace,
  onProgress: OnProgress,
): Record<string, Record<string, TableDigest>> {
  const digests: Record<string, Record<string, TableDigest>> = {};
  let done = 0;
  for (const table of work.tables) {
    const sums = new Map<string, MultisetHash>();
    const row = encodedRow(
      table.columns.map((column) => `t.${quote(column)}`),
      work.encoding,
    );
    const rows = work.connection
      .prepare(
        `SELECT ${ownerText(ownerOf(work, table, 't'))}, ${row} FROM main.${quote(table.slice.name)} t`,
      )
      .raw()
      .iterate() as Iterable<[string | null, Buffer | string]>;
    for (const [tenant, encoded] of rows) {
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
