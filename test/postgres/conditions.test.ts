import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newestWhere } from '../../src/backups/bisect.ts';
import { listBackups } from '../../src/backups/catalogue.ts';
import { type Askable, Conditions } from '../../src/backups/conditions.ts';
import { Asking } from '../../src/databases/postgres/asking/asking.ts';
import type { TenantId } from '../../src/engine/tenant.ts';
import { temporaryFolder } from '../cli/folder.ts';
import { ordinaryRole, type TestDatabase, testCluster, testDatabase } from './cluster.ts';
import { configFor } from './engine.ts';
import { shop } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

/** What a condition may lead to: a view, a function, partitions, an enumeration, a counter, a materialized view. */
const more = `
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE events (id int, tenant_id int, at date, mood mood) PARTITION BY RANGE (at);
CREATE TABLE events_25 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_26 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO events SELECT i, 1 + i % 2, date '2025-12-01' + i, 'ok' FROM generate_series(1, 60) i;
CREATE VIEW dear AS SELECT i.* FROM items i JOIN sales s ON s.item_id = i.id WHERE price > 10;
CREATE FUNCTION links_of(t int) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.links WHERE tenant_id = t';
CREATE MATERIALIZED VIEW sums AS SELECT tenant_id, sum(price) AS s FROM items GROUP BY 1;
`;

let live: TestDatabase;
const backups = mkdtempSync(join(tmpdir(), 'tenant-dr-asked-'));
afterAll(() => rmSync(backups, { recursive: true }));
let server: Throwaway;

beforeAll(async () => {
  server = await testCluster();
  await ordinaryRole(server, 'app');
  live = await testDatabase(server, shop + more, 'template1', 'app');
  const kinds = [['dump', '-Fc'], ['sql.gz', '-Z6'], ['sql'], ['dir', '-Fd'], ['dump', '-Fc'], ['sql']];
  for (const [hour, [ending, ...words]] of kinds.entries()) {
    const damage =
      'DELETE FROM links WHERE tenant_id = 2; DELETE FROM events WHERE tenant_id = 2; DELETE FROM sales; DELETE FROM items WHERE tenant_id = 2; REFRESH MATERIALIZED VIEW sums';
    if (hour === 3) await live.sql(damage);
    if (hour === 4) await live.sql('DROP TABLE events');
    await execa('pg_dump', [
      ...words,
      '--file',
      join(backups, `shop_postgres_20261123_0${hour}0000.${ending}`),
      live.url,
    ]);
  }
}, 60_000);

const two = { type: 'integer', text: '2' } as const;

function dump(hour: number): Askable & { form: 'dump' } {
  const path = join(backups, `shop_postgres_20261123_0${hour}0000.dump`);
  return { form: 'dump', path, format: 'custom', compression: 'none', whole: false };
}

test('conditions are asked of dumps as of database files, and what was brought back is dropped, a dead run’s too', async () => {
  const state = temporaryFolder();
  // As a process that died leaves it: nobody closes this one.
  const left = join(state, 'asked', '4194300-dead');
  mkdirSync(left, { recursive: true });
  const asking = new Asking(live.url, left);
  const ask = (condition: string, tenant: TenantId | null = two, signal?: AbortSignal) =>
    asking.holds({ dump: dump(0), condition, tenant, signal });

  expect(await ask('(SELECT count(*) FROM links WHERE tenant_id = :tenant) = 4')).toBe(true);
  expect(await ask('(SELECT count(*) FROM dear) > 3 AND :tenant::int = 3')).toBe(false);
  expect(await ask('public.links_of(:tenant) = 4')).toBe(true);
  expect(await ask(`(SELECT s FROM sums WHERE tenant_id = :tenant) > 0 AND ':tenant' <> '2'`)).toBe(true);

  const nowhere = ask('(SELECT count(*) FROM nowhere) > 0');
  await expect(nowhere).rejects.toMatchObject({
    code: 'table-unknown',
    hint: expect.stringContaining('one SQL expression'),
  });
  for (const wrong of ['items > ', 'true) THEN 1 ELSE 0 END; SELECT (1', `nextval('sales_id_seq') > 0`])
    await expect(ask(wrong)).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('one SQL expression'),
    });
  await expect(ask('id = :tenant', null)).rejects.toMatchObject({
    code: 'usage',
    hint: expect.stringContaining('--tenant'),
  });
  const soon = AbortSignal.timeout(300);
  await expect(ask('(SELECT pg_sleep(60)) IS NULL', two, soon)).rejects.toMatchObject({
    code: 'interrupted',
  });

  const config = { ...configFor(live.url, { backups }), state };
  const condition = `EXISTS (SELECT FROM events WHERE tenant_id = :tenant AND mood = 'ok' AND at > '2026-01-15')`;
  const conditions = new Conditions(config, { condition, tenant: two });
  const entries = await listBackups(config);
  const holds = (source: Askable) => conditions.holds(source);
  const found = await newestWhere(entries, { config, holds });
  await conditions.close();
  expect([entries.length, found.newest?.id, found.unusable]).toEqual([
    6,
    'shop_postgres_20261123_020000',
    [],
  ]);
  expect(found.asked.length).toBeGreaterThan(2);
  expect(readdirSync(join(state, 'asked'))).toEqual([]);
});
