import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { folderOfTheFile } from '../afterwards.ts';
import type { TestDatabase } from './cluster.ts';
import { contents, ordinaryRole, testCluster, testDatabase } from './cluster.ts';
import { openGround, staged } from './engine.ts';
import type { Throwaway } from './throwaway.ts';
import { damage, tables, types } from './worlds.ts';

let server: Throwaway;
const worlds = new Map<string, TestDatabase>();

beforeAll(async () => {
  server = await testCluster();
  await ordinaryRole(server, 'app');
  for (const role of ['postgres', 'app'])
    worlds.set(role, await testDatabase(server, types, 'template1', role));
}, 60_000);

const destruction = `
SET session_replication_role = replica;
DELETE FROM note_tags WHERE note_id IN (SELECT n.id FROM notes n JOIN members m ON m.id = n.member_id WHERE m.tenant_id = 2);
DELETE FROM notes WHERE member_id IN (SELECT id FROM members WHERE tenant_id = 2);
DELETE FROM "Mixed Case" WHERE tenant_id = 2; DELETE FROM teams WHERE tenant_id = 2; DELETE FROM members WHERE tenant_id = 2;
DELETE FROM pages WHERE tenant_id = 2; DELETE FROM logs WHERE tenant_id = 2; DELETE FROM bookings WHERE tenant_id = 2;
DELETE FROM base WHERE tenant_id = 2; DELETE FROM tickets WHERE tenant_id = 2; DELETE FROM attachments WHERE tenant_id = 2; DELETE FROM letter_parts WHERE l IN (SELECT t FROM letters WHERE tenant_id = 2); DELETE FROM letters WHERE tenant_id = 2; DELETE FROM events WHERE tenant_id = 2; DELETE FROM husbands WHERE tenant_id = 2; DELETE FROM wives WHERE tenant_id = 2;
DELETE FROM tenants WHERE id = 2;`;

describe.each(['postgres', 'app'])('as role %s, from another live server', (role) => {
  test('every row is back exactly as it was, of every type, and nobody else changed', async () => {
    const world = worlds.get(role) as TestDatabase;
    const live = await testDatabase(server, '', world.name, role);
    const before = await contents(live, tables);
    await live.sql(damage);
    expect(await contents(live, tables)).not.toEqual(before);
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    try {
      const plan = await work.plan('two');
      expect(plan.conflicts).toEqual([]);
      expect(plan.drift).toEqual([]);
      expect(plan.planned.digest).toBe((await work.session.digest('staged')).digest);
      const done = await work.execute(plan);
      expect(done.after).toBe(done.plan.planned.digest);
      expect(done.isolation.otherRowsWritten).toBe(0);
      expect(await contents(live, tables)).toEqual(before);
      const again = await work.plan('two');
      expect(again.tables.map((table) => table.insert + table.update + table.delete)).toEqual(
        again.tables.map(() => 0),
      );
    } finally {
      await work.close();
    }
  });

  test('a tenant that was deleted comes back whole, suspended, cycles included', async () => {
    const world = worlds.get(role) as TestDatabase;
    const live = await testDatabase(server, '', world.name, role);
    const before = await contents(live, tables);
    await live.asSuperuser(destruction);
    const work = await staged(live.url, { form: 'live', url: world.url }, ['2']);
    try {
      const plan = await work.plan('2');
      expect(plan.conflicts).toEqual([]);
      const done = await work.execute(plan);
      expect(done.after).toBe(done.plan.planned.digest);
      const after = await contents(live, tables);
      expect(after.tenants).toBe(before.tenants?.replace('two\tTwo\tactive', 'two\tTwo\tsuspended'));
      expect({ ...after, tenants: '' }).toEqual({ ...before, tenants: '' });
    } finally {
      await work.close();
    }
  });
});

describe('a tenant id', () => {
  test.each([
    [
      'uuid',
      `('0a0eebc9-9c0b-4ef8-bb6d-6bb9bd380a11'), ('b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a22')`,
      'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a22',
    ],
    ['text', `('o''ne; --'), (E'tw\\\\o\t\n"é😀')`, 'tw\\o\t\n"é😀'],
    ['bigint', '(9007199254740992), (9007199254740993)', '9007199254740993'],
    ['bytea', `('\\x00ff'), ('\\x275c')`, '275c'],
    ['varchar(20)', `('7'), ('77')`, '77'],
    ['char(6)', `('ab'), ('abc')`, 'abc'],
    ['numeric', '(1), (2)', '2'],
  ])('may be a %s', async (type, ids, wanted) => {
    const script = `
      CREATE TABLE orgs (key ${type} PRIMARY KEY, slug text);
      INSERT INTO orgs (key) VALUES ${ids}; UPDATE orgs SET slug = 's' || md5(key::text);
      CREATE TABLE things (id int PRIMARY KEY, org ${type} REFERENCES orgs, v text);
      CREATE TABLE parts (id int PRIMARY KEY, thing int REFERENCES things, v text);
      INSERT INTO things SELECT row_number() OVER (), key, 'v' FROM orgs, generate_series(1, 4);
      INSERT INTO parts SELECT id, id, 'p' FROM things;`;
    const extra = { tenants: { table: 'orgs', id: 'key' }, ownership: { columns: ['org'] } };
    const world = await testDatabase(server, script);
    const dump = join(folderOfTheFile('ids'), 'a.sql');
    await execa('pg_dump', ['--file', dump, world.url]);
    for (const source of [
      { form: 'live', url: world.url },
      { form: 'dump', path: dump, format: 'plain', compression: 'none', whole: false },
    ] as const) {
      const live = await testDatabase(server, '', world.name);
      await live.sql(`UPDATE things SET v = 'x'; DELETE FROM parts`);
      const before = await live.copy('SELECT * FROM things ORDER BY id');
      const ground = await openGround(live.url, extra);
      const slug = ground.tenants.find((tenant) => tenant.id.text === wanted)?.slug ?? `no tenant ${wanted}`;
      await ground.session.close();
      const work = await staged(live.url, source, [slug], extra);
      const plan = await work.plan(slug);
      expect(plan.tables.map((table) => [table.name, table.insert, table.update])).toEqual([
        ['orgs', 0, 0],
        ['things', 0, 4],
        ['parts', 4, 0],
      ]);
      await work.execute(plan);
      await work.close();
      expect(await live.rows(`SELECT count(*) FROM things WHERE v = 'v'`)).toEqual([['4']]);
      expect(await live.copy('SELECT * FROM things ORDER BY id')).not.toBe(before);
      expect(await live.rows('SELECT count(*) FROM parts')).toEqual([['4']]);
    }
  });
});
