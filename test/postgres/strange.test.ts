import { beforeAll, expect, test } from 'vitest';
import { classify } from '../../src/engine/ownership.ts';
import type { OpenOptions } from '../../src/engine/port.ts';
import { buildShape } from '../../src/engine/shape.ts';
import { contents, ordinaryRole, testCluster, testDatabase } from './cluster.ts';
import { openGround, staged } from './engine.ts';
import type { Throwaway } from './throwaway.ts';

/** What schemas and roles of others have that ours do not. */

let server: Throwaway;

beforeAll(async () => {
  server = await testCluster();
  await ordinaryRole(server, 'app');
});

interface Case {
  schema: string;
  damage: string;
  tables: string[];
  slug?: string;
  options?: OpenOptions;
  owner?: string;
}

/** Restores the tenant called two from an intact copy, compares, undoes, compares again. */
async function backAndForth({ schema, damage, tables, options, owner = 'app' }: Case): Promise<void> {
  const world = await testDatabase(server, schema, 'template1', owner);
  const live = await testDatabase(server, '', world.name, owner);
  await live.asSuperuser(damage);
  const damaged = await contents(live, tables);
  const work = await staged(live.url, { form: 'live', url: world.url }, ['two'], {}, options);
  const done = await work.execute(await work.plan('two'));
  await work.close();
  expect(await contents(live, tables)).toEqual(await contents(world, tables));
  const source = {
    form: 'dump',
    path: done.safetyPath,
    format: 'plain',
    compression: 'none',
    whole: true,
  } as const;
  const undo = await staged(live.url, source, ['two'], {}, options);
  const plan = await undo.plan('two', { verbatim: true });
  expect(await undo.session.changedSince(done.effectsPath)).toEqual([]);
  await undo.execute(plan);
  await undo.close();
  expect(await contents(live, tables)).toEqual(damaged);
}

const tenants = `
CREATE TABLE tenants (id int PRIMARY KEY, slug text UNIQUE, status text);
INSERT INTO tenants VALUES (1, 'one'), (2, 'two');`;

test('rows that exchange a value wait where the checks of the table allow it, and are put back', () =>
  backAndForth({
    owner: 'postgres',
    schema: `CREATE EXTENSION btree_gist; ${tenants}
      CREATE TABLE stays (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, room int, during int4range NOT NULL, EXCLUDE USING gist (room WITH =, during WITH &&));
      CREATE TABLE lines (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, position int NOT NULL UNIQUE CHECK (position > 0));
      INSERT INTO stays SELECT i, 1 + i % 2, 1, int4range(i * 10, i * 10 + 5) FROM generate_series(1, 6) i;
      INSERT INTO lines SELECT i, 1 + i % 2, i FROM generate_series(1, 6) i;`,
    damage: `UPDATE stays SET room = 9 WHERE id = 1; UPDATE stays SET during = '[10,15)' WHERE id = 3; UPDATE stays SET during = '[30,35)', room = 1 WHERE id = 1;
      UPDATE lines SET position = 99 WHERE id = 1; UPDATE lines SET position = 1 WHERE id = 3; UPDATE lines SET position = 3 WHERE id = 1;`,
    tables: ['tenants', 'stays', 'lines'],
  }));

test.each(['RESTRICT', 'CASCADE', 'SET NULL', 'NO ACTION'])(
  'a row made again under another id is put back in place, where others refer to what stayed the same ON DELETE %s',
  (action) =>
    backAndForth({
      schema: `${tenants}
      CREATE TABLE subs (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, stripe text NOT NULL, plan text, UNIQUE (tenant_id, stripe));
      CREATE TABLE items (id int PRIMARY KEY, sub_id int NOT NULL REFERENCES subs ON DELETE CASCADE);
      CREATE TABLE invoices (id int PRIMARY KEY, tenant_id int, stripe text, total int,
        FOREIGN KEY (tenant_id, stripe) REFERENCES subs (tenant_id, stripe) ON DELETE ${action});
      INSERT INTO subs VALUES (1, 1, 'a', 'p'), (2, 2, 'a', 'p'), (3, 2, 'b', 'q'), (4, 2, 'c', 'q');
      INSERT INTO items VALUES (1, 1), (2, 2), (3, 3), (4, 4);
      INSERT INTO invoices VALUES (1, 1, 'a', 5), (2, 2, 'a', 6), (3, 2, 'b', 7), (4, 2, 'b', 8), (5, 2, 'c', 9);`,
      damage: `SET session_replication_role = replica;
      UPDATE subs SET id = 12 WHERE id = 2; UPDATE items SET id = 12, sub_id = 12 WHERE id = 2;
      UPDATE subs SET id = 13, plan = 'r' WHERE id = 3; DELETE FROM items WHERE sub_id = 3; UPDATE invoices SET id = 14 WHERE id = 4;
      INSERT INTO subs VALUES (15, 2, 'd', 's'); INSERT INTO invoices VALUES (16, 2, 'd', 1); DELETE FROM invoices WHERE id = 5; DELETE FROM items WHERE id = 4; DELETE FROM subs WHERE id = 4;
      SET session_replication_role = origin;`,
      tables: ['tenants', 'subs', 'items', 'invoices'],
    }),
);

