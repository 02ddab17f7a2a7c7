import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { beginRun } from '../../src/runbook/begin.ts';
import { absentOperator } from '../../src/runbook/headless.ts';
import { scene, statusOf } from '../runbook/scene.ts';

test('a rehearsal walks every step on a private copy and leaves live byte for byte as it was', async () => {
  const here = await scene('deleted');
  const { config, database, store, world } = here;
  const hash = () => createHash('sha256').update(readFileSync(world.dbPath)).digest('hex');
  const before = hash();
  const begun = await beginRun({
    ...{ config, database, store },
    runbook: 'single-tenant-corruption',
    tenant: world.victim,
    mode: 'rehearsal',
    detectedAt: new Date(),
    damagedAt: null,
    from: world.backupPath,
  });
  const copy = begun.incident.path('copy', 'admin.db');
  expect(existsSync(copy)).toBe(true);
  const runner = begun.runner(absentOperator(world.victim), new AbortController().signal);
  expect(await runner.run()).toEqual({ outcome: 'completed', error: null });
  const { state } = begun.incident;
  expect(state.opened.mode).toBe('rehearsal');
  expect(state.restores.map((one) => one.state)).toEqual(['finished']);
  expect(state.steps.every((step) => (step.seconds ?? 0) > 0)).toBe(true);
  await begun.close();
  expect(existsSync(copy)).toBe(false);
  expect(hash()).toBe(before);
  expect(await statusOf(here)).toBe('active');
});
