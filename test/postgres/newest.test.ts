import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { connect, readTarget } from '../../src/databases/postgres/connect.ts';
import type { TestDatabase } from './cluster.ts';
import { contents, newestCluster, ordinaryRole, testDatabase } from './cluster.ts';
import { staged } from './engine.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;

const schema = `
CREATE TABLE plans (id int PRIMARY KEY);
CREATE TABLE tenants (id int PRIMARY KEY, slug text UNIQUE NOT NULL, status text);
CREATE TABLE stays (tenant_id int REFERENCES tenants, room int4range, during daterange, note text,
  CONSTRAINT stays_pk PRIMARY KEY (room, during WITHOUT OVERLAPS));
CREATE TABLE guests (tenant_id int NOT NULL REFERENCES tenants, room int4range, during daterange, name text,
  PRIMARY KEY (room, during WITHOUT OVERLAPS), FOREIGN KEY (room, PERIOD during) REFERENCES stays (room, PERIOD during));
CREATE TABLE sums (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, a int, b int, c int GENERATED ALWAYS AS (a + b), d int GENERATED ALWAYS AS (a * 2) STORED,
  e int CONSTRAINT named_not_null NOT NULL DEFAULT 1);
CREATE UNIQUE INDEX sums_d ON sums (tenant_id, d);
CREATE TABLE loose (id uuid PRIMARY KEY DEFAULT uuidv7(), sum_id int REFERENCES sums NOT ENFORCED, tenant_id int REFERENCES tenants);
INSERT INTO tenants VALUES (1, 'one', 'active'), (2, 'two', 'active');
INSERT INTO stays SELECT t, int4range(t * 10, t * 10 + 1), daterange('2026-01-01', '2026-02-01'), 'n' FROM generate_series(1, 2) t;
INSERT INTO guests SELECT t, int4range(t * 10, t * 10 + 1), daterange('2026-01-05', '2026-01-10'), 'g' FROM generate_series(1, 2) t;
INSERT INTO sums SELECT i, 1 + i % 2, i, i FROM generate_series(1, 20) i;
INSERT INTO loose (sum_id, tenant_id) SELECT id, tenant_id FROM sums;
`;

const damage = `
DELETE FROM guests WHERE tenant_id = 2; DELETE FROM stays WHERE tenant_id = 2;
INSERT INTO stays VALUES (2, '[20,21)', '[2026-01-10,2026-01-20)', 'wrong');
UPDATE sums SET a = a + 100 WHERE tenant_id = 2; UPDATE sums SET a = 120 - a WHERE tenant_id = 2; DELETE FROM sums WHERE id = 3;
`;

const tables = ['tenants', 'stays', 'guests', 'sums', 'loose'];

beforeAll(async () => {
  server = await newestCluster();
  await ordinaryRole(server, 'app');
});

describe.each(['postgres', 'app'])('on the newest server to be had here, as role %s', (role) => {
  test('keys without overlaps, PERIOD keys, virtual columns and keys that are not enforced come back', async () => {
    const world: TestDatabase = await testDatabase(server, schema, 'template1', role);
    const live = await testDatabase(server, '', world.name, role);
    await live.sql(damage);
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    try {
      const plan = await work.plan('two');
      expect(plan.conflicts).toEqual([]);
      await work.execute(plan);
    } finally {
      await work.close();
    }
    expect(await contents(live, tables)).toEqual(await contents(world, tables));
  });
});

test('limits of time and ways to read values that a database sets for its applications are not ours', async () => {
  const live = await testDatabase(server, '');
  await live.sql(
    [`transaction_timeout = '150ms'`, `idle_session_timeout = '150ms'`, 'array_nulls = off']
      .map((setting) => `ALTER DATABASE ${live.name} SET ${setting}`)
      .join(';'),
  );
  const sql = await connect(readTarget(live.url));
  await setTimeout(200);
  await sql.run('BEGIN; SELECT pg_sleep(0.2)');
  expect(await sql.value(`SELECT ('{NULL}'::text[])[1] IS NULL`)).toBe('t');
  await sql.end();
});

test('the server is newer than the client tools of this machine, which matters to backups only', () => {
  expect(Number.parseInt(server.version, 10)).toBeGreaterThanOrEqual(18);
});
