import { sortedColumns } from '../../engine/digest.ts';
import type { Conflict } from '../../engine/plan.ts';
import type { SliceShape, SliceTable } from '../../engine/slice.ts';
import { linksOf } from '../../engine/slice.ts';
import type { TenantId } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import type { Relation, RelationColumn } from './catalog.ts';
import { ident } from './identifiers.ts';
import type { Structure } from './introspect.ts';
import type { Refuge } from './parking.ts';
import { portionsOf } from './portions.ts';
import type { Sql } from './sql.ts';
import type { Raw, Stage } from './stage.ts';

export type Kind = 'live' | 'staged' | 'want' | 'gone';

/**
 * Temporary tables of one session, up to four per table of the slice: `live` and `staged` hold the tenant's rows, `want`
 * the rows to insert or change as they shall be, `gone` the rows to delete. Making one costs more than filling it: each
 * is made when rows are to go in. Their names start with tdr_, and every use is qualified with pg_temp, so that none
 * can be mistaken for a table of the application.
 */
export interface Slot {
  index: number;
  slice: SliceTable;
  relation: Relation;
  /** The table in SQL; ONLY keeps rows of inheriting tables out, which are tables of their own. */
  target: string;
  /** The temporary tables. As long as `live` or `staged` is not there, it is a query that gives no row. */
  readonly live: string;
  readonly staged: string;
  want: string;
  gone: string;
  /** Those that are there. */
  made: Set<Kind>;
  /** Stored columns, in the order of the row encoding. */
  columns: string[];
  /** Stored columns the backup has too; null: the backup does not have the table. */
  common: string[] | null;
  /** Columns whose difference is an effect. */
  compared: string[];
  key: string[];
  /** Where rows that exchange a unique value are parked, by column. */
  parking: Map<string, Refuge>;
  /** `live` holds the rows of this tenant as they were when last read. */
  known: boolean;
  /** Rows in `live`, `staged`, `want`, `gone`: an empty table is not asked. */
  rows: Record<Kind, number>;
  /** Deleted rows they still carry. */
  dead: Record<Kind, number>;
}

export interface StatusRule {
  column: string;
  suspended: string | number | boolean | null;
}

export interface Workspace {
  sql: Sql;
  structure: Structure;
  stage: Stage | null;
  shape: SliceShape;
  slots: Slot[];
  byName: Map<string, Slot>;
  /** Whether more ways lead from a table to its tenant than one expression should name. */
  manyWays: (table: string) => boolean;
  tenant: TenantId;
  stagedAs: 'none' | 'slice' | 'whole';
  /** The staged tables hold this tenant's rows already. */
  stagedKnown: boolean;
  /** Links (parent and its columns) whose staged parents are partly gone live. */
  returning: Set<string>;
  /** Tables where rows the backup has as the tenant's are, or will be, nobody's (`loose.ts`). */
  loose: Set<string>;
  /** A review replaced values in the staged tables: they are no longer what the backup holds. */
  valuesSet: boolean;
  status: StatusRule | null;
  /** Staged values that the live types refuse, found while collecting. */
  misfits: Conflict[];
  /** Staged rows of tables that keep theirs were taken without what does not fit: another choice of tables needs them whole. */
  bared: boolean;
}

export function targetOf(sql: Sql, relation: { name: string; kind: string; hasChildren?: boolean }): string {
  const name = `${ident(sql.target.schema)}.${ident(relation.name)}`;
  return relation.kind === 'p' ? name : `ONLY ${name}`;
}

