import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DemoRow, DemoStore, DemoValue } from '../../demo/store.ts';
import { connect, readTarget } from '../connect.ts';
import { escapeCopy } from '../dump/copy-text.ts';
import { ident, identList, literal } from '../identifiers.ts';
import type { Sql } from '../sql.ts';
import { demoParents, demoSchema, demoTables, demoTriggers } from './schema.ts';

/** Makes the demo's tables in an empty database. */
export async function postgresDemo(url: string): Promise<DemoStore> {
  const sql = await connect(readTarget(url));
  await sql.run(demoSchema + demoTriggers);
  return new PostgresStore(sql);
}

/** Rows of one table with the same columns, to be inserted together. */
interface Batch {
  table: string;
  columns: string[];
  rows: DemoRow[];
}

type Step = { batches: Map<string, Batch> } | { statement: string };

/**
 * Collects rows and sends them many at a time: the demo has ten thousands of them. Ids that other rows refer to are
 * given out here, all others by the database.
 */
class PostgresStore implements DemoStore {
  private readonly sql: Sql;
  private lastIds = new Map(demoParents.map((table) => [table, 0]));
  private steps: Step[] = [];

  constructor(sql: Sql) {
    this.sql = sql;
  }

  insert(table: string, given: DemoRow): number {
    const last = this.lastIds.get(table);
    const row = last === undefined ? given : { id: last + 1, ...given };
    if (last !== undefined) this.lastIds.set(table, last + 1);
    const columns = Object.keys(row);
    const key = [table, ...columns].join();
    const batches = this.batches();
    const batch = batches.get(key) ?? { table, columns, rows: [] };
    batches.set(key, batch);
    batch.rows.push(row);
    return last === undefined ? 0 : last + 1;
  }

  /** Rows since the last statement. */
  private batches(): Map<string, Batch> {
    const step = this.steps.at(-1);
    if (step && 'batches' in step) return step.batches;
    const batches = new Map<string, Batch>();
    this.steps.push({ batches });
    return batches;
  }

  run(sql: string, values: DemoRow): void {
    this.steps.push({ statement: withValues(sql, values) });
  }

  async numbers(sql: string, values: DemoRow): Promise<number[]> {
    return (await this.sql.rows(withValues(sql, values))).map((row) => Number(Object.values(row)[0]));
  }

  async together(work: () => void): Promise<void> {
    this.steps = [];
    work();
    await this.sql.run('BEGIN');
    for (const step of this.steps) {
      if ('statement' in step) await this.sql.run(step.statement);
      else await this.insertAll([...step.batches.values()]);
    }
    await this.raiseCounters();
    await this.sql.run('COMMIT');
  }

  private async insertAll(batches: Batch[]): Promise<void> {
    batches.sort((a, b) => demoTables.indexOf(a.table) - demoTables.indexOf(b.table));
    for (const { table, columns, rows } of batches) {
      const text = rows.map((row) => `${columns.map((name) => copyText(row[name])).join('\t')}\n`);
      const copy = this.sql.copyIn(`COPY ${ident(table)} (${identList(columns)}) FROM STDIN`);
      await pipeline(Readable.from(text), copy);
    }
  }

  /** The database's counters go on where ours stand, and ours where its statements left them. */
  private async raiseCounters(): Promise<void> {
    const raise = demoParents.map(
      (table) =>
        `SELECT setval(pg_get_serial_sequence(${literal(table)}, 'id'), max(id)) FROM ${ident(table)}`,
    );
    await this.sql.run(raise.join('; '));
    await this.readIds();
  }

  private async readIds(): Promise<void> {
    const each = demoParents.map(
      (table) => `(SELECT coalesce(max(id), 0) FROM ${ident(table)}) AS ${ident(table)}`,
    );
    const [row] = await this.sql.rows(`SELECT ${each.join(', ')}`);
    this.lastIds = new Map(demoParents.map((table) => [table, Number(row?.[table])]));
  }

  async rest(): Promise<void> {}

  close(): Promise<void> {
    return this.sql.end();
  }
}

/** A value in the text form of COPY. */
function copyText(value: DemoValue | undefined): string {
  if (value === null || value === undefined) return '\\N';
  return escapeCopy(Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : String(value));
}

/** The demo's own values, numbers and times: written as constants, so that each takes the type of its place. */
function withValues(sql: string, values: DemoRow): string {
  return sql.replaceAll(/@(\w+)/g, (_, name: string) => {
    const value = values[name];
    return typeof value === 'number' ? String(value) : literal(String(value));
  });
}
