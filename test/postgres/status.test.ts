import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type TestDatabase, testCluster, testDatabase } from './cluster.ts';
import { damagedOn } from './place.ts';
import { shop } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;
let world: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  world = await testDatabase(server, shop);
});

test.each([
  [
    'an enum',
    'status',
    "CREATE TYPE mood AS ENUM ('active', 'suspended', 'trial'); ALTER TABLE tenants ALTER status DROP DEFAULT, ALTER status TYPE mood USING 'trial'::mood",
    '',
    'trial',
  ],
  [
    'NULL',
    'status',
    'ALTER TABLE tenants ALTER status DROP NOT NULL; UPDATE tenants SET status = NULL',
    '',
    null,
  ],
  [
    'a boolean',
    'works',
    'ALTER TABLE tenants ADD works boolean DEFAULT true',
    '{ column: works, active: true, suspended: false }',
    'true',
  ],
  [
    'a number',
    'state',
    'ALTER TABLE tenants ADD state smallint DEFAULT 3',
    '{ column: state, active: 1, suspended: 0 }',
    '3',
  ],
])('reactivating puts the status back that was there before: %s', async (_, column, sql, status, was) => {
  const { live, run, cwd } = await damagedOn(server, world);
  await live.sql(sql);
  if (status) {
    const file = join(cwd, 'tenant-dr.config.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/status: \{[^}]*\}/, `status: ${status}`));
  }
  const rows = () => live.rows(`SELECT ${column}::text FROM tenants WHERE slug = 'two'`);
  expect(await run('suspend', 'two', '--confirm', 'two')).toMatchObject({ exit: 0 });
  expect(await rows()).not.toEqual([[was]]);
  const { document } = await run('reactivate', 'two', '--confirm', 'two');
  expect(document).toMatchObject({ ok: true, statusFrom: 'before' });
  expect(await rows()).toEqual([[was]]);
});
