import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { newestFall } from '../../src/actions/candidates.ts';
import { actions } from '../../src/actions/registry.ts';
import { openUndo } from '../../src/actions/undo.ts';
import { restoredText } from '../../src/cli/restored.ts';
import { describe } from '../../src/incident/describe.ts';
import { absentOperator } from '../../src/runbook/headless.ts';
import { printActions } from '../../src/runbook/print.ts';
import { shell, shellWorld } from '../e2e/shell.ts';
import { scene, sceneOf, start, statusOf } from '../runbook/scene.ts';
import { ScriptedOperator } from '../runbook/support.ts';

const one = (uses: string, more = '') => `id: short
title: Short
symptoms: [something]
impact: [one tenant]
steps:
  - { id: it, title: It, estimate: 1m, why: w, uses: ${uses}${more} }
`;

test('every action is in the reference page, with what it does by hand', () => {
  const page = printActions(actions);
  for (const action of actions) {
    expect(page).toContain(`## ${action.id}`);
    expect(action.byHand).not.toBe('');
    expect(action.afterInterruption === 'ask' || action.description !== '').toBe(true);
  }
  expect(new Set(actions.map((action) => action.id)).size).toBe(actions.length);
});

test('hooks run around the change, in order, with the facts of the tenant', async () => {
  const here = await scene();
  const log = path.join(here.world.dir, 'hooks.log');
  const hook = (name: string) => ({
    command: ['sh', '-c', `echo "${name} $TENANT_DR_TENANT_SLUG $TENANT_DR_MODE" >> "${log}"`],
    timeout: 5,
  });
  here.config.hooks.suspend = { before: [hook('before')], after: [hook('after'), hook('last')] };
  const { incident, runner } = await start(here, one('suspend'), absentOperator(here.tenant.slug));
  await runner.run();
  await incident.close();
  const { readFileSync } = await import('node:fs');
  const slug = here.tenant.slug;
  expect(readFileSync(log, 'utf8')).toBe(`before ${slug} live\nafter ${slug} live\nlast ${slug} live\n`);
});

test('without a status column the hooks alone suspend and reactivate, and without hooks it is said how', async () => {
  const here = await scene();
  delete here.config.tenants.status;
  const operator = absentOperator(here.tenant.slug);
  const bare = await start(here, one('suspend'), operator);
  const { error } = await bare.runner.run();
  expect([error?.code, error?.hint]).toEqual(['config-invalid', expect.stringContaining('hooks.suspend')]);
  await bare.incident.close();
  here.config.hooks.suspend = { before: [{ command: ['true'], timeout: 5 }], after: [] };
  here.config.hooks.reactivate = { before: [], after: [{ command: ['true'], timeout: 5 }] };
  const { incident, runner } = await start(
    here,
    `${one('suspend')}  - { id: back, title: Back, estimate: 1m, why: w, uses: reactivate, with: { requireVerification: false } }\n`,
    operator,
  );
  expect(await runner.run()).toMatchObject({ outcome: 'completed' });
  const { slug } = here.tenant;
  const said = incident.entries.map((entry) => describe(entry, incident.state));
  expect(said).toEqual(expect.arrayContaining([`${slug} suspended`, `${slug} reactivated`]));
  expect(await statusOf(here)).toBe('active');
  await incident.close();
});

test('a hook that fails before the change leaves the tenant as it was', async () => {
  const here = await scene();
  here.config.hooks.suspend = { before: [{ command: ['false'], timeout: 5 }], after: [] };
  const { incident, runner } = await start(here, one('suspend'), absentOperator(here.tenant.slug));
  expect((await runner.run()).error?.code).toBe('hook-failed');
  expect(await statusOf(here)).toBe('active');
  await incident.close();
});

