import type { IsolationProof } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import type { Applied, Executed } from './apply.ts';
import { uncovered } from './lock.ts';
import type { Sql } from './sql.ts';
import { type DisabledTrigger, type TriggerMethod, triggersOf } from './triggers.ts';
import type { Workspace } from './workspace.ts';

/**
 * The isolation proof of PostgreSQL: the server counts the rows each transaction writes, cascades, trigger writes,
 * COPY and MERGE included. The counters' difference over the change must equal what our own statements report, for
 * every table of the database, and no table may have got a new file (TRUNCATE and rewrites are not counted).
 */
export interface Baseline {
  counters: Map<string, Executed & { name: string }>;
  files: Map<string, string>;
}

const countersQuery = `
  SELECT s.relid::oid::text AS oid, format('%I.%I', s.schemaname, s.relname) AS name, n_tup_ins AS i, n_tup_upd AS u, n_tup_del AS d
  FROM pg_stat_xact_all_tables s
  WHERE (s.schemaname <> 'pg_catalog' OR s.relname LIKE 'pg_largeobject%')
    AND s.schemaname <> 'information_schema' AND s.schemaname NOT LIKE 'pg\\_temp%' AND s.schemaname NOT LIKE 'pg\\_toast%'
    AND (n_tup_ins > 0 OR n_tup_upd > 0 OR n_tup_del > 0)`;

const filesQuery = `
  SELECT c.oid::text AS oid, coalesce(pg_relation_filenode(c.oid), 0)::text AS file FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'`;

/** Taken in the transaction, after staging and locking, before the first change. */
export async function takeBaseline(sql: Sql): Promise<Baseline> {
  if ((await sql.value(`SELECT current_setting('track_counts')`)) !== 'on') {
    throw new TenantDrError(
      'no-isolation-proof',
      'The server does not count row writes (track_counts is off), so nothing could prove that no other tenant was written. Nothing was changed.',
      {
        hint: 'Set track_counts = on for this role or server.',
      },
    );
  }
  return { counters: await readCounters(sql), files: await readFiles(sql) };
}

async function readCounters(sql: Sql): Promise<Baseline['counters']> {
  const rows = await sql.rows(countersQuery);
  return new Map(
    rows.map((row) => [
      row.oid ?? '',
      {
        name: row.name ?? '',
        insert: Number(row.i),
        update: Number(row.u),
        delete: Number(row.d),
      },
    ]),
  );
}

async function readFiles(sql: Sql): Promise<Map<string, string>> {
  const rows = await sql.rows(filesQuery);
  return new Map(rows.map((row) => [row.oid ?? '', row.file ?? '']));
}

/** Writes that the counters do not see are refused before the first change. */
export async function requireCounted(work: Workspace): Promise<void> {
  const foreign = work.slots.find((slot) => slot.relation.foreignLeaf && slot.rows.want + slot.rows.gone > 0);
  if (foreign) {
    throw new TenantDrError(
      'no-isolation-proof',
      `"${foreign.slice.name}" is (or has) a foreign table: this server does not count its writes. Nothing was changed.`,
      {
        table: foreign.slice.name,
        hint: 'Leave it out with --tables and restore it on the server that holds it.',
      },
    );
  }
  if ((await work.sql.value(`SELECT to_regclass('pg_catalog.pg_dist_partition')`)) !== null) {
    throw new TenantDrError(
      'no-isolation-proof',
      'This is a Citus database: writes on its shards are not counted here. Nothing was changed.',
      {
        hint: 'Run the restore on the worker that holds the shard.',
      },
    );
  }
}