/** Rows that others refer to by their code, and that hold another unique value besides. */
const coded = (id = 'int'): string => `${tenants}
  CREATE TABLE items (id ${id} PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, code text NOT NULL UNIQUE, slug text NOT NULL UNIQUE);
  CREATE TABLE refs (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, code text REFERENCES items (code) ON DELETE CASCADE);
  INSERT INTO items OVERRIDING SYSTEM VALUE VALUES (1, 2, 'a', 'x'), (2, 2, 'b', 'y'), (3, 2, 'c', 'z'), (9, 1, 'q', 'w');
  INSERT INTO refs VALUES (1, 2, 'a'), (2, 2, 'b'), (3, 2, 'c'), (9, 1, 'q');
  CREATE TABLE links (id int PRIMARY KEY, tenant_id int, slug text);
  INSERT INTO links VALUES (1, 2, 'x'), (2, 2, 'y');`;
const coming = 'SET session_replication_role = replica;';

test.each([
  [
    'a row that changes',
    `UPDATE items SET slug = '' WHERE id = 2; UPDATE items SET id = 11, slug = 'y' WHERE id = 1; UPDATE items SET slug = 'x' WHERE id = 2;`,
  ],
  [
    'another such row',
    `UPDATE items SET slug = '' WHERE id = 2; UPDATE items SET id = 11, slug = 'y' WHERE id = 1; UPDATE items SET id = 12, slug = 'x' WHERE id = 2;`,
  ],
  [
    'two more in a ring',
    `UPDATE items SET id = 11, slug = '' WHERE id = 1; UPDATE items SET id = 12, slug = 'x' WHERE id = 2; UPDATE items SET id = 13, slug = 'y' WHERE id = 3; UPDATE items SET slug = 'z' WHERE id = 11;`,
  ],
])('a row put back in place exchanges another unique value with %s', (_, damage) =>
  backAndForth({ schema: coded(), damage: coming + damage, tables: ['tenants', 'items', 'refs'] }),
);

test.each([
  [
    'has an identity no UPDATE may set',
    'int GENERATED ALWAYS AS IDENTITY',
    `UPDATE items SET slug = 'n' WHERE id = 1; DELETE FROM items WHERE id = 1; INSERT INTO items OVERRIDING SYSTEM VALUE VALUES (11, 2, 'a', 'n');`,
  ],
  [
    'exchanged a value that rows refer to as well',
    'int',
    `ALTER TABLE items ADD UNIQUE (slug, tenant_id); ALTER TABLE links ADD FOREIGN KEY (slug, tenant_id) REFERENCES items (slug, tenant_id) ON DELETE RESTRICT; DELETE FROM items WHERE id < 3; INSERT INTO items VALUES (11, 2, 'a', 'y'), (12, 2, 'b', 'x');`,
  ],
])(
  'a row made again that %s stops the plan, where a cascade would take others along',
  async (_, id, damage) => {
    const world = await testDatabase(server, coded(id), 'template1', 'app');
    const live = await testDatabase(server, '', world.name, 'app');
    await live.asSuperuser(coming + damage);
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    const plan = await work.plan('two');
    await work.close();
    expect(plan.conflicts).toContainEqual(
      expect.objectContaining({
        kind: 'inbound-reference',
        table: 'items',
        key: '[1]',
        blocking: true,
        detail: expect.stringContaining('takes over from'),
      }),
    );
  },
);

test('a role with an empty search_path and read-only transactions sees types of extensions as they are', async () => {
  await backAndForth({
    owner: 'postgres',
    schema: `CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions;
      CREATE TABLE tenants (id extensions.citext PRIMARY KEY, slug text UNIQUE, status text); INSERT INTO tenants VALUES ('One', 'one'), ('Two', 'two');
      CREATE TABLE codes (code extensions.citext PRIMARY KEY, tenant_id extensions.citext REFERENCES tenants);
      CREATE TABLE uses (id int PRIMARY KEY, code extensions.citext NOT NULL REFERENCES codes);
      INSERT INTO codes VALUES ('A', 'ONE'), ('B', 'two'), ('C', 'TWO'); INSERT INTO uses VALUES (1, 'a'), (2, 'b'), (3, 'c');
      DO $$ BEGIN EXECUTE format('ALTER ROLE postgres IN DATABASE %I SET search_path = %L', current_database(), ''); END $$;`,
    damage: `DELETE FROM public.uses WHERE id = 2; UPDATE public.codes SET code = 'c' WHERE code::text = 'C';
      DO $$ BEGIN EXECUTE format('ALTER ROLE postgres IN DATABASE %I SET search_path = %L', current_database(), '');
        EXECUTE format('ALTER ROLE postgres IN DATABASE %I SET default_transaction_read_only = on', current_database()); END $$;`,
    tables: ['tenants', 'codes', 'uses'].map((name) => `public"."${name}`),
  });
});