test('an undo that takes the tenant back to suspended says so before and after', async () => {
  const memos = "CREATE TABLE memos (tenant_id INTEGER, body TEXT); INSERT INTO memos VALUES (1, 'a')";
  const here = await sceneOf(shellWorld({ create: memos, damage: 'DELETE FROM memos' }));
  here.config.tenants.status = { column: 'status', active: 'active', suspended: 'suspended' };
  const { slug } = here.tenant;
  const status = (value: string) => shell(here.world.dbPath, `UPDATE tenants SET status = '${value}'`);
  status('suspended');
  const from = `, with: { from: ${here.world.backupPath}, mode: exact }`;
  const restored = await start(here, one('restore', from), absentOperator(slug));
  await restored.runner.run();
  await restored.incident.close();
  status('active');
  const person = new ScriptedOperator({ 'it.proceed': 'go', 'it.confirm': slug });
  const undone = await start(here, one('undo', `, with: { incident: ${restored.incident.id} }`), person);
  await undone.runner.run();
  await undone.incident.close();
  expect(await statusOf(here)).toBe('suspended');
  const sentence = /from active to suspended, so that it cannot work until `tenant-dr reactivate/;
  expect(person.asked.find((question) => question.kind === 'confirm')?.detail.join()).toMatch(sentence);
  expect(restoredText('INC', undone.incident.state.tasks.it?.output)).toMatch(sentence);
});

test.each([
  ['was renamed', "UPDATE tenants SET slug = 'renamed', status = 'suspended' WHERE id = 1", ''],
  ['was changed in its own row', "UPDATE tenants SET name = 'Alfa and Sons' WHERE id = 1", ''],
  [
    'was gone, and whose id went to another',
    "UPDATE tenants SET slug = 'new' WHERE id = 1",
    'DELETE FROM tenants WHERE id = 1',
  ],
])('an undo is refused for a tenant that %s since', async (_, since, damage) => {
  const memos = "CREATE TABLE memos (tenant_id INTEGER, body TEXT); INSERT INTO memos VALUES (1, 'a')";
  const here = await sceneOf(shellWorld({ create: memos, damage: 'DELETE FROM memos' }));
  shell(here.world.dbPath, damage);
  here.config.tenants.status = { column: 'status', active: 'active', suspended: 'suspended' };
  const from = `, with: { from: ${here.world.backupPath}, mode: exact }`;
  const { incident, runner } = await start(here, one('restore', from), absentOperator('alfa'));
  expect((await runner.run()).error).toBeNull();
  await incident.close();
  shell(here.world.dbPath, since);
  const signal = new AbortController().signal;
  const deps = { ...here, mode: 'live' as const, signal, progress: () => undefined, output: () => undefined };
  await expect(openUndo(deps, incident.id)).rejects.toMatchObject({
    code: 'plan-stale',
    facts: { changed: [{ table: 'tenants', key: '["1"]' }] },
  });
});

test('a tenant that is still written to is not called still, and going on needs a reason', async () => {
  const here = await scene();
  const { default: Database } = await import('better-sqlite3');
  const writer = new Database(here.world.dbPath);
  const id = Number(here.tenant.id.text);
  const touch = writer.prepare(
    'UPDATE leads SET name = random() WHERE id = (SELECT min(id) FROM leads WHERE tenant_id = ?)',
  );
  const timer = setInterval(() => touch.run(id), 100);
  const operator = new ScriptedOperator({
    'settle.not-still': ['wait', 'go-on'],
    'settle.reason': 'the importer cannot be stopped',
  });
  const { incident, runner } = await start(
    here,
    one('settle', ', with: { seconds: 2, patience: 2 }'),
    operator,
  );
  expect((await runner.run()).outcome).toBe('completed');
  clearInterval(timer);
  writer.close();
  const output = incident.state.tasks.it?.output as {
    quiet: boolean;
    samples: { tables: string[] }[];
    reason: string;
  };
  expect(output.quiet).toBe(false);
  expect(output.reason).toBe('the importer cannot be stopped');
  expect(output.samples.flatMap((sample) => sample.tables)).toContain('leads');
  await incident.close();
});

test('reactivating is refused while nothing was verified', async () => {
  const here = await scene();
  const { incident, runner } = await start(here, one('reactivate'), absentOperator(here.tenant.slug));
  const result = await runner.run();
  expect([result.outcome, result.error?.code]).toEqual(['failed', 'gate-failed']);
  await incident.close();
});

test('a configured check that finds rows fails the verification, and the tenant stays suspended', async () => {
  const here = await scene();
  here.config.checks.push({
    name: 'nobody is left',
    sql: 'SELECT id FROM tenants WHERE id = :tenant',
    level: 'basic',
  });
  const { incident, runner } = await start(
    here,
    one('verify', ', with: { level: basic }'),
    absentOperator(undefined),
  );
  const result = await runner.run();
  expect(result.error?.message).toContain('nobody is left');
  expect(incident.state.verifications.at(-1)?.ok).toBe(false);
  await incident.close();
});

test('a check that would write is refused and changes nothing', async () => {
  const here = await scene();
  here.config.checks.push({ name: 'sly', sql: "UPDATE tenants SET status = 'gone'", level: 'basic' });
  const { incident, runner } = await start(
    here,
    one('verify', ', with: { level: basic }'),
    absentOperator(undefined),
  );
  expect((await runner.run()).error?.code).toBe('config-invalid');
  expect(await statusOf(here)).toBe('active');
  await incident.close();
});

test.each([
  ['answers as expected', 'process.exit(0)', 'completed'],
  ['does not', 'process.exit(1)', 'failed'],
])('a health command that %s', async (_what, script, outcome) => {
  const here = await scene();
  here.config.health = { command: [process.execPath, '-e', script], timeout: 10 };
  const { incident, runner } = await start(here, one('health'), absentOperator(undefined));
  expect((await runner.run()).outcome).toBe(outcome);
  expect(incident.state.healthChecks.at(-1)?.ok).toBe(outcome === 'completed');
  await incident.close();
});

test('messages without delivery are written and closed as written, not sent', async () => {
  const here = await scene();
  const { incident, runner } = await start(here, one('messages'), absentOperator(undefined));
  await runner.run();
  expect(incident.state.messages.map((message) => message.state)).toEqual(['written', 'written']);
  await incident.close();
});

test('a message is handed to the configured program through stdin', async () => {
  const here = await scene();
  const mail = path.join(here.world.dir, 'mail.json');
  const script = path.join(here.world.dir, 'send.sh');
  writeFileSync(script, `#!/bin/sh\ncat > "${mail}"\n`, { mode: 0o700 });
  here.config.deliver = { command: [script], timeout: 10 };
  const operator = new ScriptedOperator({
    'it.proceed': 'go',
    'messages.tenant.first-notice': 'deliver',
    'messages.tenant.resolved': 'waive',
    'messages.reason': 'told on the phone',
  });
  const { incident, runner } = await start(here, one('messages'), operator);
  expect((await runner.run()).outcome).toBe('completed');
  expect(incident.state.messages.map((message) => message.state)).toEqual(['sent', 'waived']);
  const { readFileSync } = await import('node:fs');
  expect(JSON.parse(readFileSync(mail, 'utf8'))).toMatchObject({ audience: 'tenant', kind: 'first-notice' });
  await incident.close();
});

test('the newest fall of the rows stands in for a damage time nobody knows', () => {
  expect(newestFall([100, 101, 100])).toBe(-1);
  expect(newestFall([10, 12, 100, 99])).toBe(1);
  expect(newestFall([100, null, 200])).toBe(0);
  expect(newestFall([])).toBe(-1);
});
