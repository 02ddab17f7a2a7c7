import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { folderOfTheFile } from '../afterwards.ts';
import { tenantDr } from '../cli/run.ts';
import { makeDatabase } from './helpers.ts';

const folder = folderOfTheFile('backups');

function world(name: string) {
  const own = join(folder, name);
  mkdirSync(join(own, 'backups'), { recursive: true });
  const live = join(own, 'live.db');
  makeDatabase(live, { rows: 300 });
  const places = ['--database', live, '--backups', join(own, 'backups'), '--state', join(own, 'state')];
  const env = { LANG: 'C.UTF-8', TZ: 'UTC' };
  const call = (...args: string[]) => tenantDr([...args, ...places], { cwd: own, env });
  const json = (...args: string[]) => call(...args, '--json');
  return { own, live, backups: join(own, 'backups'), call, json };
}

test('backup, backups and backup verify say what the contract promises', async () => {
  const { json, backups } = world('contract');
  const taken = await json('backup');
  expect(taken.exit).toBe(0);
  expect(taken.document).toMatchObject({
    schema: 'tenant-dr/backup/1',
    ok: true,
    kind: 'database',
    verified: null,
    tenants: 3,
    id: expect.stringMatching(/^live_sqlite_\d{8}_\d{6}$/),
    path: expect.stringContaining(backups),
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    manifest: expect.stringMatching(/\.manifest\.json$/),
    bytes: expect.any(Number),
    takenAt: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  const { id, path } = taken.document;
  const verified = await json('backup', 'verify', id);
  expect([verified.exit, verified.document]).toMatchObject([
    0,
    { schema: 'tenant-dr/backup-verify/1', ok: true, path },
  ]);
  expect(
    verified.document.checks.every(
      (check: { name: string; ok: boolean; detail: string }) => check.ok && check.name && check.detail,
    ),
  ).toBe(true);
  const listed = await json('backups');
  expect([listed.exit, listed.document]).toMatchObject([
    0,
    { schema: 'tenant-dr/backups/1', ok: true, backups: [{ id, path, verified: true, tenants: 3 }] },
  ]);
});

test('a bad backup makes verify end with 4, and its checks are still in the document', async () => {
  const { json, backups } = world('bad');
  await json('backup', '--gzip', '--no-digests');
  const name = readdirSync(backups).find((one) => one.endsWith('.gz')) ?? '';
  const bytes = readFileSync(join(backups, name));
  writeFileSync(join(backups, name), bytes.subarray(0, bytes.length - 100));
  const { exit, document } = await json('backup', 'verify', join(backups, name));
  expect(exit).toBe(4);
  expect(document).toMatchObject({
    ok: false,
    error: { code: 'backup-corrupt', exit: 4 },
    checks: [{ name: 'readable', ok: false }],
  });
});

test('a bad ref, a missing folder and an unknown tenant end with 2 and a hint', async () => {
  const { call, json } = world('wrong');
  for (const args of [
    ['backup', 'verify', 'nowhere'],
    ['backup', 'verify', 'before:2026-01-01'],
    ['backups', '--tenant', 'north'],
  ]) {
    const { exit, document } = await json(...args);
    expect([args, exit, document.ok, typeof document.error.hint]).toEqual([args, 2, false, 'string']);
  }
  expect((await call('backups')).stdout).toContain('No backups in');
});

test('the chart of a tenant names the last good backup, and a condition finds it too', async () => {
  const { call, json, live } = world('chart');
  const first = (await json('backup')).document.id;
  const db = new Database(live);
  db.exec('DELETE FROM notes WHERE agent_id IN (SELECT id FROM agents WHERE tenant_id = 1)');
  db.close();
  // Names count seconds.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const second = (await json('backup', '--gzip')).document.id;
  const { stdout } = await call('backups', '--tenant', 'north');
  expect(stdout).toContain(`Last backup before the fall: ${first}`);
  expect(stdout).toMatch(/notes +█ {2,}/);
  expect(stdout.split('\n').every((line) => line.length <= 80)).toBe(true);
  const { document } = await json(
    'backups',
    '--tenant',
    'north',
    '--where',
    '(SELECT count(*) FROM notes n JOIN agents a ON a.id = n.agent_id WHERE a.tenant_id = :tenant) > 0',
  );
  expect(document).toMatchObject({
    tenant: { id: 1, slug: 'north' },
    fall: { lastGood: first, firstBad: second },
    where: { newest: first, next: second },
  });
});
