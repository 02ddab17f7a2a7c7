import { beforeAll, expect, test } from 'vitest';
import { contents, type TestDatabase, testCluster, testDatabase } from './cluster.ts';
import { staged } from './engine.ts';
import { damage } from './place.ts';
import { shop, shopTables } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;
let world: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  world = await testDatabase(server, shop);
});

test.each([
  ['a column more', `ALTER TABLE items ADD COLUMN colour text`],
  ['a column of another type', `ALTER TABLE items ALTER price TYPE numeric(12, 3)`],
  ['a column that must not be empty', `ALTER TABLE sales ALTER amount SET NOT NULL`],
  ['a table that nobody has classified', `CREATE TABLE newcomers (id int)`],
  ['a unique index', `CREATE UNIQUE INDEX items_by_price ON items (price, sku)`],
  ['a constraint', `ALTER TABLE items ADD CHECK (price >= 0)`],
  [
    'a trigger',
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION f()`,
  ],
])('%s between plan and lock makes the plan stale', async (_, change) => {
  const live = await testDatabase(server, '', world.name);
  await live.sql(damage);
  const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
  try {
    const plan = await work.plan('two');
    let wrong = {};
    const refused = work.execute(plan, {
      beforeChange: async () => {
        await live.sql(change);
        wrong = await contents(live, shopTables);
      },
    });
    await expect(refused).rejects.toMatchObject({ code: 'plan-stale' });
    expect(await contents(live, shopTables)).toEqual(wrong);
  } finally {
    await work.close();
  }
});

test('what is done to tables of other schemas, and to indexes that forbid nothing, leaves a plan as it is', async () => {
  const live = await testDatabase(server, '', world.name);
  await live.sql(`CREATE SCHEMA "Else's"; ${damage}`);
  const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
  try {
    await work.execute(await work.plan('two'), {
      beforeChange: () => live.sql(`CREATE TABLE "Else's".t (id int); CREATE INDEX ON items (price)`),
    });
  } finally {
    await work.close();
  }
  expect(await contents(live, shopTables)).toEqual(await contents(world, shopTables));
});
