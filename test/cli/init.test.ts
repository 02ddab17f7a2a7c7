import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/file.ts';
import { temporaryFolder } from './folder.ts';
import { tenantDr } from './run.ts';
import { shop } from './shop.ts';

const fileName = 'tenant-dr.config.yaml';

test('init finds the tenants by convention and writes a config in which every table stands', async () => {
  const cwd = temporaryFolder();
  shop(cwd);
  const { exit, document } = await tenantDr(['init', '--json', '--database', 'shop.db'], { cwd });
  expect(exit).toBe(0);
  expect(document).toMatchObject({ path: join(cwd, fileName), unclassified: [] });
  const text = readFileSync(join(cwd, fileName), 'utf8');
  const config = parseConfig(text, fileName);
  expect(config).toMatchObject({
    database: 'sqlite:./shop.db',
    tenants: {
      table: 'organizations',
      id: 'id',
      name: 'display_name',
      slug: 'handle',
      status: { column: 'state', active: 'ACTIVE', suspended: 'SUSPENDED' },
      tier: { column: 'settings', json: '$.tier' },
      search: ['users.email'],
    },
    ownership: {
      columns: ['organization_id'],
      tables: {
        api_keys: { review: 'credentials' },
        audit_events: { restore: 'missing' },
        dead_letter_queue: { through: 'jobs', on: { original_job_id: 'id' } },
        invoices: { review: 'billing' },
        jobs: { review: 'queue' },
        partner_links: { exclude: expect.any(String) },
        plans: 'shared',
        schema_migrations: 'shared',
        users: { review: 'credentials' },
        'we"ird\nname: {x}': 'shared',
      },
    },
    auditLog: { table: 'audit_events', at: 'created_at', what: 'type' },
  });
  for (const { name } of document.tables)
    expect(text).toContain(name.split('\n')[0]?.replaceAll('"', '\\"') ?? name);
});

test('what init guesses is marked for review, what the structure says is not', async () => {
  const cwd = temporaryFolder();
  shop(cwd);
  await tenantDr(['init', '--database', 'shop.db'], { cwd });
  const lines = readFileSync(join(cwd, fileName), 'utf8').split('\n');
  const marked = lines
    .filter((line) => /^ {4}\S.*# review/.test(line))
    .map((line) => line.trim().split(':')[0]);
  expect(marked).toEqual(['dead_letter_queue', 'notes_fts', 'partner_links', 'plans', '"we\\"ird\\nname']);
});

test('the config init wrote works at once: every table is classified', async () => {
  const cwd = temporaryFolder();
  shop(cwd);
  await tenantDr(['init', '--database', 'shop.db'], { cwd });
  const { exit, document } = await tenantDr(['tables', '--json'], { cwd });
  expect([exit, document.unclassified]).toEqual([0, []]);
});

test('the file is private, complete and alone: no temporary file stays', async () => {
  const cwd = temporaryFolder();
  shop(cwd);
  await tenantDr(['init', '--database', 'shop.db'], { cwd });
  expect(statSync(join(cwd, fileName)).mode & 0o777).toBe(0o600);
  const { readdirSync } = await import('node:fs');
  expect(readdirSync(cwd).filter((name) => name.includes('partial'))).toEqual([]);
});

test('init replaces a config only with --force, even one that is broken', async () => {
  const cwd = temporaryFolder();
  shop(cwd);
  writeFileSync(join(cwd, fileName), 'databse: broken\n');
  const refused = await tenantDr(['init', '--json', '--database', 'shop.db'], { cwd });
  expect(refused.exit).toBe(2);
  expect(refused.document.error.message).toContain('already there; nothing was changed');
  expect(readFileSync(join(cwd, fileName), 'utf8')).toBe('databse: broken\n');
  const forced = await tenantDr(['init', '--force', '--database', 'shop.db'], { cwd });
  expect(forced.exit).toBe(0);
  expect(readFileSync(join(cwd, fileName), 'utf8')).toContain('table: organizations');
});

test('init --config writes that file, with paths counted from it', async () => {
  const cwd = temporaryFolder();
  shop(cwd);
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(cwd, 'etc'));
  const { exit } = await tenantDr(
    ['init', '--database', 'shop.db', '--config', 'etc/dr.yaml', '--state', 'etc/kept'],
    { cwd },
  );
  expect(exit).toBe(0);
  expect(existsSync(join(cwd, fileName))).toBe(false);
  expect(parseConfig(readFileSync(join(cwd, 'etc', 'dr.yaml'), 'utf8'), 'dr.yaml')).toMatchObject({
    database: `sqlite:${cwd}/shop.db`,
    state: './kept',
  });
});

test('the config init writes names the same file again, whatever its name', async () => {
  const cwd = temporaryFolder();
  shop(cwd);
  renameSync(join(cwd, 'shop.db'), join(cwd, 'a?b #c%20.db'));
  await tenantDr(['init', '--database', 'a?b #c%20.db'], { cwd });
  expect((await tenantDr(['tables', '--json'], { cwd })).exit).toBe(0);
});

