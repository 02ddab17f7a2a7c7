import { setImmediate as breathe } from 'node:timers/promises';
import { MultisetHash, sortedColumns } from '../../engine/digest.ts';
import type { OnProgress } from '../../engine/port.ts';
import type { ShareRequest, ShareSums } from './digest-copy.ts';
import { encodeRows } from './encode-rows.ts';
import { quote } from './identifiers.ts';
import { ownerOf, ownerText, prepareOwners } from './owners.ts';
import { SqliteSession } from './session.ts';
import { locator, type TableWork, type Workspace } from './workspace.ts';

/** One stretch of a table's rowids, both ends included; null where the table has no rowids: all of it. */
interface Piece {
  table: TableWork;
  range: { from: bigint; upTo: bigint } | null;
}

/** What was read of one table so far. */
interface Sums {
  byTenant: Map<string, MultisetHash>;
  nobodys: number;
}

const piecesPerTable = 16n;

/** Sums the rows of this process's pieces, by table and tenant. */
export async function digestShare(
  { path, shape, share, of }: ShareRequest,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<ShareSums> {
  const session = new SqliteSession(path, 'read');
  try {
    const work = session.workspace(shape);
    prepareOwners(work);
    const sums = new Map<string, Sums>();
    const own = work.tables
      .flatMap((table) => piecesOf(work, table))
      .filter((_, index) => index % of === share);
    for (const [index, piece] of own.entries()) {
      const name = piece.table.slice.name;
      const found = sums.get(name) ?? { byTenant: new Map(), nobodys: 0 };
      sums.set(name, found);
      sumPiece(work, piece, found);
      onProgress({ phase: 'digest', done: index + 1, total: own.length, unit: 'tables' });
      // Lets an order to stop arrive.
      await breathe();
      signal.throwIfAborted();
    }
    return parts(sums);
  } finally {
    session.close();
  }
}

function parts(sums: Map<string, Sums>): ShareSums {
  const entries = [...sums].map(([table, { byTenant, nobodys }]): [string, ShareSums[string]] => {
    const all = [...byTenant.values()];
    const lanes = new Uint32Array(8 * all.length);
    for (const [index, sum] of all.entries()) sum.save(lanes, 8 * index);
    return [table, { tenants: [...byTenant.keys()], rows: all.map(({ rows }) => rows), lanes, nobodys }];
  });
  return Object.fromEntries(entries);
}

function piecesOf({ connection }: Workspace, table: TableWork): Piece[] {
  const { rowid, name } = table.live;
  if (rowid === null) return [{ table, range: null }];
  // SQLite looks up one end by itself, but reads the whole table for both at once.
  const end = (which: 'min' | 'max') => `(SELECT ${which}(${quote(rowid)}) FROM main.${quote(name)})`;
  const ends = `SELECT ${end('min')} AS low, ${end('max')} AS high`;
  const { low, high } = connection.prepare(ends).get() as { low: bigint | null; high: bigint | null };
  if (low === null || high === null) return [];
  const pieces: Piece[] = [];
  const count = high - low < 4096n ? 1n : piecesPerTable;
  for (let index = 0n; index < count; index++) {
    const at = (step: bigint) => low + ((high - low + 1n) * step) / count;
    pieces.push({ table, range: { from: at(index), upTo: at(index + 1n) - 1n } });
  }
  return pieces;
}

function sumPiece(work: Workspace, { table, range }: Piece, sums: Sums): void {
  const rows = encodeRows(work.connection, work.encoding, {
    values: sortedColumns(table.columns).map((column) => `t.${quote(column)}`),
    from: `main.${quote(table.slice.name)} t`,
    locator: locator(table.live, 't'),
    also: [ownerText(ownerOf(work, table, 't'))],
    ...(range ? { stretch: { key: `t.${quote(table.live.rowid ?? 'rowid')}`, ...range } } : {}),
  });
  for (const { encoded, also } of rows) {
    const [tenant] = also as [string | null];
    if (tenant === null) sums.nobodys++;
    else sumOf(sums.byTenant, tenant).addRow(encoded);
  }
}

function sumOf(sums: Map<string, MultisetHash>, tenant: string): MultisetHash {
  const known = sums.get(tenant);
  if (known) return known;
  const sum = new MultisetHash();
  sums.set(tenant, sum);
  return sum;
}
