import { join } from 'node:path';
import Database from 'better-sqlite3';

/** A small database with unusual names: organizations, handles, upper-case states, tiers inside JSON. */
export const shopSchema = `
  CREATE TABLE organizations (id INTEGER PRIMARY KEY, display_name TEXT, handle TEXT UNIQUE, state TEXT, settings TEXT);
  CREATE TABLE users (id INTEGER PRIMARY KEY, organization_id INTEGER NOT NULL REFERENCES organizations(id), email TEXT);
  CREATE TABLE api_keys (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id), hash TEXT);
  CREATE TABLE jobs (id INTEGER PRIMARY KEY, organization_id INTEGER, status TEXT);
  CREATE TABLE dead_letter_queue (id INTEGER PRIMARY KEY, original_job_id INTEGER, payload TEXT);
  CREATE TABLE audit_events (id INTEGER PRIMARY KEY, organization_id INTEGER, created_at TEXT, type TEXT);
  CREATE TABLE invoices (id INTEGER PRIMARY KEY, organization_id INTEGER, cents INTEGER);
  CREATE TABLE articles (id INTEGER PRIMARY KEY, organization_id INTEGER, body TEXT);
  CREATE VIRTUAL TABLE articles_fts USING fts5(body, content=articles, content_rowid=id);
  CREATE VIRTUAL TABLE notes_fts USING fts5(body);
  CREATE TABLE partner_links (id INTEGER PRIMARY KEY,
    from_org INTEGER REFERENCES organizations(id), to_org INTEGER REFERENCES organizations(id));
  CREATE TABLE plans (id TEXT PRIMARY KEY, name TEXT);
  CREATE TABLE schema_migrations (version TEXT);
  CREATE TABLE "we""ird
name: {x}" (x);
  INSERT INTO organizations VALUES
    (1, 'Northwind Labs', 'northwind', 'ACTIVE', '{"tier":"enterprise"}'),
    (2, 'Evil' || char(27) || '[31m' || char(8238) || 'gpj', 'evil', 'SUSPENDED', '{"tier":"gold"}'),
    (9007199254740993, 'Big', 'big', 'ACTIVE', 'not json');
  INSERT INTO users VALUES (1, 1, 'ann@northwind.test'), (2, 2, 'bob_1@evil.test'), (3, 1, 'cy%d@northwind.test');
  INSERT INTO api_keys VALUES (1, 1, 'h1'), (2, 2, 'h2'), (3, NULL, 'h3');
  INSERT INTO jobs VALUES (1, 1, 'done'), (2, NULL, 'queued');
`;

/** Creates `shop.db` in a folder and returns its path. */
export function shop(folder: string, extra = ''): string {
  const path = join(folder, 'shop.db');
  const database = new Database(path);
  database.exec(shopSchema + extra);
  database.close();
  return path;
}
