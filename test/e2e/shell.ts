import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { build, type World } from '../worlds/world.ts';
import { folder } from './program.ts';

/** What the sqlite3 shell prints. Its SQLite takes what ours refuses: strings in double quotes, for one. */
export function shell(path: string, sql: string): string {
  return execFileSync('sqlite3', [path, sql], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

/** A world whose tables (besides `tenants`, with alfa and bravo) are written with the sqlite3 shell. */
export function shellWorld(given: {
  create: string;
  damage: string;
  tables?: Record<string, unknown>;
}): World {
  const world = build(folder(), {
    name: 'written with the shell',
    slugs: ['alfa', 'bravo'],
    facts: { tenants: { table: 'tenants', id: 'id', slug: 'slug' }, tables: {}, fullText: [] },
    config: { ownership: { columns: ['tenant_id'], tables: given.tables ?? {} } },
    create: (db) =>
      db.exec(
        `CREATE TABLE tenants (id INTEGER PRIMARY KEY, slug TEXT, name TEXT, status TEXT);
         INSERT INTO tenants VALUES (1, 'alfa', 'Alfa', 'active'), (2, 'bravo', 'Bravo', 'active')`,
      ),
    damage: () => undefined,
  });
  shell(world.dbPath, `PRAGMA journal_mode = delete; ${given.create}`);
  copyFileSync(world.dbPath, world.backupPath);
  shell(world.dbPath, 'PRAGMA journal_mode = wal');
  shell(world.dbPath, given.damage);
  return world;
}
