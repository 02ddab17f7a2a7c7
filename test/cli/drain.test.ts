import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
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
