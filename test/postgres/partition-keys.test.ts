import { beforeAll, expect, test } from 'vitest';
import { contents, type TestDatabase, testCluster, testDatabase } from './cluster.ts';
import { staged } from './engine.ts';
import type { Throwaway } from './throwaway.ts';

/** As in Pagila: a table by month whose keys stand on its partitions, on some of them or on all. */
const rentals = `
CREATE TABLE store (store_id int PRIMARY KEY, slug text);
CREATE TABLE customer (customer_id int PRIMARY KEY, store_id int NOT NULL REFERENCES store);
CREATE TABLE payment (payment_id int NOT NULL, customer_id int NOT NULL, paid_at date NOT NULL) PARTITION BY RANGE (paid_at);
CREATE TABLE payment_1 PARTITION OF payment FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE payment_2 PARTITION OF payment FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
ALTER TABLE payment_1 ADD CONSTRAINT payment_1_customer FOREIGN KEY (customer_id) REFERENCES customer;
INSERT INTO store VALUES (1, 'one'), (2, 'two');
INSERT INTO customer SELECT i, 1 + i % 2 FROM generate_series(1, 10) i;
INSERT INTO payment SELECT i, 1 + i % 10, date '2026-01-15' + (i % 2) * 30 FROM generate_series(1, 100) i;
`;
const onAll = `${rentals} ALTER TABLE payment_2 ADD CONSTRAINT payment_2_customer FOREIGN KEY (customer_id) REFERENCES customer`;

const config = {
  tenants: { table: 'store', id: 'store_id' },
  ownership: { columns: ['store_id'] },
};
const declared = {
  ...config,
  ownership: {
    columns: ['store_id'],
    tables: { payment: { through: 'customer', on: { customer_id: 'customer_id' } } },
  },
};
const tables = ['store', 'customer', 'payment'];

let server: Throwaway;
let someKeys: TestDatabase;
let allKeys: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  someKeys = await testDatabase(server, rentals);
  allKeys = await testDatabase(server, onAll);
});

/** Brings tenant two back and away again; everything is as the two databases had it. */
async function thereAndBack(world: TestDatabase, extra: Record<string, unknown>): Promise<void> {
  const live = await testDatabase(server, '', world.name);
  await live.sql('DELETE FROM payment WHERE customer_id = 3; DELETE FROM customer WHERE customer_id = 3');
  const damaged = await testDatabase(server, '', live.name);
  for (const goal of [world, damaged]) {
    const work = await staged(live.url, { form: 'live', url: goal.url }, ['two'], extra);
    try {
      await work.execute(await work.plan('two'));
    } finally {
      await work.close();
    }
    expect(await contents(live, tables)).toEqual(await contents(goal, tables));
  }
}

test('a key that every partition declares is a key of the table: rows belong to a tenant through it', async () => {
  await thereAndBack(allKeys, config);
});

test('a key that only some partitions have does not stand against rows that leave together', async () => {
  await thereAndBack(someKeys, declared);
});

test('a row of a partition that stays does stand against its parent leaving', async () => {
  const live = await testDatabase(server, '', someKeys.name);
  await live.sql(
    "INSERT INTO customer VALUES (12, 1), (13, 2); INSERT INTO payment VALUES (201, 13, date '2026-01-20')",
  );
  const work = await staged(live.url, { form: 'live', url: someKeys.url }, ['two'], {
    ...config,
    ownership: { columns: ['store_id'], tables: { payment: 'shared' } },
  });
  try {
    const plan = await work.plan('one');
    expect(plan.conflicts).toEqual([]);
    const other = await work.plan('two');
    expect(other.conflicts).toMatchObject([{ kind: 'inbound-reference', table: 'payment', blocking: true }]);
  } finally {
    await work.close();
  }
});