/** Compares counters and files with the baseline. Throws isolation-failed naming the tables. */
export async function prove(
  work: Workspace,
  baseline: Baseline,
  applied: Applied,
  method: TriggerMethod,
  disabled: DisabledTrigger[],
): Promise<IsolationProof> {
  const now = await readCounters(work.sql);
  const owners = new Map<string, string>();
  for (const relation of work.structure.relations.values())
    for (const leaf of relation.leaves) owners.set(leaf, relation.name);
  const written = new Map<string, Executed>();
  for (const [oid, counter] of now) {
    const before = baseline.counters.get(oid) ?? { insert: 0, update: 0, delete: 0 };
    const table = owners.get(oid) ?? counter.name;
    const sum = written.get(table) ?? { insert: 0, update: 0, delete: 0 };
    for (const kind of ['insert', 'update', 'delete'] as const) sum[kind] += counter[kind] - before[kind];
    written.set(table, sum);
  }
  const hint = suspects(work, applied, method);
  for (const [table, sum] of written) {
    const own = applied.counted.get(table) ?? { insert: 0, update: 0, delete: 0 };
    if (!agrees(sum, own, work.structure.relations.get(table)?.kind === 'p'))
      throw leak(table, sum, own, hint);
  }
  for (const [table, own] of applied.counted) {
    if (!written.has(table) && own.insert + own.update + own.delete > 0)
      throw leak(table, { insert: 0, update: 0, delete: 0 }, own, hint);
  }
  const files = await readFiles(work.sql);
  for (const [oid, file] of baseline.files) {
    if (files.get(oid) !== file) throw leak(owners.get(oid) ?? `relation ${oid}`, null, null, hint);
  }
  return {
    method: 'postgres-write-counters',
    otherRowsWritten: 0,
    tablesGuarded: baseline.files.size,
    notes: notesFor(work, method, disabled),
  };
}

/** A row that moves to another partition is counted as delete and insert there, as one update by our statement. */
function agrees(sum: Executed, own: Executed, partitioned: boolean): boolean {
  const moved = partitioned ? own.update - sum.update : 0;
  return (
    moved >= 0 &&
    sum.update === own.update - moved &&
    sum.insert === own.insert + moved &&
    sum.delete === own.delete + moved
  );
}

/** Who may have written beyond the plan, and what keeps them from it. */
function suspects(work: Workspace, { counted }: Applied, method: TriggerMethod): string {
  const changed = work.slots.filter(({ slice }) => counted.has(slice.name));
  const ran = method === 'on' ? changed.flatMap(triggersOf) : [];
  if (ran.length === 0)
    return 'A trigger, rule or cascade of the application writes there. Look at the triggers of the changed tables.';
  const names = ran.map(({ slot, name }) => `${slot.slice.name}.${name}`);
  return `A trigger of the changed tables (${[...new Set(names)].join(', ')}), a rule or a cascade writes there. Connect as a role that may set session_replication_role, or say --disable-triggers: all tenants wait meanwhile when they write these tables.`;
}

function leak(table: string, sum: Executed | null, own: Executed | null, hint: string): TenantDrError {
  const text = (counts: Executed): string =>
    `${counts.insert} inserted, ${counts.update} updated, ${counts.delete} deleted`;
  const detail =
    sum && own
      ? `the server counted ${text(sum)} rows where the plan has ${text(own)}`
      : 'it was emptied, rewritten or dropped';
  return new TenantDrError(
    'isolation-failed',
    `Something wrote to "${table}" beyond the plan: ${detail}. Everything was rolled back.`,
    { table, hint },
  );
}

function notesFor(work: Workspace, method: TriggerMethod, disabled: DisabledTrigger[]): string[] {
  const notes: string[] = [];
  if (method === 'replica')
    notes.push(
      'Application triggers, foreign keys and cascades were off in this session (session_replication_role); keys were checked by hand.',
    );
  if (method === 'disabled')
    notes.push(
      `Triggers were disabled while the change ran: ${disabled.map(({ slot, name }) => `${slot.slice.name}.${name}`).join(', ')}.`,
    );
  const objects = work.slots.filter((slot) =>
    slot.relation.columns.some((column) => column.baseName === 'oid' || column.type === 'lo'),
  );
  if (objects.length > 0) {
    notes.push(
      `Numbers of large objects came back in ${objects.map((slot) => slot.slice.name).join(', ')}, the objects themselves did not.`,
    );
  }
  const open = uncovered(work);
  if (open.length > 0)
    notes.push(`No lock keeps others from adding rows for this tenant to: ${open.join(', ')}.`);
  return notes;
}
