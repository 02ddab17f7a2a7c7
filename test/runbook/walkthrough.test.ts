import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Question } from '../../src/actions/operator.ts';
import { type BackupEntry, listBackups } from '../../src/backups/catalogue.ts';
import { beginRun, resumeRun } from '../../src/runbook/begin.ts';
import { absentOperator } from '../../src/runbook/headless.ts';
import { type Scene, scene, statusOf } from './scene.ts';
import { goBack, ScriptedOperator } from './support.ts';

function begin(
  { config, database, store, world }: Scene,
  damagedAt: Date | null = null,
  chosen: Pick<Parameters<typeof beginRun>[0], 'from' | 'restoreMode'> = {},
) {
  return beginRun({
    ...{ config, database, store, ...chosen },
    runbook: 'single-tenant-corruption',
    tenant: world.victim,
    mode: 'live',
    detectedAt: new Date(),
    damagedAt,
  });
}

const signal = new AbortController().signal;

test('a person is shown what they need to decide, in order, and nothing is preselected', async () => {
  const here = await scene('deleted');
  const slug = here.world.victim;
  const damagedAt = new Date('2026-11-23T05:37:00Z');
  const begun = await begin(here, damagedAt);
  const good = here.world.backupPath.slice(here.world.backupPath.lastIndexOf('/') + 1).replace(/\.db$/, '');
  const operator = new ScriptedOperator({
    'suspend.proceed': 'go',
    'suspend.confirm': slug,
    'messages.tenant.first-notice': 'later',
    'choose-backup.ref': good,
    'restore.mode': 'keep-new',
    'restore-rows.confirm': slug,
    'reactivate.proceed': 'go',
    'reactivate.confirm': slug,
    'messages.tenant.resolved': 'deliver',
  });
  operator.later('messages.tenant.first-notice', 'deliver');
  const result = await begun.runner(operator, signal).run();
  expect(result).toEqual({ outcome: 'completed', error: null });
  expect(operator.asked.map((question) => question.id)).toEqual([
    'suspend.proceed',
    'suspend.confirm',
    'messages.tenant.first-notice',
    'choose-backup.ref',
    'restore.mode',
    'restore.plan',
    'restore-rows.confirm',
    'reactivate.proceed',
    'reactivate.confirm',
    'messages.tenant.first-notice',
    'messages.tenant.resolved',
  ]);
  const asked = (id: string) => operator.asked.find((question) => question.id === id) as Question;
  const backups = asked('choose-backup.ref');
  expect(backups.kind === 'choose' && backups.view).toMatchObject({
    kind: 'backups',
    damagedAt: damagedAt.toISOString(),
  });
  const modes = asked('restore.mode');
  expect(
    modes.kind === 'choose' && modes.view?.kind === 'modes' && modes.view.modes.map((one) => one.mode),
  ).toEqual(['exact', 'keep-new', 'missing']);
  const confirm = asked('restore-rows.confirm');
  expect(confirm.kind === 'confirm' && confirm.preview.stakes).toMatchObject({
    phrase: slug,
    database: { name: 'admin' },
    tenants: [{ slug }],
    backup: { ref: good },
  });
  expect(begun.incident.state.restores[0]?.intended.mode).toBe('keep-new');
  await begun.close();
});

test('going back leads from the plan to the modes, from there to the backups, and from there to the step', async () => {
  const here = await scene('deleted');
  const slug = here.world.victim;
  const begun = await begin(here, new Date('2026-11-23T05:37:00Z'));
  const good = here.world.backupPath.slice(here.world.backupPath.lastIndexOf('/') + 1).replace(/\.db$/, '');
  const operator = new ScriptedOperator({
    'suspend.proceed': 'go',
    'suspend.confirm': slug,
    'messages.tenant.first-notice': 'later',
    'choose-backup.ref': [good, goBack, good],
    'restore.mode': ['exact', goBack, 'missing'],
    'restore.plan': [goBack, 'as it is'],
    'restore-rows.proceed': ['go', 'leave'],
    'restore-rows.confirm': null,
  });
  const result = await begun.runner(operator, signal).run();
  expect(result).toMatchObject({ outcome: 'stopped', error: { code: 'interrupted' } });
  const asked = operator.asked.map((question) => question.id);
  expect(asked.slice(asked.indexOf('choose-backup.ref'))).toEqual([
    'choose-backup.ref',
    'restore.mode',
    'restore.plan',
    'restore.mode',
    'choose-backup.ref',
    'restore-rows.proceed',
    'restore.mode',
    'restore.plan',
    'restore-rows.confirm',
    'restore-rows.proceed',
  ]);
  expect(begun.incident.state.restores).toEqual([]);
  await begun.close();
});

test('the backup and the mode that flags chose are those of whoever resumes', async () => {
  const here = await scene('deleted');
  const entries = await listBackups(here.config);
  const good = entries.find(({ path }) => path === here.world.backupPath);
  const older = entries[entries.indexOf(good as BackupEntry) + 1]?.path as string;
  const begun = await begin(here, null, { from: relative('.', older), restoreMode: 'missing' });
  await begun.close();
  const { config, database, store, world } = here;
  const resumed = await resumeRun({ config, database, store, id: begun.incident.id });
  expect(await resumed.runner(absentOperator(world.victim), signal).run()).toMatchObject({ error: null });
  expect(resumed.incident.state.backup?.path).toBe(older);
  expect(resumed.incident.state.restores[0]?.intended.mode).toBe('missing');
  await resumed.close();
});

test('a tenant whose row is gone is found in the backup, comes back suspended, and is reactivated', async () => {
  const here = await scene('deleted');
  const writer = new Database(here.world.dbPath);
  writer.pragma('foreign_keys = OFF');
  writer.prepare('DELETE FROM tenants WHERE slug = ?').run(here.world.victim);
  writer.close();
  expect(await statusOf(here)).toBeNull();
  const begun = await begin(here);
  const result = await begun.runner(absentOperator(here.world.victim), signal).run();
  expect(result).toEqual({ outcome: 'completed', error: null });
  expect(await statusOf(here)).toBe('active');
  await begun.close();
});

test('a tenant nobody knows, times in the future, lost contacts and half a backup start no incident', async () => {
  const here = await scene('deleted');
  const { config, database, store, world } = here;
  const request = {
    ...{ config, database, store },
    runbook: 'single-tenant-corruption',
    mode: 'live' as const,
    detectedAt: new Date(),
    damagedAt: null,
  };
  await expect(beginRun({ ...request, tenant: 'nobody' })).rejects.toMatchObject({ code: 'tenant-unknown' });
  await expect(beginRun({ ...request, tenant: null })).rejects.toMatchObject({ code: 'usage' });
  const future = new Date(Date.now() + 3_600_000);
  await expect(beginRun({ ...request, tenant: world.victim, detectedAt: future })).rejects.toMatchObject({
    code: 'usage',
  });
  const lost = { ...request, config: { ...config, contacts: '/nowhere/contacts.yaml' } };
  await expect(beginRun({ ...lost, tenant: world.victim })).rejects.toMatchObject({ code: 'file-missing' });
  writeFileSync(`${world.dir}/half.db`, readFileSync(world.backupPath).subarray(0, 100_000));
  const half = { ...request, tenant: world.victim, from: `${world.dir}/half.db` };
  await expect(beginRun(half)).rejects.toMatchObject({ code: 'backup-truncated' });
  const { listIncidents } = await import('../../src/incident/store.ts');
  expect(await listIncidents(config.state)).toEqual([]);
});
