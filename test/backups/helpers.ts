import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Config, configSchema } from '../../src/config/schema.ts';

/** A config with its own state and backup folders below `folder`. */
export function configIn(folder: string, more: Partial<Config> = {}): Config {
  mkdirSync(join(folder, 'backups'), { recursive: true });
  return {
    ...configSchema.parse({}),
    database: `sqlite:${join(folder, 'live.db')}`,
    environment: 'test',
    backups: { path: join(folder, 'backups'), timezone: undefined },
    state: join(folder, 'state'),
    file: undefined,
    warnings: [],
    ...more,
  };
}

/** A database with three tenants, rows of their own and rows that belong to them through a key. */
export function makeDatabase(
  path: string,
  options: { rows?: number; wal?: boolean; encoding?: string } = {},
): void {
  const db = new Database(path);
  try {
    db.pragma(`encoding = '${options.encoding ?? 'UTF-8'}'`);
    db.pragma(`journal_mode = ${options.wal ? 'WAL' : 'DELETE'}`);
    db.exec(`
      CREATE TABLE tenants (id INTEGER PRIMARY KEY, slug TEXT UNIQUE, name TEXT, status TEXT, tier TEXT);
      CREATE TABLE agents (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), name TEXT);
      CREATE TABLE notes (id INTEGER PRIMARY KEY, agent_id INTEGER REFERENCES agents(id), body TEXT, extra BLOB);
      CREATE TABLE tags (tenant_id INTEGER, name TEXT, weight REAL, PRIMARY KEY (tenant_id, name)) WITHOUT ROWID;
      INSERT INTO tenants VALUES (1,'north','North','active','enterprise'),(2,'south','South','active','free'),
        (3,'west','West','suspended','pro');`);
    const note = db.prepare('INSERT INTO notes VALUES (?, ?, ?, ?)');
    db.transaction(() => {
      for (let id = 1; id <= 30; id++)
        db.prepare('INSERT INTO agents VALUES (?, ?, ?)').run(id, (id % 3) + 1, `agent ${id}`);
      for (let id = 1; id <= 30; id++)
        db.prepare('INSERT INTO tags VALUES (?, ?, ?)').run((id % 3) + 1, `tag ${id}`, id / 7);
      for (let id = 1; id <= (options.rows ?? 2000); id++)
        note.run(id, (id % 30) + 1, words(id), id % 5 === 0 ? Buffer.from([0, 255, id % 256]) : null);
    })();
  } finally {
    db.close();
  }
}

/** Text that compresses like text, the same for the same number. */
export function words(seed: number): string {
  let state = seed * 2654435761;
  const parts: string[] = [];
  for (let word = 0; word < 40; word++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    parts.push((state >>> 8).toString(36));
  }
  return parts.join(' ');
}

/** Runs a program and returns what it wrote; throws when it fails. */
export function run(program: string, ...args: string[]): Buffer {
  return execFileSync(program, args, { maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'pipe'] });
}

export function write(path: string, content: string | Buffer): string {
  writeFileSync(path, content);
  return path;
}
