import Database from 'better-sqlite3';
import type { DemoRow, DemoStore } from '../../demo/store.ts';
import { quote } from '../identifiers.ts';
import { demoSchema, demoTriggers } from './schema.ts';

/** Makes the demo's tables in a file at `path`, which must not exist yet. */
export async function sqliteDemo(path: string): Promise<DemoStore> {
  const store = new SqliteStore(path);
  store.connection.exec(demoSchema);
  store.connection.exec(demoTriggers);
  return store;
}

class SqliteStore implements DemoStore {
  private readonly path: string;
  private db: Database.Database | null = null;
  private readonly inserts = new Map<string, Database.Statement>();

  constructor(path: string) {
    this.path = path;
  }

  get connection(): Database.Database {
    if (this.db) return this.db;
    this.db = new Database(this.path);
    this.db.pragma('journal_mode = WAL');
    // Made-up data that can be made again need not survive a power cut.
    this.db.pragma('synchronous = OFF');
    this.db.pragma('foreign_keys = ON');
    return this.db;
  }

  insert(table: string, row: DemoRow): number {
    const names = Object.keys(row);
    const cacheKey = `${table} ${names.join()}`;
    let statement = this.inserts.get(cacheKey);
    if (!statement) {
      const places = names.map(() => '?').join(', ');
      statement = this.connection.prepare(
        `INSERT INTO ${quote(table)} (${names.map(quote).join(', ')}) VALUES (${places})`,
      );
      this.inserts.set(cacheKey, statement);
    }
    return Number(statement.run(Object.values(row)).lastInsertRowid);
  }

  run(sql: string, values: DemoRow): void {
    this.connection.prepare(sql).run(values);
  }

  async numbers(sql: string, values: DemoRow): Promise<number[]> {
    return this.connection.prepare(sql).pluck().all(values).map(Number);
  }

  async together(work: () => void): Promise<void> {
    this.connection.transaction(work)();
  }

  async rest(): Promise<void> {
    this.inserts.clear();
    this.db?.close();
    this.db = null;
  }

  close(): Promise<void> {
    return this.rest();
  }
}