test('triggers that single partitions have are disabled with consent and put back as they were', async () => {
  const states = `SELECT tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1`;
  const schema = `${tenants}
    CREATE TABLE logs (id int, tenant_id int NOT NULL REFERENCES tenants, line text, at timestamptz DEFAULT now()) PARTITION BY RANGE (id);
    CREATE TABLE logs_a PARTITION OF logs FOR VALUES FROM (0) TO (10); CREATE TABLE logs_b PARTITION OF logs DEFAULT;
    INSERT INTO logs SELECT i, 1 + i % 2, 'x' FROM generate_series(1, 20) i;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at = clock_timestamp(); RETURN NEW; END';
    CREATE TRIGGER touch BEFORE INSERT ON logs FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE TRIGGER own BEFORE INSERT ON logs_b FOR EACH ROW EXECUTE FUNCTION touch();
    ALTER TABLE logs_b ENABLE ALWAYS TRIGGER own; ALTER TABLE logs_a DISABLE TRIGGER touch;`;
  const world = await testDatabase(server, schema, 'template1', 'app');
  const live = await testDatabase(server, '', world.name, 'app');
  await live.asSuperuser(`DELETE FROM logs WHERE tenant_id = 2 AND id > 5`);
  const work = await staged(
    live.url,
    { form: 'live', url: world.url },
    ['two'],
    {},
    { mode: 'write', disableTriggers: true },
  );
  await work.execute(await work.plan('two'));
  await work.close();
  expect(await contents(live, ['logs'])).toEqual(await contents(world, ['logs']));
  expect(await live.rows(states)).toEqual(await world.rows(states));
});

test('tables of another schema whose rows refer to a tenant’s are not forgotten', async () => {
  const live = await testDatabase(
    server,
    `CREATE SCHEMA billing; ${tenants} CREATE TABLE plans (id int PRIMARY KEY); CREATE TABLE billing.rates (plan int REFERENCES plans);
    CREATE TABLE billing.invoices (id int PRIMARY KEY, tenant int REFERENCES tenants);`,
  );
  await expect(openGround(live.url)).rejects.toMatchObject({
    code: 'table-unclassified',
    facts: { unclassified: ['billing.invoices'] },
  });
  const rule = { exclude: 'by hand' };
  const ground = await openGround(live.url, {
    ownership: { tables: { plans: 'shared', 'billing.invoices': rule } },
  });
  await ground.session.close();
});

test('ids that do not tell tenants apart are refused', async () => {
  const live = await testDatabase(
    server,
    `CREATE TABLE tenants (region text, id int, slug text, PRIMARY KEY (region, id)); INSERT INTO tenants VALUES ('eu', 1, 'a'), ('us', 1, 'b');`,
  );
  await expect(openGround(live.url)).rejects.toMatchObject({ code: 'config-invalid', table: 'tenants' });
});

test('rows that write their tenant’s id otherwise are counted and digested for that tenant', async () => {
  const live = await testDatabase(
    server,
    `CREATE EXTENSION citext; CREATE TABLE tenants (id citext PRIMARY KEY, slug text); INSERT INTO tenants VALUES ('One', 'one'), ('Two', 'two');
      CREATE TABLE codes (id int PRIMARY KEY, tenant_id citext REFERENCES tenants); INSERT INTO codes VALUES (1, 'ONE'), (2, 'two'), (3, 'Two');
      CREATE TABLE uses (id int PRIMARY KEY, code int REFERENCES codes); INSERT INTO uses VALUES (1, 1), (2, 2), (3, 3);`,
  );
  const { session, schema, config } = await openGround(live.url);
  const shape = buildShape(schema, classify(schema, config), config, { mode: 'exact' });
  const expected = { codes: { One: 1, Two: 2 }, uses: { One: 1, Two: 2 } };
  expect(await session.countAll(shape)).toMatchObject(expected);
  const digests = await session.digestAll(shape);
  expect(Object.keys(digests.uses ?? {}).sort()).toEqual(['One', 'Two']);
  await session.close();
});

test('ids of char(n) and of numeric are found in a backup', () =>
  Promise.all(
    ['char(6)', 'numeric'].map((type, i) =>
      backAndForth({
        schema: `CREATE TABLE tenants (id ${type} PRIMARY KEY, slug text, status text); INSERT INTO tenants VALUES (${['1', '1.0'][i]}, 'one'), (${['2', '2.50'][i]}, 'two');
          CREATE TABLE items (id int PRIMARY KEY, tenant_id ${type} REFERENCES tenants); INSERT INTO items SELECT row_number() OVER (), id FROM tenants, generate_series(1, 3);`,
        damage: `DELETE FROM items WHERE id = (SELECT max(i.id) FROM items i JOIN tenants t ON t.id = i.tenant_id WHERE slug = 'two')`,
        tables: ['tenants', 'items'],
      }),
    ),
  ));
