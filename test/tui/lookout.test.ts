import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { loadConfig } from '../../src/config/load.ts';
import { databaseAt } from '../../src/databases/open.ts';
import { createIncident } from '../../src/incident/store.ts';
import { openLookout } from '../../src/tui/lookout.ts';
import { newIncident, store, temporaryFolder } from '../incident/support.ts';

test('the first screen offers to resume what is open in this database, not in another one of the same state folder', async () => {
  const cwd = await temporaryFolder();
  const state = join(cwd, 'state');
  const own = { name: 'own', location: join(cwd, 'own.db'), kind: 'sqlite' } as const;
  const here = await createIncident(store(state, Date.now), newIncident({ database: own }));
  const elsewhere = await createIncident(store(state, Date.now), newIncident());
  const flags = { database: own.location, state, config: undefined, backups: undefined };
  const config = await loadConfig({ flags, env: {}, cwd });
  const context = {
    config: async () => config,
    openDatabase: async () => databaseAt(config.database ?? ''),
    clock: () => new Date(),
  } as unknown as Context;
  const { sights, look } = openLookout(context);
  await look();
  const { incidents } = sights.get();
  expect(incidents).toMatchObject({ state: 'ready', value: [{ id: here.id }] });
  await here.close();
  await elsewhere.close();
});
