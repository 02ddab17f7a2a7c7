import { beforeAll, describe, expect, test } from 'vitest';

import type { Throwaway } from '../../src/databases/postgres/throwaway.ts';
import type { TestDatabase } from './cluster.ts';
import { contents, ordinaryRole, testCluster, testDatabase } from './cluster.ts';
import { staged } from './engine.ts';
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
DELETE FROM letter_parts WHERE l IN (SELECT t FROM letters WHERE tenant_id = 2); DELETE FROM letters WHERE tenant_id = 2; DELETE FROM events WHERE tenant_id = 2; DELETE FROM husbands WHERE tenant_id = 2; DELETE FROM wives WHERE tenant_id = 2;
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