export function buildSlots(sql: Sql, structure: Structure, shape: SliceShape, stage: Stage | null): Slot[] {
  return shape.tables.map((slice, index) => {
    const relation = structure.relations.get(slice.name);
    if (!relation) {
      throw new TenantDrError('table-unknown', `Table "${slice.name}" is gone from ${sql.target.location}.`, {
        hint: 'The structure changed since the plan was made: make a new one.',
        table: slice.name,
      });
    }
    const columns = sortedColumns(
      relation.columns.filter((column) => !column.generated).map((column) => column.name),
    );
    const slot: Slot = {
      index,
      slice,
      relation,
      target: targetOf(sql, relation),
      get live() {
        return inSql(this, 'live');
      },
      get staged() {
        return inSql(this, 'staged');
      },
      want: `pg_temp.tdr_want_${index}`,
      gone: `pg_temp.tdr_gone_${index}`,
      made: new Set(),
      columns,
      common: null,
      compared: [],
      key: [],
      parking: new Map(),
      known: false,
      rows: { live: 0, staged: 0, want: 0, gone: 0 },
      dead: { live: 0, staged: 0, want: 0, gone: 0 },
    };
    adoptRaw(slot, stage?.raw.get(slice.name));
    return slot;
  });
}

/** What can be compared, now that it is known which columns the backup has. */
export function adoptRaw(slot: Slot, raw: Raw | undefined): void {
  const { slice, columns } = slot;
  const common = raw ? columns.filter((name) => raw.columns.includes(name)) : null;
  slot.common = common;
  slot.compared = (common ?? []).filter((name) => !slice.untouched.includes(name));
  slot.key = common && slice.key.every((name) => common.includes(name)) ? slice.key : [];
}

/** What the temporary tables depend on: while it stays the same they are emptied instead of made again. */
export function signature(slots: Slot[]): string {
  return JSON.stringify(slots.map((slot) => [slot.relation.oid, slot.columns, slot.common, slot.key]));
}

/** Makes a temporary table for each of these slots that has none yet, so many at once. Outside of a transaction few are locked. */
export async function make(sql: Sql, kind: Kind, ...slots: Slot[]): Promise<void> {
  for (const part of portionsOf(slots.filter(({ made }) => !made.has(kind)))) {
    await sql.run(part.map((slot) => creation(slot, kind)).join('\n'));
    for (const { made } of part) made.add(kind);
  }
}

/** Statements that create one of a slot's tables. CREATE TEMP TABLE takes no schema. */
function creation(slot: Slot, kind: Kind): string {
  const name = `tdr_${kind}_${slot.index}`;
  if (kind === 'want')
    return `CREATE TEMP TABLE ${name} (LIKE ${slot.target.replace(/^ONLY /, '')} INCLUDING GENERATED INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
      tdr_kind "char", tdr_n bigint, tdr_part oid, tdr_ctid tid, tdr_seat_part oid, tdr_seat_ctid tid, tdr_key text, tdr_columns text[], tdr_park text[], tdr_again bool DEFAULT false);`;
  return `CREATE TEMP TABLE ${name} AS ${contents(slot, kind)} WITH NO DATA;`;
}

function inSql(slot: Slot, kind: 'live' | 'staged'): string {
  return slot.made.has(kind) ? `pg_temp.tdr_${kind}_${slot.index}` : `(${contents(slot, kind)} WHERE false)`;
}

/** Query that gives what a table of this kind is made of. */
function contents(slot: Slot, kind: Exclude<Kind, 'want'>): string {
  const { own, columns } = {
    live: {
      own: 'tableoid AS tdr_part, ctid AS tdr_ctid, xmin AS tdr_xmin, NULL::bytea AS tdr_hash',
      columns: slot.columns,
    },
    staged: {
      own: '0::bigint AS tdr_n, NULL::bytea AS tdr_hash, false AS tdr_set',
      columns: slot.common ?? [],
    },
    gone: {
      own: 'tableoid AS tdr_part, ctid AS tdr_ctid, NULL::text AS tdr_key, NULL::bytea AS tdr_hash',
      columns: slot.relation.primaryKey,
    },
  }[kind];
  return `SELECT ${[own, ...columns.map(ident)].join(', ')} FROM ${slot.target}`;
}

