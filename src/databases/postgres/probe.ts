import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ChangeMarker, Outcome } from '../../engine/port.ts';
import type { Relation } from './catalog.ts';
import { readBinary } from './copy-binary.ts';
import { castTo, rowHash } from './encoding.ts';
import { ident } from './identifiers.ts';
import { clusterIdentity } from './identity.ts';
import type { Structure } from './introspect.ts';
import type { SavedChange } from './save.ts';
import { changeQueries } from './save.ts';
import type { Sql } from './sql.ts';
import type { Workspace } from './workspace.ts';
import { columnOf, targetOf } from './workspace.ts';

const page = 500;

/**
 * Did the change happen? On the same cluster and timeline the transaction id tells, as long as the server was not
 * started anew: an id that had not reached its log before a crash is given out again. Where it cannot tell (another
 * cluster after a failover, an id too old), row by row: any planned row in its new state proves the commit, any in
 * its old state proves that there was none; both at once is for a person to decide.
 */
export async function probe(
  sql: Sql,
  structure: Structure,
  path: string,
  marker: ChangeMarker,
): Promise<Outcome> {
  const told = await askTransaction(sql, marker);
  if (told !== null && told !== 'committed') return told;
  const seen = await askRows(sql, structure, path);
  // A server that recovered from a crash of one of its processes keeps its start time, and may do the same.
  if (told === 'committed') return seen === 'not-committed' ? 'contradictory' : 'committed';
  return seen;
}

async function askRows(sql: Sql, structure: Structure, path: string): Promise<Outcome> {
  let fresh = 0;
  let old = 0;
  let batch: SavedChange[] = [];
  const look = async (): Promise<void> => {
    const found = await presentHashes(sql, structure, batch);
    for (const [i, change] of batch.entries()) {
      if (change.before === change.after) continue;
      if (found[i] === change.after) fresh++;
      else if (found[i] === change.before) old++;
    }
    batch = [];
  };
  for await (const line of createInterface({ input: createReadStream(path, 'utf8') })) {
    if (line === '') continue;
    const change = JSON.parse(line) as SavedChange;
    if (batch.length === page || (batch[0] && batch[0].table !== change.table)) await look();
    batch.push(change);
  }
  if (batch.length > 0) await look();
  if (fresh > 0 && old > 0) return 'contradictory';
  return fresh > 0 ? 'committed' : 'not-committed';
}

/** What the cluster that ran the transaction says of it; null when it cannot say. */
async function askTransaction(sql: Sql, marker: ChangeMarker): Promise<Outcome | null> {
  const cluster = await clusterIdentity(sql);
  if (
    !marker.xid ||
    !cluster.systemId ||
    marker.systemId !== cluster.systemId ||
    String(marker.timeline) !== cluster.timeline ||
    (marker.started != null && marker.started !== (await sql.value('SELECT pg_postmaster_start_time()')))
  )
    return null;
  let status: string | null;
  try {
    status = await sql.value('SELECT pg_xact_status($1::text::xid8)', [String(marker.xid)]);
  } catch (error) {
    // An id from the future: this is a restored copy of that cluster. Then the rows decide.
    void error;
    return null;
  }
  if (status === 'committed') return 'committed';
  if (status === 'aborted') return 'not-committed';
  return status === 'in progress' ? 'in-progress' : null;
}

async function presentHashes(
  sql: Sql,
  structure: Structure,
  changes: SavedChange[],
): Promise<(string | null)[]> {
  const first = changes[0];
  const relation = first ? structure.relations.get(first.table) : undefined;
  if (!first || !relation) return changes.map(() => null);
  const columns = relation.columns.filter((column) => !column.generated).map((column) => column.name);
  if (relation.primaryKey.length === 0) return presentCounts(sql, relation, columns, changes);
  const same = relation.primaryKey
    .map((name, i) => `t.${ident(name)} = ${castTo(columnOf({ relation }, name), `(x.key ->> ${i})`)}`)
    .join(' AND ');
  const rows = await sql.rows(
    `SELECT encode(${rowHash('t', columns)}, 'hex') AS hash, x.n AS n FROM json_array_elements($1::json) WITH ORDINALITY x(key, n) JOIN ${targetOf(sql, relation)} t ON ${same}`,
    [JSON.stringify(changes.map((change) => change.key))],
  );
  const found = new Map(rows.map((row) => [Number(row.n) - 1, row.hash ?? null]));
  return changes.map((_, i) => found.get(i) ?? null);
}

/** How many rows of a table without a key have the content each change is about. */
async function presentCounts(
  sql: Sql,
  relation: Relation,
  columns: string[],
  changes: SavedChange[],
): Promise<(string | null)[]> {
  const rows = await sql.rows(
    `SELECT h, count(*) AS n FROM (SELECT encode(${rowHash('t', columns)}, 'hex') AS h FROM ${targetOf(sql, relation)} t) q
     WHERE h IN (SELECT json_array_elements_text($1::json)) GROUP BY h`,
    [JSON.stringify(changes.map((change) => change.key[0]))],
  );
  const counts = new Map(rows.map((row) => [row.h, row.n ?? '0']));
  return changes.map((change) => counts.get(change.key[0] ?? '') ?? '0');
}

/**
 * What an undo would touch beyond the recorded change: rows the change did not write, or that hold something else
 * than it left. Call after compare, with the safety copy staged. Not the tenant's own row: its status moves, and undo looks at it by itself.
 */
export async function changedSince(work: Workspace, path: string): Promise<{ table: string; key: string }[]> {
  const left = new Map<string, SavedChange>();
  const nameOf = ({ table, key }: SavedChange): string => JSON.stringify([table, key]);
  for await (const line of createInterface({ input: createReadStream(path, 'utf8') })) {
    if (line === '') continue;
    const change = JSON.parse(line) as SavedChange;
    left.set(nameOf(change), change);
  }
  const moved: { table: string; key: string }[] = [];
  for (const slot of work.slots) {
    if (slot.slice.membership.via === 'identity') continue;
    for (const query of changeQueries(slot, true)) {
      await readBinary(work.sql, query, (fields) => {
        const change = JSON.parse((fields[0] as Buffer).toString('utf8')) as SavedChange;
        if (left.get(nameOf(change))?.after !== change.before)
          moved.push({ table: change.table, key: JSON.stringify(change.key) });
      });
    }
  }
  return moved;
}
