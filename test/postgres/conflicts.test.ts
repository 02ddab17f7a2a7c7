import { beforeAll, describe, expect, test } from 'vitest';
import type { Throwaway } from '../../src/databases/postgres/throwaway.ts';
import type { Plan, PlanRequest } from '../../src/engine/planning.ts';
import type { TestDatabase } from './cluster.ts';
import { contents, ordinaryRole, testCluster, testDatabase } from './cluster.ts';
import type { Staging } from './engine.ts';
import { staged } from './engine.ts';
import { shop, shopTables } from './shop.ts';

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

describe('counters', () => {
  test('are raised past what came back, never lowered', () =>
    planned(
      'DELETE FROM sales WHERE item_id % 2 = 1; ALTER SEQUENCE sales_id_seq RESTART WITH 5',
      async (work, plan, live) => {
        await work.execute(plan);
        expect(Number((await live.rows(`SELECT nextval('sales_id_seq')`))[0]?.[0])).toBeGreaterThan(99);
        await live.sql(`SELECT setval('sales_id_seq', 5000); DELETE FROM sales WHERE item_id % 2 = 1`);
        await work.execute(await work.plan('two'));
        expect(Number((await live.rows(`SELECT nextval('sales_id_seq')`))[0]?.[0])).toBe(5001);
      },
    ));

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
      expect(kinds(await work.plan('two'))).toEqual(['inbound-reference']);
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
