import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { contents, ordinaryRole, testCluster, testDatabase } from '../postgres/cluster.ts';
import { placeOn } from '../postgres/place.ts';
import { shop } from '../postgres/shop.ts';
import type { Throwaway } from '../postgres/throwaway.ts';
import { sceneOf, start } from './scene.ts';
import { ScriptedOperator } from './support.ts';

let server: Throwaway;

beforeAll(async () => {
  server = await testCluster();
  await ordinaryRole(server, 'app');
});

/** What no trigger of the shop lets come back as it was. */
const rewriting = `
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := '1999-01-01'; RETURN NEW; END $$;
CREATE TRIGGER stamped BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION stamp();`;

test('a person is asked whether triggers may be disabled, types the database’s name for it, and rows come back verbatim', async () => {
  const shopThen = await testDatabase(server, `${shop} ${rewriting}`, 'template1', 'app');
  const there = await placeOn(server, shopThen, `app@127.0.0.1:${server.port}`);
  const before = await contents(there.live, ['items']);
  await there.live.sql('UPDATE items SET price = 0 WHERE tenant_id = 2');
  const { cwd, live } = there;
  const place = { dir: cwd, configPath: join(cwd, 'tenant-dr.config.yaml'), statePath: join(cwd, 'state') };
  const scene = await sceneOf({ ...place, victim: 'two' });
  const operator = new ScriptedOperator({
    'restore.mode': ['exact', 'exact'],
    'restore.triggers': ['run', 'disable'],
    'restore.confirm': 'two',
    'restore.failed': 'retry',
    'restore.triggers.confirm': ['two', live.name],
  });
  const text = `id: short
title: Short
symptoms: [something]
impact: [one tenant]
steps: [{ id: restore, title: Restore, estimate: 1m, why: rows are wrong, uses: restore, with: { from: '${shopThen.url}' } }]`;
  const { incident, runner } = await start(scene, text, operator);
  const ended = await runner.run();
  await incident.close();
  expect(ended.outcome).toBe('completed');
  expect(await contents(live, ['items'])).toEqual(before);
  const [asked] = operator.asked.filter(({ id }) => id === 'restore.triggers.confirm');
  expect(asked?.title).toContain('items');
  expect(asked?.detail.join(' ')).toMatch(/stamped.*whatever the tenant: they wait/s);
  expect(incident.state.confirmations.map(({ what, phrase }) => [what, phrase])).toEqual([
    ['restore: Restore', 'slug'],
    ['restore, besides: Disable the triggers of items during the restore', 'database'],
    ['restore: Restore', 'slug'],
  ]);
});
