import { beforeAll, describe, expect, test } from 'vitest';
import type { Throwaway } from '../../src/databases/postgres/throwaway.ts';
import type { TestDatabase } from './cluster.ts';
import { connectTo, testCluster, testDatabase } from './cluster.ts';
import { staged } from './engine.ts';
import { damage, tables, types } from './worlds.ts';

let server: Throwaway;
let world: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  world = await testDatabase(server, types);
}, 60_000);

/** A copy of the intact world: template copies are exact. */
async function copyOf(database: TestDatabase): Promise<TestDatabase> {
  return testDatabase(server, '', database.name);
}

/** Every row of every table as psql prints it, sorted. */
async function contents(database: TestDatabase): Promise<Record<string, string>> {
  const read = await Promise.all(
    tables.map(async (table) => [
      table,
      (await database.copy(`SELECT * FROM "${table}"`)).split('\n').sort().join('\n'),
    ]),
  );
  return Object.fromEntries(read) as Record<string, string>;
}

describe('a tenant restored from another live server', () => {
  test('has every row back exactly as it was, of every type, and nobody else changed', async () => {
    const live = await copyOf(world);
    const before = await contents(live);
    await live.sql(damage);
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    try {
      const plan = await work.plan('two');
      expect(plan.conflicts).toEqual([]);
      expect(plan.drift).toEqual([]);
      const done = await work.execute(plan);
      expect(done.after).toBe(done.plan.planned.digest);
      expect(done.plan.planned.digest).toBe(done.plan.staged.digest);
      expect(done.isolation.otherRowsWritten).toBe(0);
      expect(await contents(live)).toEqual(before);
      const again = await work.plan('two');
      expect(again.tables.map((table) => table.insert + table.update + table.delete)).toEqual(
        again.tables.map(() => 0),
      );
    } finally {
      await work.close();
    }
  });
});

void connectTo;