/** Drops our temporary tables whose name continues with one of `kinds`. */
export async function dropTables(sql: Sql, kinds: string): Promise<void> {
  const rows = await sql.rows(
    `SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r' AND relname ~ $1`,
    [`^tdr_(${kinds})(_|$)`],
  );
  for (const part of portionsOf(rows))
    await sql.run(`DROP TABLE ${part.map((row) => `pg_temp.${ident(row.relname ?? '')}`).join(', ')}`);
}

/** Deleted rows a temporary table may keep before it is truncated: emptying small ones in place is ten times cheaper. */
const deadLimit = 20_000;

/** Empties temporary tables that hold rows; statement text, empty when there is nothing to do. */
export function emptied(slots: Slot[], kinds: Kind[]): string {
  const truncated: string[] = [];
  const statements: string[] = [];
  for (const slot of slots) {
    for (const kind of kinds) {
      if (slot.rows[kind] === 0) continue;
      slot.dead[kind] += slot.rows[kind];
      slot.rows[kind] = 0;
      if (slot.dead[kind] < deadLimit) statements.push(`DELETE FROM ${slot[kind]};`);
      else {
        slot.dead[kind] = 0;
        truncated.push(slot[kind]);
      }
    }
  }
  if (truncated.length > 0) statements.push(`TRUNCATE ${truncated.join(', ')};`);
  return statements.join(' ');
}

/** Ownership that loops is followed until nothing new is found. */
export function hasLoops(slices: SliceTable[]): boolean {
  return slices.some(({ membership }) => membership.via === 'links' && membership.loops !== undefined);
}

/**
 * After all tables were looked at, parents first: looks again at those whose keys loop, and at whatever belongs through
 * a table in which more was found.
 */
export async function followLoops(slots: Slot[], more: (slot: Slot) => Promise<number>): Promise<void> {
  const again = new Set(slots.filter(({ slice }) => hasLoops([slice])));
  // A set is walked while it grows.
  for (const slot of again) {
    again.delete(slot);
    if ((await more(slot)) === 0) continue;
    for (const child of slots)
      if (linksOf(child.slice).some(({ parent }) => parent === slot.slice.name)) again.add(child);
  }
}

export function columnOf(slot: { relation: Relation }, name: string): RelationColumn {
  const found = slot.relation.columns.find((column) => column.name === name);
  if (!found) throw new Error(`no column ${name} in ${slot.relation.name}`);
  return found;
}

/** Columns that name a row to people: its primary key, or all stored columns where it has none. */
export function namingColumns(relation: Relation): RelationColumn[] {
  const names = relation.primaryKey;
  if (names.length === 0) return relation.columns.filter((column) => !column.generated);
  return names.map((name) => columnOf({ relation }, name));
}

/** "these two rows are the same physical row". */
export function sameRow(a: string, b: string, live = false): string {
  const [part, ctid] = live ? ['tableoid', 'ctid'] : ['tdr_part', 'tdr_ctid'];
  return `${a}.${ctid} = ${b}.tdr_ctid AND ${a}.${part} = ${b}.tdr_part`;
}

/** SQL condition: rows of the same primary key, which every version of a row has. */
export function sameKey({ key }: Pick<Slot, 'key'>, a: string, b: string): string {
  return key.map((name) => `${a}.${ident(name)} = ${b}.${ident(name)}`).join(' AND ');
}

/** SQL condition: `want`, a row to insert, takes the place of `row`, which goes. */
export function sameSeat(row: string, want: string): string {
  return `${row}.tdr_ctid = ${want}.tdr_seat_ctid AND ${row}.tdr_part = ${want}.tdr_seat_part`;
}

/** SQL condition: `want` changes `row`, or takes its place. */
export function sameOrSeat(row: string, want: string): string {
  return `${row}.tdr_ctid = coalesce(${want}.tdr_ctid, ${want}.tdr_seat_ctid) AND ${row}.tdr_part = coalesce(${want}.tdr_part, ${want}.tdr_seat_part)`;
}
