import { MultisetHash } from '../../engine/digest.ts';
import type { OnProgress, TableDigest } from '../../engine/port.ts';
import { quote } from './identifiers.ts';
import { ownerOf, ownerText } from './ownership.ts';
import { hashRows } from './row-hash.ts';
import type { Workspace } from './workspace.ts';
import { locator } from './workspace.ts';

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
    const rows = hashRows(work.connection, work.encoding, {
      values: table.columns.map((column) => `t.${quote(column)}`),
      from: `main.${quote(table.slice.name)} t`,
      locator: locator(table.live, 't'),
      also: [ownerText(ownerOf(work, table, 't'))],
    });
    for (const { hash, also } of rows) {
      const [tenant] = also as [string | null];
      if (tenant === null) continue;
      const sum = sums.get(tenant) ?? new MultisetHash();
      sum.add(hash);
      sums.set(tenant, sum);
    }
    digests[table.slice.name] = Object.fromEntries(
      [...sums].map(([tenant, sum]) => [tenant, sum.finish(table.slice.name, table.columns)]),
    );
    onProgress({ phase: 'digesting', done: ++done, total: work.tables.length, unit: 'tables' });
  }
  return digests;
}