interface Shape {
  what: string;
  sql: string;
  tenants: Record<string, unknown>;
  columns: string[];
}

const shapes: Shape[] = [
  {
    what: 'tenants with a plan column and a flag for active',
    sql: `CREATE TABLE tenants (id TEXT PRIMARY KEY, name TEXT, slug TEXT, is_active INTEGER, plan TEXT);
          INSERT INTO tenants VALUES ('a', 'A', 'a', 1, 'pro'), ('b', 'B', 'b', 0, 'enterprise');
          CREATE TABLE things (id INTEGER PRIMARY KEY, tenant_id TEXT);`,
    tenants: {
      table: 'tenants',
      status: { column: 'is_active', active: 1, suspended: 0 },
      tier: { column: 'plan' },
    },
    columns: ['tenant_id'],
  },
  {
    what: 'a flag that says suspended',
    sql: `CREATE TABLE workspaces (id INTEGER PRIMARY KEY, title TEXT, subdomain TEXT, suspended BOOLEAN);
          INSERT INTO workspaces VALUES (1, 'A', 'a', 0);
          CREATE TABLE docs (id INTEGER PRIMARY KEY, workspaceId INTEGER);`,
    tenants: {
      table: 'workspaces',
      name: 'title',
      slug: 'subdomain',
      status: { column: 'suspended', active: 0, suspended: 1 },
    },
    columns: ['workspaceId'],
  },
  {
    what: 'a status of 0 and 1: most tenants are active',
    sql: `CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT, status INTEGER);
          INSERT INTO accounts VALUES (1, 'A', 0), (2, 'B', 1), (3, 'C', 0);
          CREATE TABLE docs (id INTEGER PRIMARY KEY, account_id INTEGER);`,
    tenants: { table: 'accounts', status: { column: 'status', active: 0, suspended: 1 } },
    columns: ['account_id'],
  },
  {
    what: 'a status of numbers whose meaning nobody can guess',
    sql: `CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT, status INTEGER);
          INSERT INTO accounts VALUES (1, 'A', 0), (2, 'B', 4);
          CREATE TABLE docs (id INTEGER PRIMARY KEY, account_id INTEGER);`,
    tenants: { table: 'accounts', status: undefined },
    columns: ['account_id'],
  },
  {
    what: 'customers inside accounts: the table that owns more is the tenants table',
    sql: `CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT, status TEXT);
          INSERT INTO accounts VALUES (1, 'A', 'active');
          CREATE TABLE customers (id INTEGER PRIMARY KEY, account_id INTEGER REFERENCES accounts(id), email TEXT);
          CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id));`,
    tenants: { table: 'accounts', status: { column: 'status', active: 'active', suspended: 'suspended' } },
    columns: ['account_id'],
  },
  {
    what: 'companies told apart by foreign keys of another name',
    sql: `CREATE TABLE companies (id INTEGER PRIMARY KEY, company_name TEXT, code TEXT);
          CREATE TABLE sites_list (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES companies(id));`,
    tenants: { table: 'companies', name: 'company_name', slug: 'code' },
    columns: ['owner'],
  },
  {
    what: 'an empty tenants table',
    sql: `CREATE TABLE tenants (id INTEGER PRIMARY KEY, name TEXT, slug TEXT, status TEXT, tier TEXT);
          CREATE TABLE a (id INTEGER PRIMARY KEY, tenant_id INTEGER);`,
    tenants: {
      table: 'tenants',
      status: { column: 'status', active: 'active', suspended: 'suspended' },
      tier: { column: 'tier' },
    },
    columns: ['tenant_id'],
  },
];

test.each(shapes)('init understands $what', async ({ sql, tenants, columns }) => {
  const cwd = temporaryFolder();
  const database = new Database(join(cwd, 'a.db'));
  database.exec(sql);
  database.close();
  const { exit } = await tenantDr(['init', '--database', 'a.db'], { cwd });
  expect(exit).toBe(0);
  const config = parseConfig(readFileSync(join(cwd, fileName), 'utf8'), fileName);
  expect({ status: undefined, ...config.tenants }).toMatchObject(tenants);
  expect(config.ownership.columns).toEqual(columns);
});

test('where no table looks like tenants, init asks for it and writes nothing', async () => {
  const cwd = temporaryFolder();
  const database = new Database(join(cwd, 'a.db'));
  database.exec(
    'CREATE TABLE schools (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE pupils (id INTEGER PRIMARY KEY, school_id INTEGER)',
  );
  database.close();
  const refused = await tenantDr(['init', '--json', '--database', 'a.db'], { cwd });
  expect([refused.exit, refused.document.error.code]).toEqual([2, 'tenants-table-missing']);
  expect(refused.document.error.hint).toContain('pupils, schools');
  expect(existsSync(join(cwd, fileName))).toBe(false);
  const named = await tenantDr(['init', '--database', 'a.db', '--tenants-table', 'schools'], { cwd });
  expect(named.exit).toBe(0);
  expect(parseConfig(readFileSync(join(cwd, fileName), 'utf8'), fileName).ownership.columns).toEqual([
    'school_id',
  ]);
});
