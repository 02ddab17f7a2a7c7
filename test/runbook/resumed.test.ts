import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Operator } from '../../src/actions/operator.ts';
import { databaseAt } from '../../src/databases/open.ts';
import { readReport } from '../../src/incident/report/source.ts';
import { type Begun, beginRun, resumeRun } from '../../src/runbook/begin.ts';
import { absentOperator } from '../../src/runbook/headless.ts';
import { shell, shellWorld } from '../e2e/shell.ts';
import { type Scene, sceneOf } from './scene.ts';
import { ScriptedOperator } from './support.ts';

/** What one process was told, another goes on with. */

const runbook = `id: recovery
title: Recovery
symptoms: [something]
impact: [one tenant]
steps:
  - { id: rows, title: Rows, estimate: 1m, why: w, uses: restore, confirm: typed }
`;

const damaged = () =>
  shellWorld({
    create: `CREATE TABLE memos (id INTEGER PRIMARY KEY, tenant_id INTEGER, body TEXT);
      CREATE TABLE drafts (id INTEGER PRIMARY KEY, tenant_id INTEGER);
      INSERT INTO memos VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'); INSERT INTO drafts VALUES (1, 1), (2, 1);`,
    damage: `DELETE FROM memos WHERE id = 1; UPDATE memos SET body = 'new' WHERE id = 2; DELETE FROM drafts;`,
  });

function requestOf({ config, database, store, world }: Scene) {
  const file = join(world.dir, 'recovery.yaml');
  writeFileSync(file, runbook);
  const times = { detectedAt: new Date(), damagedAt: null };
  const about = { runbook: file, tenant: 'alfa', mode: 'live' } as const;
  return { config, database, store, ...about, ...times };
}

async function walk(begun: Begun, operator: Operator): Promise<string> {
  const { outcome } = await begun.runner(operator, new AbortController().signal).run();
  await begun.close();
  return outcome;
}

test('what a person chose and left out stands when the run goes on without one', async () => {
  const here = await sceneOf(damaged());
  const begun = await beginRun({ ...requestOf(here), from: here.world.backupPath });
  const alice = new ScriptedOperator({
    'restore.mode': 'missing',
    'rows.confirm': [null],
    'rows.proceed': 'leave',
  });
  alice.review = async () => ({ withoutTables: ['drafts'], withoutRows: {}, revivals: {} });
  expect(await walk(begun, alice)).toBe('stopped');
  const { config, database, store, world } = here;
  const again = await resumeRun({ config, database, store, id: begun.incident.id });
  expect(await walk(again, absentOperator('alfa'))).toBe('completed');
  expect(shell(world.dbPath, 'SELECT group_concat(id || body) FROM memos; SELECT count(*) FROM drafts')).toBe(
    '1a,2new,3c\n0\n',
  );
  const { report } = await readReport(begun.incident.dir);
  const command = report.commands.find((one) => one.command.startsWith('tenant-dr restore'))?.command;
  expect(command).toContain('--mode missing --tables tenants,memos --confirm alfa');
});

test('the newest backup is the one it was when it was named, whatever is taken later', async () => {
  const here = await sceneOf(damaged());
  const begun = await beginRun({ ...requestOf(here), from: 'latest' });
  const { input } = begun.incident.state.opened;
  await begun.close();
  expect(input?.restore?.from).not.toBe('latest');
  expect(here.world.backupPath).toContain(`/${input?.restore?.from}.`);
});

test('a database is the same one by whatever link it is named', async () => {
  const { world, database } = await sceneOf(damaged());
  const link = join(world.dir, 'link');
  symlinkSync(world.dir, link);
  const linked = await databaseAt(`sqlite:${world.dbPath.replace(world.dir, link)}`);
  expect(linked.location).toBe(database.location);
});

test('an incident of another database is not gone on with, and stays whose it is', async () => {
  const here = await sceneOf(damaged());
  const begun = await beginRun({ ...requestOf(here), from: here.world.backupPath });
  const elsewhere = await sceneOf(damaged());
  const { config, database } = elsewhere;
  const taking = { id: begun.incident.id, takeOver: { reason: 'a test' } };
  const resumed = resumeRun({ config, database, store: here.store, ...taking });
  await expect(resumed).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining(here.world.dbPath),
  });
  await begun.incident.append({ event: 'note', text: 'still mine' });
  await begun.close();
});
