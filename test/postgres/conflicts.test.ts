import { beforeAll, describe, expect, test } from 'vitest';
import { countEffects, type Plan, type PlanRequest } from '../../src/engine/planning.ts';
import type { TestDatabase } from './cluster.ts';
import { contents, ordinaryRole, testCluster, testDatabase } from './cluster.ts';
import type { Staging } from './engine.ts';
import { staged } from './engine.ts';
import { shop, shopTables } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;
let world: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  await ordinaryRole(server, 'app');
  world = await testDatabase(server, shop, 'template1', 'app');
});

async function planned<T>(
  change: string,
  use: (work: Staging, plan: Plan, live: TestDatabase) => Promise<T>,
  options: Partial<PlanRequest> = {},
): Promise<T> {
  const live = await testDatabase(server, '', world.name, 'app');
  await live.asSuperuser(change);
  const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
  try {
    return await use(work, await work.plan('two', options), live);
  } finally {
    await work.close();
  }
}

function kinds(plan: Plan): string[] {
  return [...new Set(plan.conflicts.map((conflict) => conflict.kind))];
}

describe('the plan names what stands against it', () => {
  test('a key that another tenant holds now', () =>
    planned('UPDATE items SET tenant_id = 1 WHERE id = 3', async (work, plan) => {
      expect(plan.conflicts).toMatchObject([
        { kind: 'key-of-another-tenant', table: 'items', key: '[3]', other: { tenant: '1' }, blocking: true },
        ...plan.conflicts.slice(1),
      ]);
      await expect(work.execute(plan)).rejects.toMatchObject({
        code: 'conflict',
        table: 'items',
        key: '[3]',
        // No mode takes a key from another tenant.
        hint: expect.not.stringContaining('--mode'),
      });
    }));

  test('a unique value that another tenant took', () =>
    planned(
      `DELETE FROM sales WHERE item_id = 3; DELETE FROM links WHERE item_id = 3; DELETE FROM items WHERE id = 3; UPDATE items SET sku = 'sku-3' WHERE id = 2`,
      async (_, plan) => {
        expect(plan.conflicts).toMatchObject([
          {
            kind: 'unique-taken',
            table: 'items',
            key: '[3]',
            constraint: 'items_sku_key',
            other: { tenant: '1', key: '[2]' },
          },
        ]);
      },
    ));

  test('rows of another tenant that refer to a row that would go', () =>
    planned(
      `INSERT INTO items VALUES (50, 2, 'new'); UPDATE links SET item_id = 50 WHERE id = 2`,
      async (_, plan) => {
        expect(plan.inbound).toMatchObject([
          {
            table: 'links',
            key: '[2]',
            refersTo: { table: 'items', key: '[50]' },
            onDelete: 'SET NULL',
            tenant: '1',
          },
        ]);
        expect(kinds(plan)).toEqual(['inbound-reference']);
      },
    ));

  test('a shared row that is gone, which the backup brings back on request', async () => {
    const gone =
      'SET session_replication_role = replica; DELETE FROM plans WHERE id = 2; UPDATE tenants SET plan_id = 1 WHERE id = 2';
    await planned(gone, async (_, plan) => {
      expect(plan.sharedNeeded).toEqual([
        { table: 'plans', key: '[2]', inBackup: true, neededBy: 'tenants [2]' },
      ]);
      expect(kinds(plan)).toEqual(['reference-missing']);
    });
    await planned(
      gone,
      async (work, plan, live) => {
        expect(plan.conflicts).toEqual([]);
        await work.execute(plan);
        expect(await contents(live, shopTables)).toEqual(await contents(world, shopTables));
      },
      { withShared: true },
    );
  });

  test('values that a narrower type, domain or enumeration no longer takes, with table, key and column', () =>
    planned(
      `UPDATE items SET sku = 's' || id; ALTER TABLE items ALTER sku TYPE varchar(5); `,
      async (_, plan) => {
        expect(plan.drift).toMatchObject([{ kind: 'type-changed', table: 'items', column: 'sku' }]);
        expect(kinds(plan)).toContain('value-does-not-fit');
        const misfit = plan.conflicts.filter((conflict) => conflict.kind === 'value-does-not-fit');
        expect(misfit).toMatchObject([
          { table: 'items', key: '[11]', constraint: 'sku' },
          ...misfit.slice(1),
        ]);
        expect(misfit.length).toBe(5);
      },
    ));

  test('rows that belong through one that no longer fits come back, where its own table is left out', () =>
    planned(
      `UPDATE items SET sku = 's' || id; ALTER TABLE items ALTER sku TYPE varchar(5);
       DELETE FROM sales WHERE item_id = 11 AND amount > 50; UPDATE sales SET amount = -1`,
      async (work, plan, live) => {
        expect(plan.conflicts).toEqual([]);
        const sales = plan.tables.find(({ name }) => name === 'sales');
        expect(sales).toMatchObject({ insert: 2, update: 48, delete: 0 });
        await work.execute(plan);
        const all =
          'SELECT item_id, amount FROM sales JOIN items ON items.id = item_id WHERE tenant_id = 2 ORDER BY sales.id';
        expect(await live.rows(all)).toEqual(await world.rows(all));
      },
      { tables: ['sales'] },
    ));

  test('a row that was left out of one plan because it does not fit is in the next as far as that needs it, and back', () =>
    planned(`UPDATE items SET sku = 's' || id; ALTER TABLE items ALTER sku TYPE varchar(5)`, async (work) => {
      const sales = await work.plan('two', { tables: ['sales'] });
      expect([sales.conflicts, countEffects(sales)]).toEqual([[], { insert: 0, update: 0, delete: 0 }]);
      const all = await work.plan('two');
      expect(kinds(all)).toEqual(['value-does-not-fit']);
      // Not one of them is taken for a row without what did not fit.
      expect(all.tables.find(({ name }) => name === 'items')).toMatchObject({ update: 5, backup: 5 });
    }));

  test('a row that cannot even be known again stops what belongs through it, and nothing else', async () => {
    const change = `CREATE DOMAIN few AS int CHECK (VALUE < 15);
      ALTER TABLE links DROP CONSTRAINT links_item_id_fkey;
      DELETE FROM sales WHERE item_id > 14; DELETE FROM items WHERE id > 14; ALTER TABLE items ALTER id TYPE few`;
    const both = async (tables: string[]) => planned(change, async (_, plan) => kinds(plan), { tables });
    expect(await both(['sales'])).toEqual(['value-does-not-fit']);
    expect(await both(['tenants'])).toEqual([]);
  });

  test('a check constraint that is new', () =>
    planned(
      'UPDATE items SET price = 1 WHERE tenant_id = 2; ALTER TABLE items ADD CONSTRAINT cheap CHECK (price < 20) NOT VALID',
      async (_, plan) => {
        const misfit = plan.conflicts.filter((conflict) => conflict.kind === 'value-does-not-fit');
        expect(misfit.map((conflict) => conflict.key).sort()).toEqual(['[15]', '[17]', '[19]']);
        expect(misfit[0]?.constraint).toBe('cheap');
      },
    ));

  test('two rows of the backup that the key takes for one now', () =>
    planned(
      `CREATE EXTENSION citext; ALTER TABLE links DROP CONSTRAINT links_pkey; ALTER TABLE links ALTER id TYPE citext USING left(id::text, 1); ALTER TABLE links ADD PRIMARY KEY (id)`,
      async (_, plan) => {
        expect(plan.drift.map((drift) => drift.kind)).toContain('type-changed');
      },
    ));
});

