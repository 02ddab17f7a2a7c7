import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Output } from '../../src/cli/output.ts';
import { withoutResult } from '../../src/cli/stdout.ts';
import { main } from '../built.ts';

test('a document longer than a pipe holds arrives whole at a reader that takes its time', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tenant-dr-drain-'));
  const db = new Database(join(dir, 'app.db'));
  db.exec('CREATE TABLE tenants (id INTEGER PRIMARY KEY, slug TEXT, name TEXT)');
  const insert = db.prepare('INSERT INTO tenants (slug, name) VALUES (?, ?)');
  db.transaction(() => {
    for (let n = 0; n < 2000; n++) insert.run(`tenant-${n}`, 'x'.repeat(100));
  })();
  db.close();
  const words = ['tenants', '--json', '--database', join(dir, 'app.db'), '--state', join(dir, 'state')];
  const child = spawn(process.execPath, [main, ...words], {
    cwd: dir,
  });
  child.stdout.pause();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk;
  rmSync(dir, { recursive: true, force: true });
  expect(text.length).toBeGreaterThan(200_000);
  expect((JSON.parse(text) as { tenants: unknown[] }).tenants).toHaveLength(2000);
});

test('a result that a full disk did not take whole is a failure, and a closed pipe is none', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tenant-dr-full-'));
  const ended = (words: string) => {
    const script = `trap '' XFSZ; ulimit -f 4; "$0" "$1" ${words}`;
    const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, main], {
      cwd: dir,
      encoding: 'utf8',
    });
    return [status, stderr];
  };
  expect(ended('runbook schema > cut.json')).toEqual([4, expect.stringMatching(/too large.*Nothing was/)]);
  expect(ended('runbook schema | head -c 1; exit $PIPESTATUS')).toEqual([0, '']);
  rmSync(dir, { recursive: true, force: true });
});

test('what was changed stays so when its result is lost, and the exit says that', () => {
  const said: string[] = [];
  const output = { warn: (text: string) => said.push(text) } as unknown as Output;
  const lost = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  expect(withoutResult({ exit: 0, changed: true }, lost, output)).toBe(0);
  expect(withoutResult({ exit: 7, changed: false }, lost, output)).toBe(7);
  expect(said).toEqual([
    expect.stringContaining('What was done stands'),
    expect.not.stringContaining('changed'),
  ]);
});
