import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { absentOperator } from '../../src/runbook/headless.ts';
import { shippedFolder } from '../../src/runbook/load.ts';
import { scene, start, statusOf } from './scene.ts';

const text = await readFile(path.join(shippedFolder, 'single-tenant-corruption.yaml'), 'utf8');
const checker = new URL('../check/check.py', import.meta.url).pathname;

test.each(['deleted', 'overwritten', 'wrong-tenant-merge', 'bad-latest'] as const)(
  'the shipped runbook recovers a tenant from "%s" with the confirmation alone',
  async (scenario) => {
    const here = await scene(scenario);
    const before = path.join(here.world.dir, 'before.db');
    execFileSync('sqlite3', [here.world.dbPath, `.backup ${before}`]);
    const { incident, runner } = await start(here, text, absentOperator(here.tenant.slug));
    expect(await runner.run()).toEqual({ outcome: 'completed', error: null });
    expect(incident.state.steps.map((step) => step.state)).toEqual(['done', 'done', 'done', 'done', 'done']);
    expect(incident.state.verifications.at(-1)?.ok).toBe(true);
    expect(await statusOf(here)).toBe('active');
    expect(incident.state.backup?.path).toBe(here.world.backupPath);
    const after = path.join(here.world.dir, 'after.db');
    copyFileSync(here.world.dbPath, after);
    const { factsPath, backupPath, victim } = here.world;
    const given = ['--facts', factsPath, '--before', before, '--after', after, '--backup', backupPath];
    expect(
      execFileSync('python3', ['-S', checker, ...given, '--tenant', victim], { encoding: 'utf8' }),
    ).not.toMatch(/problem/);
    await incident.close();
  },
);
