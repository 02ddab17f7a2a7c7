import Database from 'better-sqlite3';
import { quote } from '../identifiers.ts';
import { demoSchema, demoTriggers } from './schema.ts';

type Value = string | number | Buffer | null;

/** The demo's database as its application writes it. Everything is synchronous: nobody else uses the file yet. */
export class DemoStore {
  private readonly db: Database.Database;
  private readonly inserts = new Map<string, Database.Statement>();

  private constructor(path: string) {
    this.db = new Database(path);
    this.db.pragma('journal_mode = WAL');
    // Made-up data that can be made again need not survive a power cut.
    this.db.pragma('synchronous = OFF');
    this.db.pragma('foreign_keys = ON');
  }

  /** A new database at `path`; the file must not exist yet. */
  static create(path: string): DemoStore {
    const store = new DemoStore(path);
    store.db.exec(demoSchema);
    store.db.exec(demoTriggers);
    return store;
  }

  static open(path: string): DemoStore {
    return new DemoStore(path);
  }

  /** Inserts a row and returns its rowid (0 for a table without one). */
  insert(table: string, row: Record<string, Value>): number {
    const names = Object.keys(row);
    const cacheKey = `${table} ${names.join()}`;
    let statement = this.inserts.get(cacheKey);
    if (!statement) {
      const places = names.map(() => '?').join(', ');
      statement = this.db.prepare(
        `INSERT INTO ${quote(table)} (${names.map(quote).join(', ')}) VALUES (${places})`,
      );
      this.inserts.set(cacheKey, statement);
    }
    return Number(statement.run(Object.values(row)).lastInsertRowid);
  }

  /** Runs one of the fixed statements of the demo with named values; returns the rows it changed. */
  run(sql: string, values: Record<string, Value>): number {
    return this.db.prepare(sql).run(values).changes;
  }

  /** First column of all rows, as numbers. */
  numbers(sql: string, values: Record<string, Value>): number[] {
    return this.db.prepare(sql).pluck().all(values).map(Number);
  }

  /** One transaction around `work`. */
  together<T>(work: () => T): T {
    return this.db.transaction(work)();
  }

  /** Closes; the last close moves the write-ahead log into the main file. */
  close(): void {
    this.db.close();
  }
}
