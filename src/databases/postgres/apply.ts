import { own } from '../../engine/own.ts';
import type { SharedNeed } from '../../engine/plan.ts';
import { TenantDrError } from '../../errors.ts';
import { ident, identList, literal } from './identifiers.ts';
import { parked } from './parking.ts';
import { sharedInserts } from './shared.ts';
import type { Row } from './sql.ts';
import type { Slot, Workspace } from './workspace.ts';
import { sameKey, sameOrSeat, sameSeat } from './workspace.ts';

export interface Executed {
  insert: number;
  update: number;
  delete: number;
}

/** Rows each table's counters must have moved by, besides the result for the plan. */
export interface Applied {
  executed: Record<string, Executed>;
  /** Physical row operations per table: parked rows count twice, reinserted ones as delete and insert. */
  counted: Map<string, Executed>;
}

interface Step {
  table: string;
  /** Slot of a slice table; none for a shared one. */
  slot: Slot | null;
  kind: keyof Executed;
  rows: number;
  statement: string;
}

/**
 * Applies the compared effects in one statement: deletes, then updates, then inserts, as data-modifying CTEs.
 * Foreign keys are checked, and cascades run, when the statement ends and everything is in place, so order among
 * tables, cycles and self references do not matter. Unique values that rows exchange are parked first.
 * Each part must touch exactly the rows it was given.
 */
export async function applyEffects(work: Workspace, needs: SharedNeed[]): Promise<Applied> {
  const applied: Applied = { executed: {}, counted: new Map() };
  for (const slot of work.slots) applied.executed[slot.slice.name] = { insert: 0, update: 0, delete: 0 };
  for (const slot of work.slots) await park(work, slot, applied);
  const steps = await planSteps(work, needs);
  if (steps.length > 0) {
    const ctes = steps.map((step, i) => `s${i} AS (${step.statement})`).join(',\n');
    const counts = steps.map((_, i) => `(SELECT count(*) FROM s${i}) AS c${i}`).join(', ');
    const [row] = await work.sql.rows(`WITH ${ctes} SELECT ${counts}`);
    for (const [i, step] of steps.entries()) {
      const changed = Number(row?.[`c${i}`]);
      if (changed !== step.rows) throw shortfall(step, changed);
      count(applied, step.table, step.kind, changed);
    }
    for (const slot of work.slots) await tally(work, slot, applied);
    for (const step of steps) {
      if (step.slot) continue;
      const sum = own(applied.executed, step.table) ?? { insert: 0, update: 0, delete: 0 };
      applied.executed[step.table] = { ...sum, insert: sum.insert + step.rows };
    }
  }
  await work.sql.run('SET CONSTRAINTS ALL IMMEDIATE');
  return applied;
}

function count(applied: Applied, table: string, kind: keyof Executed, rows: number): void {
  const sum = applied.counted.get(table) ?? { insert: 0, update: 0, delete: 0 };
  sum[kind] += rows;
  applied.counted.set(table, sum);
}

function shortfall(step: Step, changed: number): TenantDrError {
  const what = step.slot
    ? [...step.slot.relation.triggers, ...step.slot.relation.rules].map((one) => one.name)
    : [];
  return new TenantDrError(
    'trigger-refused',
    `${step.kind} of "${step.table}" changed ${changed} rows instead of ${step.rows}: ${what.length > 0 ? `a trigger or rule (${what.join(', ')})` : 'something'} stood in the way. Everything was rolled back.`,
    {
      hint: 'Leave the table out with --tables, or connect as a role that may set session_replication_role.',
      table: step.table,
    },
  );
}

/** The plan's numbers: a reinserted row is an update. */
async function tally(work: Workspace, slot: Slot, applied: Applied): Promise<void> {
  const sum = applied.executed[slot.slice.name] as Executed;
  sum.delete = slot.rows.gone;
  if (slot.rows.want === 0) return;
  const [row] = await work.sql.rows(
    `SELECT count(*) FILTER (WHERE tdr_kind = 'i') AS i, count(*) FILTER (WHERE tdr_kind = 'u') AS u FROM ${slot.want}`,
  );
  sum.insert = Number(row?.i);
  sum.update = Number(row?.u);
}

/** Moves rows that exchange a unique value out of the way. */
async function park(work: Workspace, slot: Slot, applied: Applied): Promise<void> {
  if (slot.rows.want === 0 || slot.key.length === 0) return;
  const spaces = await work.sql.rows(
    `SELECT DISTINCT tdr_c AS c FROM ${slot.want} w, unnest(w.tdr_park) AS tdr_u(tdr_c) ORDER BY 1`,
  );
  for (const space of spaces) {
    const refuge = slot.parking.get(space.c ?? '');
    if (!refuge) continue;
    const { column } = refuge;
    const changed = await work.sql.run(
      `UPDATE ${slot.target} t SET ${ident(column.name)} = p.tdr_value FROM (SELECT ${identList(slot.key, 'l')}, ${parked(refuge)} AS tdr_value FROM ${slot.want} w JOIN ${slot.live} l ON ${sameOrSeat('l', 'w')} WHERE ${literal(column.name)} = ANY (w.tdr_park)) p WHERE ${sameKey(slot, 't', 'p')}`,
    );
    count(applied, slot.slice.name, 'update', changed);
  }
}

