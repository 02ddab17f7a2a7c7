import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { stringify } from 'yaml';

/**
 * A world: a database with several tenants, a backup of it, and damage done since to one of them.
 * The facts are what the independent checker (test/check/check.py) goes by: written by hand here, never
 * computed by the program under test.
 */
export type Rule =
  | { via: 'identity'; column: string }
  | { via: 'column'; column: string }
  | {
      via: 'links';
      links: { columns: string[]; parent: string; parentColumns: string[] }[];
    }
  | { via: 'shared' };

export interface TableFacts {
  rule: Rule;
  /** Columns that identify a row; needed by the checker for modes other than exact. */
  key?: string[];
  restore?: 'exact' | 'missing' | 'keep';
  /** Keys match by what they say, not by how they are stored: '1' and 1, 'abc' and 'ABC'. */
  loose?: boolean;
  /** Columns a restore leaves as they are in rows that exist. */
  untouched?: string[];
}

export interface Facts {
  tenants: { table: string; id: string; slug: string; suspended?: string };
  tables: Record<string, TableFacts>;
  /** Full-text tables: their integrity is asked for, and their rows must be those of `source`. */
  fullText: { table: string; source: string; columns: string[] }[];
}

export interface Recipe {
  name: string;
  facts: Facts;
  /** The config without database, backups and state. */
  config: Record<string, unknown>;
  /** Slugs of all tenants; the first is the victim unless said otherwise. */
  slugs: string[];
  victim?: string;
  encoding?: 'UTF-8' | 'UTF-16le';
  journal?: 'wal' | 'delete';
  create: (db: Database.Database) => void;
  damage: (db: Database.Database) => void;
  /** What `restore --mode exact` of the victim must end with: its exit code. */
  exit?: number;
}

export interface World {
  name: string;
  dir: string;
  dbPath: string;
  /** A plain copy of the database from before the damage. */
  backupPath: string;
  configPath: string;
  statePath: string;
  factsPath: string;
  facts: Facts;
  slugs: string[];
  victim: string;
  exit: number;
}

/** Builds the world in `dir`, which is made when missing. */
export function build(dir: string, recipe: Recipe): World {
  mkdirSync(join(dir, 'backups'), { recursive: true });
  const at = (...parts: string[]) => join(dir, ...parts);
  const dbPath = at('app.db');
  const backupPath = at('backups', 'app_sqlite_20261101_020000.db');

  const first = openRaw(dbPath);
  first.pragma(`encoding = '${recipe.encoding ?? 'UTF-8'}'`);
  first.pragma(`journal_mode = ${recipe.journal ?? 'wal'}`);
  first.transaction(() => recipe.create(first))();
  // Closing the last connection checkpoints, so that the main file alone is the whole database.
  first.close();
  copyFileSync(dbPath, backupPath);

  const second = openRaw(dbPath);
  second.transaction(() => recipe.damage(second))();
  second.close();

  const config = {
    database: `sqlite:${dbPath}`,
    environment: 'test',
    backups: at('backups'),
    ...recipe.config,
  };
  writeFileSync(at('tenant-dr.config.yaml'), stringify({ ...config, state: at('state') }), { mode: 0o600 });
  writeFileSync(at('facts.json'), JSON.stringify(recipe.facts, null, 2));
  return {
    name: recipe.name,
    dir,
    dbPath,
    backupPath,
    configPath: at('tenant-dr.config.yaml'),
    statePath: at('state'),
    factsPath: at('facts.json'),
    facts: recipe.facts,
    slugs: recipe.slugs,
    victim: recipe.victim ?? (recipe.slugs[0] as string),
    exit: recipe.exit ?? 0,
  };
}

/** A connection as a careless application has it: foreign keys not enforced. */
export function openRaw(path: string): Database.Database {
  const db = new Database(path);
  db.pragma('foreign_keys = OFF');
  return db;
}

/** Text given by its bytes: whatever cannot be a JavaScript string. */
export interface RawText {
  text: Buffer;
}
export type Value = null | number | bigint | string | Buffer | RawText;
export type Row = Record<string, Value>;

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Inserts a row; JavaScript strings are bound as text, RawText byte by byte. */
export function insert(db: Database.Database, table: string, row: Row): void {
  const names = Object.keys(row);
  const places = names.map((name) => (isRaw(row[name]) ? 'CAST(? AS TEXT)' : '?'));
  const sql = `INSERT INTO ${quote(table)} (${names.map(quote).join(', ')}) VALUES (${places.join(', ')})`;
  statement(db, sql).run(names.map((name) => bindable(row[name] ?? null)));
}

/** Of each connection: most of a world's rows are said in a few ways. */
const statements = new WeakMap<Database.Database, Map<string, Database.Statement>>();

function statement(db: Database.Database, sql: string): Database.Statement {
  const known = statements.get(db) ?? new Map<string, Database.Statement>();
  statements.set(db, known);
  const prepared = known.get(sql) ?? db.prepare(sql);
  known.set(sql, prepared);
  return prepared;
}

function isRaw(value: Value | undefined): value is RawText {
  return typeof value === 'object' && value !== null && 'text' in value;
}

function bindable(value: Value): null | number | bigint | string | Buffer {
  if (isRaw(value)) return value.text;
  // A JavaScript number is bound as REAL; whole numbers are meant as integers.
  return typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0)
    ? BigInt(value)
    : value;
}
