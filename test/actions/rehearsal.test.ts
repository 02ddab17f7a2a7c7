import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openUndo } from '../../src/actions/undo.ts';
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
  // What it did is gone with its copy: taken back on the live database it would suspend the tenant there.
  const took = openUndo(
    { config, database, mode: 'live', signal: new AbortController().signal, progress() {}, output() {} },
    state.id,
  );
  await expect(took).rejects.toMatchObject({
    code: 'undo-refused',
    message: expect.stringContaining('rehearsal'),
  });
  expect(hash()).toBe(before);
  expect(await statusOf(here)).toBe('active');
});
