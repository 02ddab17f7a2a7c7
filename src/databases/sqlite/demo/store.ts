import Database from 'better-sqlite3';
import type { DemoDatabase, DemoRow, DemoStore } from '../../demo/store.ts';
import { quote } from '../identifiers.ts';
import { demoSchema, demoTriggers } from './schema.ts';

/** The demo in a file at `path`, which must not exist yet. Closed, it is whole: nothing waits in a log beside it. */
export function sqliteDemo(path: string): DemoDatabase {
  return {
    create: async () => SqliteStore.create(path),
    open: async () => SqliteStore.open(path),
  };
}

class SqliteStore implements DemoStore {
  private readonly db: Database.Database;
  private readonly inserts = new Map<string, Database.Statement>();

  private constructor(path: string) {
    this.db = new Database(path);
    this.db.pragma('journal_mode = WAL');
    // Made-up data that can be made again need not survive a power cut.
    this.db.pragma('synchronous = OFF');
    this.db.pragma('foreign_keys = ON');
  }

  static create(path: string): SqliteStore {
    const store = new SqliteStore(path);
    store.db.exec(demoSchema);
    store.db.exec(demoTriggers);
    return store;
  }

  static open(path: string): SqliteStore {
    return new SqliteStore(path);
  }

  insert(table: string, row: DemoRow): number {
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

  run(sql: string, values: DemoRow): void {
    this.db.prepare(sql).run(values);
  }

  async numbers(sql: string, values: DemoRow): Promise<number[]> {
    return this.db.prepare(sql).pluck().all(values).map(Number);
  }

  async together(work: () => void): Promise<void> {
    this.db.transaction(work)();
  }

  async close(): Promise<void> {
    this.db.close();
  }
}
