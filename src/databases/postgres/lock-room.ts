import type { Finding } from '../../engine/port.ts';
import { ident, literal } from './identifiers.ts';
import type { Sql } from './sql.ts';

/** What a restore of all tables locks at once, and what the server can hold. */
export interface LockRoom {
  tables: number;
  /** These tables with their partitions and indexes. */
  relations: number;
  /** `max_locks_per_transaction`, and for how many transactions the server has room for as many. */
  each: number;
  transactions: number;
}

/** Our temporary tables, a table: those in use at once, and what holds the long values of those just made. */
const ours = 8;

/** Whether the server has room for the locks of a plan, which reads all tables as they are at one moment. */
export async function lockRoom(sql: Sql): Promise<Finding> {
  const [row] = await sql.rows(`
    WITH root AS (
      SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace(${literal(ident(sql.target.schema))}) AND relkind IN ('r', 'p') AND NOT relispartition),
    held AS (SELECT oid FROM root UNION SELECT relid FROM root, pg_partition_tree(root.oid))
    SELECT (SELECT count(*) FROM root) AS tables,
      (SELECT count(*) FROM held) + (SELECT count(*) FROM pg_index WHERE indrelid IN (SELECT oid FROM held)) AS relations,
      current_setting('max_locks_per_transaction') AS each,
      current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int AS transactions`);
  return roomFinding({
    tables: Number(row?.tables),
    relations: Number(row?.relations),
    each: Number(row?.each),
    transactions: Number(row?.transactions),
  });
}

/** Raising the setting takes a restart of the server: better known before it is needed. */
export function roomFinding({ tables, relations, each, transactions }: LockRoom): Finding {
  const needed = relations + ours * tables;
  const room = each * transactions;
  const detail = `a restore of all ${tables} tables holds some ${needed} at once, the server has room for ${room}`;
  if (needed <= room) return { name: 'locks', ok: true, level: 'ok', detail };
  return {
    name: 'locks',
    ok: false,
    level: 'warning',
    detail,
    hint: `Set max_locks_per_transaction = ${Math.ceil((1.25 * needed) / transactions)} and restart the server while it is quiet, or restore some tables at a time with --tables.`,
  };
}
