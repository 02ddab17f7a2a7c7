import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noHistory } from '../../src/incident/history.ts';
import { createIncident } from '../../src/incident/store.ts';
import { ViewStore } from '../../src/runbook/view.ts';
import { openDesk } from '../../src/tui/desk.ts';
import { newIncident, store, temporaryFolder } from '../incident/support.ts';

test('a run that has ended keeps nobody waiting whose terminal is gone', async () => {
  const incident = await createIncident(
    store(join(await temporaryFolder(), 'state'), Date.now),
    newIncident(),
  );
  const view = new ViewStore();
  const terminal = new AbortController();
  const result = { outcome: 'completed', error: null } as const;
  const { done } = openDesk({
    incident,
    run: () => ({ view: view.view, subscribe: view.subscribe, run: async () => result }),
    operatorName: 'alice',
    history: async () => noHistory,
    messages: { draft: async () => Promise.reject(new Error('not asked for')) } as never,
    now: () => new Date(),
    signal: terminal.signal,
  });
  // It waits for the person to read the end first.
  expect(await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 50, 'waits'))])).toBe(
    'waits',
  );
  terminal.abort();
  expect(await done).toBe(result);
  await incident.close();
});
