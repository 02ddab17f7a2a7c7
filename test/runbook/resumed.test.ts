import { copyFileSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Operator } from '../../src/actions/operator.ts';
import { idOf } from '../../src/backups/names.ts';
import { databaseAt } from '../../src/databases/open.ts';
import type { TenantDrError } from '../../src/errors.ts';
import { describe } from '../../src/incident/describe.ts';
import { readReport } from '../../src/incident/report/source.ts';
import { type Begun, beginRun, resumeRun } from '../../src/runbook/begin.ts';
import { absentOperator } from '../../src/runbook/headless.ts';
import type { RunResult } from '../../src/runbook/view.ts';
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

async function ended(begun: Begun, operator: Operator): Promise<RunResult> {
  const result = await begun.runner(operator, new AbortController().signal).run();
  await begun.close();
  return result;
}

const walk = async (begun: Begun, operator: Operator): Promise<string> =>
  (await ended(begun, operator)).outcome;

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

const guided = `${runbook.replace('steps:\n', 'steps:\n  - { id: choice, title: Choice, estimate: 1m, why: w, uses: choose-backup }\n')}`;

test('where the chosen backup is gone, whoever resumes names another, and it stands for the next one too', async () => {
  const here = await sceneOf(damaged());
  const request = requestOf(here);
  writeFileSync(request.runbook, guided);
  const copy = join(here.world.dir, 'gone.db');
  copyFileSync(here.world.backupPath, copy);
  const begun = await beginRun({ ...request, from: copy });
  expect(
    await walk(
      begun,
      new ScriptedOperator({ 'restore.mode': 'exact', 'rows.confirm': [null], 'rows.proceed': 'leave' }),
    ),
  ).toBe('stopped');
  rmSync(copy);
  const { config, database, store, world } = here;
  const again = { config, database, store, id: begun.incident.id };
  const { error } = await ended(await resumeRun(again), absentOperator('alfa'));
  expect(error).toMatchObject({
    code: 'backup-missing',
    hint: expect.stringContaining(`resume ${again.id} --from <ref>`),
  });
  await expect(resumeRun({ ...again, from: join(world.dir, 'nowhere.db') })).rejects.toMatchObject({
    code: 'backup-missing',
  });
  await (await resumeRun({ ...again, from: world.backupPath })).close();
  expect(await walk(await resumeRun(again), absentOperator('alfa'))).toBe('completed');
  expect(shell(world.dbPath, 'SELECT group_concat(id || body) FROM memos')).toBe('1a,2b,3c\n');
  await expect(resumeRun({ ...again, from: copy })).rejects.toMatchObject({ code: 'usage' });
});

test('a person whose backup is gone chooses another on the screen', async () => {
  const here = await sceneOf(damaged());
  const request = requestOf(here);
  const copy = join(here.world.dir, 'gone.db');
  copyFileSync(here.world.backupPath, copy);
  const begun = await beginRun({ ...request, from: copy });
  rmSync(copy);
  const alice = new ScriptedOperator({
    'choose-backup.ref': idOf(here.world.backupPath),
    'choose-backup.reason': 'the only one left',
    'restore.mode': 'exact',
    'rows.confirm': 'alfa',
  });
  expect(await ended(begun, alice)).toEqual({ outcome: 'completed', error: null });
  expect(alice.asked[0]).toMatchObject({ view: { problem: expect.stringContaining('gone.db') } });
});

test('a run that nobody attends begins only when some backup can be used', async () => {
  const here = await sceneOf(damaged());
  const request = { ...requestOf(here), unattended: true };
  writeFileSync(request.runbook, guided);
  await (await beginRun(request)).close();
  const before = readdirSync(join(here.world.statePath, 'incidents'));
  writeFileSync(here.world.backupPath, 'SQLite format 3\0 and nothing more');
  await expect(beginRun(request)).rejects.toMatchObject({ code: 'backup-missing' });
  expect(readdirSync(join(here.world.statePath, 'incidents'))).toEqual(before);
});

test('a backup of another database is taken by a run that was given its name', async () => {
  const here = await sceneOf(damaged());
  shell(here.world.dbPath, "UPDATE tenants SET slug = 'new-' || slug, name = 'New'");
  const request = { ...requestOf(here), tenant: 'new-alfa', from: here.world.backupPath };
  const refused = await beginRun(request).catch((error: TenantDrError) => error.hint);
  const [, name = ''] = /--foreign-source "(.*)"/.exec(String(refused)) ?? [];
  const nameless = beginRun({ ...request, from: undefined, foreignSource: name });
  await expect(nameless).rejects.toMatchObject({ code: 'usage' });
  const begun = await beginRun({ ...request, foreignSource: name });
  expect(await walk(begun, absentOperator('new-alfa'))).toBe('completed');
});

test('where rows say both, what a person says of the change is kept, and nothing waits for it any more', async () => {
  const here = await sceneOf(damaged());
  const { config, database, store, world } = here;
  const begun = await beginRun({ ...requestOf(here), from: world.backupPath });
  expect(await walk(begun, absentOperator('alfa'))).toBe('completed');
  // The process died right after it began the change, and somebody took half of it back.
  const journal = join(begun.incident.dir, 'journal.jsonl');
  const lines = readFileSync(journal, 'utf8').split('\n');
  const last = lines.findIndex((line) => line.includes('"restore.intended"'));
  writeFileSync(journal, `${lines.slice(0, last + 1).join('\n')}\n`);
  shell(world.dbPath, 'DELETE FROM memos WHERE id = 1');
  const again = await resumeRun({ config, database, store, id: begun.incident.id });
  const alice = new ScriptedOperator({ 'change.contradictory': 'done' });
  expect(await walk(again, alice)).toBe('completed');
  expect(alice.asked[0]?.detail.join()).toContain('compare with the safety copy');
  expect(again.incident.state.restores.map((one) => one.state)).toEqual(['finished']);
  const told = again.incident.entries.map((entry) => describe(entry, again.incident.state));
  expect(told.filter((text) => text.includes('a person said so'))).toHaveLength(2);
  // A step may have begun long before the task that the process died in.
  expect(told.join()).toContain('was interrupted: “Rows” had started at ');
  // The tenant is free for what comes next.
  await (await beginRun({ ...requestOf(here), from: world.backupPath })).close();
});
