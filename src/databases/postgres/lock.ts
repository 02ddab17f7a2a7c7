import { TenantDrError } from '../../errors.ts';
import { lockTimeout, sqlState } from './errors.ts';
import { literal } from './identifiers.ts';
import { collectAll, collectLiveTable, liveMember, sameVersions, sameVersionsAll } from './live.ts';
import type { Row, Sql } from './sql.ts';
import { idText } from './tenants.ts';
import type { Slot, Workspace } from './workspace.ts';
import { hasLoops } from './workspace.ts';

/**
 * One operator per tenant: an advisory lock that ends with the transaction. It is waited for as any lock is, because
 * the session of a process that was killed lives on for a while. The tables' rows are locked next.
 */
export async function lockTenant({ sql, tenant }: Workspace): Promise<void> {
  const key = `hashtextextended(${literal(`tenant-dr ${sql.target.schema} ${idText(tenant)}`)}, 0)`;
  try {
    await sql.run(`SELECT pg_advisory_xact_lock(${key})`);
  } catch (error) {
    if (sqlState(error) !== lockTimeout) throw error;
    await sql.run('ROLLBACK');
    throw heldBy(await holderOf(sql, key), error);
  }
}

/** The session that holds an advisory lock; undefined when it has just let go. */
async function holderOf(sql: Sql, key: string): Promise<Row | undefined> {
  const [holder] = await sql.rows(
    `SELECT a.pid, to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS') AS since, CASE WHEN a.wait_event_type = 'Lock' THEN 'waiting for a lock' ELSE a.state END AS state
     FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()
       AND (l.classid::bigint << 32 | l.objid::bigint) = ${key}`,
  );
  return holder;
}

function heldBy(holder: Row | undefined, cause: unknown): TenantDrError {
  const facts = [
    `server process ${holder?.pid}`,
    holder?.since && `since ${holder.since} UTC`,
    holder?.state,
  ];
  return new TenantDrError(
    'database-busy',
    `Another tenant-dr is changing this tenant${holder ? ` (${facts.filter(Boolean).join(', ')})` : ''}. Nothing was changed.`,
    {
      hint: `Wait until that is finished: \`tenant-dr incidents\` shows whose it is.${holder ? ` If its process is dead, end its session: SELECT pg_terminate_backend(${holder.pid}).` : ''} Then run this again.`,
      cause,
    },
  );
}

/**
 * Locks the tenant's row, then its slice, parents first and in key order, until nothing new appears. READ COMMITTED:
 * every statement sees what was committed before it. Rows that are not the versions collected before are read
 * again; true when there were any.
 */
export async function lockSlice(work: Workspace): Promise<boolean> {
  if (hasLoops(work.shape.tables)) return lockLoops(work);
  let changed = false;
  // Usually nothing moved: then one message locks all. Whatever did is looked at table by table, the locks being held.
  if (!(await sameVersionsAll(work)))
    for (const slot of work.slots) changed = (await lockTable(work, slot)) || changed;
  for (let round = 0; round < 20; round++) {
    const grown = await grownTables(work);
    if (grown.length === 0) return changed;
    changed = true;
    for (const slot of grown) await lockTable(work, slot);
  }
  throw unstable();
}

/** Where ownership loops, one table's rows decide about those of others: all are read again until all are locked. */
async function lockLoops(work: Workspace): Promise<boolean> {
  for (let round = 0; round < 20; round++) {
    if (await sameVersionsAll(work)) return round > 0;
    await collectAll(work);
  }
  throw unstable();
}

async function lockTable(work: Workspace, slot: Slot): Promise<boolean> {
  if (slot.slice.mode === 'keep') {
    if (await sameVersions(work, slot)) return false;
    await collectLiveTable(work, slot);
    return true;
  }
  for (let round = 0; round < 20; round++) {
    if (await sameVersions(work, slot, true)) return round > 0;
    await collectLiveTable(work, slot);
  }
  throw unstable();
}

function unstable(): TenantDrError {
  return new TenantDrError(
    'plan-stale',
    'Rows of this tenant keep changing while they are being locked. Nothing was changed.',
    {
      hint: 'Suspend the tenant or stop what writes its rows, then plan again.',
    },
  );
}

/** Tables that hold more of the tenant's rows than were collected: written by others meanwhile. */
export async function grownTables(work: Workspace): Promise<Slot[]> {
  const asked = work.slots.flatMap((slot) => {
    const member = slot.slice.mode === 'keep' ? null : liveMember(work, slot);
    return member === null
      ? []
      : [{ slot, query: `SELECT count(*) AS n FROM ${slot.target} t WHERE ${member}` }];
  });
  const results = await work.sql.each(asked.map(({ query }) => query));
  return asked.filter(({ slot }, i) => Number(results[i]?.[0]?.n) !== slot.rows.live).map(({ slot }) => slot);
}

/** Deadlocks are worth another try while nothing was changed yet. */
export function isDeadlock(error: unknown): boolean {
  return sqlState(error) === '40P01';
}

/** Tables into which others can insert rows for this tenant although its row is locked: no foreign key stops them. */
export function uncovered(work: Workspace): string[] {
  return work.slots
    .filter((slot) => {
      const { membership } = slot.slice;
      if (membership.via === 'identity') return false;
      const keys = slot.relation.foreignKeys;
      const columns =
        membership.via === 'links' ? membership.links.map((link) => link.columns) : [[membership.column]];
      return !columns.every((own) =>
        keys.some((key) => key.columns.join('\n') === own.join('\n') && work.byName.has(key.table)),
      );
    })
    .map((slot) => slot.slice.name);
}
