import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/file.ts';
import { testCluster, testDatabase } from '../postgres/cluster.ts';
import { temporaryFolder } from './folder.ts';
import { tenantDr } from './run.ts';

const server = await testCluster();

const schema = `
  CREATE TABLE workspaces (id uuid PRIMARY KEY, title text, subdomain text UNIQUE, is_active boolean DEFAULT true, settings jsonb);
  CREATE TABLE members (id bigserial PRIMARY KEY, workspace_id uuid NOT NULL REFERENCES workspaces, email text);
  CREATE TABLE api_tokens (id bigserial PRIMARY KEY, member_id bigint REFERENCES members, hash bytea);
  CREATE TABLE activity_log (id bigserial PRIMARY KEY, workspace_id uuid, created_at timestamptz, action text);
  CREATE TABLE plans (id text PRIMARY KEY);
  INSERT INTO workspaces VALUES
    ('11111111-1111-4111-8111-111111111111', 'Northwind', 'northwind', true, '{"plan": "enterprise"}'),
    ('22222222-2222-4222-8222-222222222222', E'Evil\\u001b[31m', 'evil', false, '{"plan": "starter"}');
  INSERT INTO members (workspace_id, email) VALUES
    ('11111111-1111-4111-8111-111111111111', 'Ann_1@northwind.test'), ('22222222-2222-4222-8222-222222222222', 'annx1@evil.test');
  INSERT INTO api_tokens (member_id, hash) VALUES (1, '\\x00'), (2, '\\x01');
`;

test('init, tables, tenants and doctor work on PostgreSQL as they do on SQLite', async () => {
  const database = await testDatabase(server, schema);
  const cwd = temporaryFolder();
  const init = await tenantDr(['init', '--json', '--database', database.url], { cwd });
  expect([init.exit, init.document.unclassified]).toEqual([0, []]);
  const text = readFileSync(join(cwd, 'tenant-dr.config.yaml'), 'utf8');
  expect(parseConfig(text, 'config')).toMatchObject({
    tenants: {
      table: 'workspaces',
      name: 'title',
      slug: 'subdomain',
      status: { column: 'is_active', active: true, suspended: false },
      tier: { column: 'settings', json: '$.plan' },
      search: ['members.email'],
    },
    ownership: {
      columns: ['workspace_id'],
      tables: {
        activity_log: { restore: 'missing' },
        api_tokens: { review: 'credentials' },
        members: { review: 'credentials' },
        plans: 'shared',
      },
    },
  });

  const tables = await tenantDr(['tables', '--json'], { cwd });
  const tokens = tables.document.tables.find((table: { name: string }) => table.name === 'api_tokens');
  expect(tokens).toMatchObject({ ownership: 'inherited' });
  expect(tokens.path).toHaveLength(2);

  const tenants = await tenantDr(['tenants', '--json', '--find', 'ann_1'], { cwd });
  expect(tenants.document.tenants).toMatchObject([
    {
      id: '11111111-1111-4111-8111-111111111111',
      slug: 'northwind',
      tier: 'enterprise',
      rows: 3,
      foundIn: ['members.email'],
    },
  ]);

  const doctor = await tenantDr(['doctor', '--json'], { cwd });
  expect([0, 1]).toContain(doctor.exit);
  expect(doctor.document.errors).toBe(0);
});

test('a password neither reaches the config that is written nor any output', async () => {
  const database = await testDatabase(
    server,
    `${schema} CREATE ROLE clara LOGIN SUPERUSER PASSWORD 'hunter2';`,
  );
  const cwd = temporaryFolder();
  const url = database.url.replace('//postgres@', '//clara:hunter2@');
  const runs = [
    await tenantDr(['init', '--database', url], { cwd }),
    await tenantDr(['doctor', '--database', url], { cwd }),
    await tenantDr(['tables', '--json'], { cwd, env: { DATABASE_URL: url } }),
    await tenantDr(['tables', '--json'], { cwd, env: { DATABASE_URL: url.replace('/t', '/nowhere_t') } }),
  ];
  const seen = runs.map(({ stdout, stderr }) => stdout + stderr).join('\n');
  expect(seen).not.toContain('hunter2');
  expect(readFileSync(join(cwd, 'tenant-dr.config.yaml'), 'utf8')).not.toContain('hunter2');
  expect(runs[3]?.exit).toBe(2);
});

test('a server that is not there is an error with a hint, exit 4', async () => {
  const cwd = temporaryFolder();
  const { exit, document } = await tenantDr(
    ['tables', '--json', '--database', 'postgres://x@127.0.0.1:1/none'],
    { cwd },
  );
  expect([exit, document.error.code]).toEqual([4, 'database-unreachable']);
  expect(document.error.hint).not.toBe('');
});