describe('drift in either direction', () => {
  test('a new column keeps its value in rows that stay and takes its default in rows that return', () =>
    planned(
      `ALTER TABLE items ADD colour text DEFAULT 'red'; UPDATE items SET colour = 'blue', price = 0 WHERE tenant_id = 2; DELETE FROM sales WHERE item_id = 1; DELETE FROM links WHERE item_id = 1; DELETE FROM items WHERE id = 1`,
      async (work, plan, live) => {
        expect(plan.drift).toMatchObject([{ kind: 'column-only-live', column: 'colour', blocking: false }]);
        await work.execute(plan);
        expect(
          await live.rows('SELECT colour, count(*) FROM items WHERE tenant_id = 2 GROUP BY 1 ORDER BY 1'),
        ).toEqual([
          ['blue', '9'],
          ['red', '1'],
        ]);
      },
    ));

  test('a dropped column and a dropped table are reported, the rest is restored', () =>
    planned(
      'ALTER TABLE items DROP updated_at; DROP TABLE links; UPDATE items SET price = 0 WHERE tenant_id = 2',
      async (work, plan, live) => {
        expect(plan.drift.map((drift) => drift.kind).sort()).toEqual([
          'column-only-backup',
          'table-only-backup',
        ]);
        await work.execute(plan);
        expect(await live.rows('SELECT count(*) FROM items WHERE price = 0')).toEqual([['0']]);
      },
    ));

  test('a table newer than the backup keeps its rows', () =>
    planned(
      'CREATE TABLE extras (id int PRIMARY KEY, tenant_id int); ALTER TABLE extras OWNER TO app; INSERT INTO extras VALUES (1, 2); UPDATE items SET price = 0 WHERE tenant_id = 2',
      async (work, plan, live) => {
        expect(plan.drift).toMatchObject([{ kind: 'table-only-live', table: 'extras' }]);
        await work.execute(plan);
        expect(await live.rows('SELECT count(*) FROM extras')).toEqual([['1']]);
      },
    ));
});

describe('modes', () => {
  const mixed = `INSERT INTO items VALUES (50, 2, 'new'); UPDATE items SET price = 0 WHERE id = 3; DELETE FROM sales WHERE item_id = 5; DELETE FROM links WHERE item_id = 5; DELETE FROM items WHERE id = 5;`;
  test.each([
    ['exact', { insert: 1, update: 1, delete: 1, kept: 0 }],
    ['keep-new', { insert: 1, update: 1, delete: 0, kept: 1 }],
    ['missing', { insert: 1, update: 0, delete: 0, kept: 2 }],
  ] as const)('%s does what its name says', (mode, expected) =>
    planned(
      mixed,
      async (work, plan) => {
        expect(plan.tables.find((table) => table.name === 'items')).toMatchObject(expected);
        const done = await work.execute(plan);
        expect(done.after).toBe(plan.planned.digest);
      },
      { mode },
    ),
  );

  test('an unticked row stays as it is', () =>
    planned(
      'UPDATE items SET price = 0 WHERE id IN (3, 5)',
      async (work, plan, live) => {
        await work.execute(plan);
        expect(await live.rows('SELECT id FROM items WHERE price = 0')).toEqual([['5']]);
      },
      { except: { items: ['[5]'] } },
    ));

  test('effects can be paged and show values only when asked', () =>
    planned('UPDATE items SET price = 0 WHERE id IN (3, 5)', async (work) => {
      const page = { table: 'items', offset: 1, limit: 1 };
      expect(await work.session.effects({ ...page, withValues: false })).toEqual([
        { kind: 'update', key: '[5]', columns: ['price'] },
      ]);
      const [shown] = await work.session.effects({ ...page, withValues: true });
      expect(shown?.changes).toContainEqual({ column: 'price', live: '0.00', backup: '7.50' });
    }));
});
