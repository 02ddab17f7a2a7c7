import { beforeAll, describe, expect, test } from 'vitest';
import type { Throwaway } from '../../src/databases/postgres/throwaway.ts';
import type { TestDatabase } from './cluster.ts';
import { contents, ordinaryRole, testCluster, testDatabase } from './cluster.ts';
import { staged } from './engine.ts';
import { shop } from './shop.ts';

let server: Throwaway;
let world: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  await ordinaryRole(server, 'app');
  world = await testDatabase(server, shop, 'template1', 'app');
});

describe('counters', () => {
  test('are raised past what came back, never lowered', async () => {
    const live = await testDatabase(server, '', world.name, 'app');
    await live.asSuperuser(
      'DELETE FROM sales WHERE item_id % 2 = 1; ALTER SEQUENCE sales_id_seq RESTART WITH 5',
    );
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    await work.execute(await work.plan('two'));
    expect(Number((await live.rows(`SELECT nextval('sales_id_seq')`))[0]?.[0])).toBeGreaterThan(99);
    await live.sql(`SELECT setval('sales_id_seq', 5000); DELETE FROM sales WHERE item_id % 2 = 1`);
    await work.execute(await work.plan('two'));
    await work.close();
    expect(Number((await live.rows(`SELECT nextval('sales_id_seq')`))[0]?.[0])).toBe(5001);
  });

  test.each([
    ['shared with other columns', 'CREATE SEQUENCE s', `nextval('s')`, '', 31],
    ['counting down', 'CREATE SEQUENCE s INCREMENT -1', `nextval('s')`, '', -31],
    ['in steps', 'CREATE SEQUENCE s INCREMENT 10', `nextval('s')`, '', 301],
  ])('not owned by a column: %s', async (_, create, value, __, expected) => {
    const script = `${create}; CREATE TABLE tenants (id int PRIMARY KEY, slug text); CREATE TABLE plans (id int);
      INSERT INTO tenants VALUES (1, 'one'), (2, 'two');
      CREATE TABLE things (id bigint PRIMARY KEY DEFAULT ${value}, tenant_id int REFERENCES tenants);
      INSERT INTO things (tenant_id) SELECT 2 FROM generate_series(1, 30)`;
    const backup = await testDatabase(server, script);
    const live = await testDatabase(server, '', backup.name);
    await live.sql('DELETE FROM things; ALTER SEQUENCE s RESTART');
    const work = await staged(live.url, { form: 'live', url: backup.url }, ['two']);
    await work.execute(await work.plan('two'));
    await work.close();
    expect(await live.rows(`SELECT nextval('s')`)).toEqual([[String(expected)]]);
  });

  test.each([
    ['a row that was there all the time', 'DELETE FROM things WHERE id = 1', 3],
    ['a row that comes back at the end of the range', 'DELETE FROM things', 4],
  ])('are not raised for %s', async (_, damage, next) => {
    const script = `CREATE TABLE tenants (id int PRIMARY KEY, slug text); CREATE TABLE plans (id int); INSERT INTO tenants VALUES (2, 'two');
      CREATE TABLE things (id serial PRIMARY KEY, tenant_id int REFERENCES tenants); INSERT INTO things (tenant_id) VALUES (2), (2); INSERT INTO things VALUES (2147483647, 2)`;
    const backup = await testDatabase(server, script);
    const live = await testDatabase(server, '', backup.name);
    await live.sql(`${damage}; SELECT setval('things_id_seq', ${next - 1})`);
    const work = await staged(live.url, { form: 'live', url: backup.url }, ['two']);
    await work.execute(await work.plan('two'));
    await work.close();
    expect(await live.rows(`SELECT nextval('things_id_seq')`)).toEqual([[String(next)]]);
  });

  test('that cycle are left alone', async () => {
    const script = `CREATE SEQUENCE s MAXVALUE 5 CYCLE; CREATE TABLE tenants (id int PRIMARY KEY, slug text); CREATE TABLE plans (id int);
      INSERT INTO tenants VALUES (2, 'two'); CREATE TABLE things (id int PRIMARY KEY, n int DEFAULT nextval('s'), tenant_id int REFERENCES tenants);
      INSERT INTO things (id, tenant_id) SELECT i, 2 FROM generate_series(1, 7) i`;
    const backup = await testDatabase(server, script);
    const live = await testDatabase(server, '', backup.name);
    await live.sql('DELETE FROM things');
    const work = await staged(live.url, { form: 'live', url: backup.url }, ['two']);
    await work.execute(await work.plan('two'));
    await work.close();
    expect(await live.rows(`SELECT nextval('s')`)).toEqual([['3']]);
  });
});

describe('an identity that no UPDATE may set', () => {
  const script = `CREATE TABLE tenants (id int PRIMARY KEY, slug text); CREATE TABLE plans (id int); INSERT INTO tenants VALUES (1, 'one'), (2, 'two');
    CREATE TABLE docs (id text PRIMARY KEY, tenant_id int REFERENCES tenants, no int GENERATED ALWAYS AS IDENTITY);
    CREATE TABLE pages (id int PRIMARY KEY, doc text REFERENCES docs ON DELETE CASCADE);
    CREATE TABLE marks (id int PRIMARY KEY, doc text REFERENCES docs);
    INSERT INTO docs SELECT 'd' || i, 1 + i % 2 FROM generate_series(1, 6) i; INSERT INTO marks SELECT i, 'd' || i FROM generate_series(1, 6) i; INSERT INTO pages VALUES (1, 'd1')`;
  const change = `ALTER TABLE docs ALTER no SET GENERATED BY DEFAULT; UPDATE docs SET no = no + 100 WHERE tenant_id = 2; ALTER TABLE docs ALTER no SET GENERATED ALWAYS`;

  test('comes back by delete and insert, rows that only refer to it untouched', async () => {
    const backup = await testDatabase(server, `${script}; DELETE FROM pages`, 'template1', 'app');
    const live = await testDatabase(server, '', backup.name, 'app');
    await live.sql(change);
    const work = await staged(live.url, { form: 'live', url: backup.url }, ['two']);
    const plan = await work.plan('two');
    expect(plan.tables.find((table) => table.name === 'docs')).toMatchObject({ update: 3 });
    await work.execute(plan);
    await work.close();
    expect(await contents(live, ['docs', 'marks', 'pages'])).toEqual(
      await contents(backup, ['docs', 'marks', 'pages']),
    );
  });

  test.each(['', 'DELETE FROM pages'])(
    'is a conflict where rows would be lost with it, unless foreign keys can be switched off (%s)',
    async (gone) => {
      const backup = await testDatabase(server, script, 'template1', 'app');
      const live = await testDatabase(server, '', backup.name, 'app');
      // Whether the page is there or comes back with the same change: the cascade would take it.
      await live.sql(`${change}; ${gone}`);
      const work = await staged(live.url, { form: 'live', url: backup.url }, ['two']);
      const plan = await work.plan('two');
      expect([...new Set(plan.conflicts.map((conflict) => conflict.kind))]).toEqual(['inbound-reference']);
      await work.close();
      const stronger = await staged(
        live.url.replace('//app@', '//postgres@'),
        { form: 'live', url: backup.url },
        ['two'],
      );
      await stronger.execute(await stronger.plan('two'));
      await stronger.close();
      expect(await contents(live, ['docs', 'marks', 'pages'])).toEqual(
        await contents(backup, ['docs', 'marks', 'pages']),
      );
    },
  );
});