async function planSteps(work: Workspace, needs: SharedNeed[]): Promise<Step[]> {
  const deletes: Step[] = [];
  const updates: Step[] = [];
  const inserts: Step[] = sharedInserts(work, needs).map(({ table, statement, rows }) => ({
    table,
    slot: null,
    kind: 'insert',
    rows,
    statement,
  }));
  for (const slot of work.slots) {
    const table = slot.slice.name;
    const row = await kindsOf(work, slot);
    const replaced = Number(row?.r ?? 0);
    if (slot.rows.gone > replaced) {
      const stays =
        replaced > 0 ? ` AND NOT EXISTS (SELECT FROM ${slot.want} w WHERE ${sameSeat('g', 'w')})` : '';
      deletes.push({
        table,
        slot,
        kind: 'delete',
        rows: slot.rows.gone - replaced,
        statement: `DELETE FROM ${slot.target} t USING ${slot.gone} g WHERE ${located('g')}${stays} RETURNING 1`,
      });
    }
    if (!row) continue;
    const again = Number(row.a);
    const inserted = Number(row.i) - replaced + again;
    if (again > 0) {
      deletes.push({
        table,
        slot,
        kind: 'delete',
        rows: again,
        statement: `DELETE FROM ${slot.target} t USING ${slot.want} g WHERE g.tdr_again AND ${located('g')} RETURNING 1`,
      });
    }
    if (Number(row.u) > 0) {
      updates.push({
        table,
        slot,
        kind: 'update',
        rows: Number(row.u),
        statement: updateStatement(slot, JSON.parse(row.columns ?? '[]') as string[]),
      });
    }
    if (replaced > 0)
      updates.push({ table, slot, kind: 'update', rows: replaced, statement: replaceStatement(slot) });
    if (inserted > 0)
      inserts.push({ table, slot, kind: 'insert', rows: inserted, statement: insertStatement(slot) });
  }
  return [...deletes, ...updates, ...inserts];
}

/** How many rows are to change, to be inserted again, to insert, and among these to take the place of a deleted one. */
async function kindsOf(work: Workspace, slot: Slot): Promise<Row | undefined> {
  if (slot.rows.want === 0) return undefined;
  const [row] = await work.sql.rows(
    `SELECT count(*) FILTER (WHERE tdr_kind = 'u' AND NOT tdr_again) AS u, count(*) FILTER (WHERE tdr_again) AS a, count(*) FILTER (WHERE tdr_kind = 'i') AS i,
      count(*) FILTER (WHERE tdr_seat_ctid IS NOT NULL) AS r,
      (SELECT json_agg(DISTINCT tdr_c) FROM ${slot.want} w, unnest(w.tdr_columns || w.tdr_park) AS tdr_u(tdr_c) WHERE NOT w.tdr_again) AS columns FROM ${slot.want}`,
  );
  return row;
}

function located(alias: string): string {
  return `t.ctid = ${alias}.tdr_ctid AND t.tableoid = ${alias}.tdr_part`;
}

/** `columns`: those that change in some row, and those a row was parked by, which must be put back. */
function updateStatement(slot: Slot, columns: string[]): string {
  const sets = columns.map((name) => `${ident(name)} = w.${ident(name)}`).join(', ');
  return `UPDATE ${slot.target} t SET ${sets} FROM ${slot.want} w WHERE w.tdr_kind = 'u' AND NOT w.tdr_again AND ${sameKey(slot, 't', 'w')} RETURNING 1`;
}

/** Found by the key it has: a row that was parked is another version of itself. */
function replaceStatement(slot: Slot): string {
  const sets = slot.columns.map((name) => `${ident(name)} = w.${ident(name)}`).join(', ');
  return `UPDATE ${slot.target} t SET ${sets} FROM ${slot.want} w JOIN ${slot.live} l ON ${sameSeat('l', 'w')} WHERE ${sameKey(slot, 't', 'l')} RETURNING 1`;
}

function insertStatement(slot: Slot): string {
  const list = identList(slot.columns);
  const name = slot.target.replace(/^ONLY /, '');
  return `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM ${slot.want} WHERE tdr_kind = 'i' AND tdr_seat_ctid IS NULL OR tdr_again RETURNING 1`;
}

/**
 * Marks rows whose GENERATED ALWAYS identity column changes: no UPDATE may set it, so they are deleted and inserted
 * again. Call after comparing.
 */
export async function markReinserted(work: Workspace, slot: Slot): Promise<number> {
  const columns = slot.relation.columns.filter(
    (column) => column.identity === 'always' && slot.compared.includes(column.name),
  );
  if (columns.length === 0 || slot.rows.want === 0) return 0;
  const list = columns.map((column) => literal(column.name)).join(', ');
  return work.sql.run(
    `UPDATE ${slot.want} SET tdr_again = true WHERE tdr_kind = 'u' AND tdr_columns && ARRAY[${list}]::text[]`,
  );
}
