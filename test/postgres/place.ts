import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { temporaryFolder } from '../cli/folder.ts';
import { type Ran, tenantDr } from '../cli/run.ts';
import { contents, type TestDatabase, testDatabase } from './cluster.ts';
import { shopTables } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

/** A database of its own with a config, and an empty folder for backups. */
export interface Place {
  cwd: string;
  live: TestDatabase;
  run(...words: string[]): Promise<Ran>;
}

/** What goes wrong with tenant two of the shop. */
export const damage = `DELETE FROM links WHERE tenant_id = 2;
  DELETE FROM sales USING items WHERE items.id = item_id AND tenant_id = 2; UPDATE items SET price = 0 WHERE tenant_id = 2`;

/** An exact copy of the shop to work on from the command line. */
export async function placeOn(server: Throwaway, template: TestDatabase, address?: string): Promise<Place> {
  const live = await testDatabase(server, '', template.name);
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'backups'));
  const config = [
    `database: ${address === undefined ? live.url : live.url.replace(/\/\/[^/]+/, `//${address}`)}`,
    'backups: ./backups',
    'state: ./state',
    'environment: test',
    'tenants: { settle: 0s, status: { column: status, active: active, suspended: suspended } }',
    'ownership: { tables: { plans: shared } }',
  ];
  writeFileSync(join(cwd, 'tenant-dr.config.yaml'), `${config.join('\n')}\n`);
  return { cwd, live, run: (...words) => tenantDr([...words, '--as', 'tester', '--json'], { cwd }) };
}

/** The same with a backup of its own and tenant two damaged since. */
export async function damagedOn(
  server: Throwaway,
  template: TestDatabase,
): Promise<Place & { before: Record<string, string> }> {
  const there = await placeOn(server, template);
  const before = await contents(there.live, shopTables);
  expect(await there.run('backup')).toMatchObject({ exit: 0 });
  await there.live.sql(damage);
  return { ...there, before };
}
