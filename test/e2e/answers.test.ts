import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { Pty } from '../tui/pty.ts';
import { keys } from '../tui/terminal.ts';
import { cleanUp, restore, tenantDr } from './program.ts';
import { shell, shellWorld } from './shell.ts';

afterAll(cleanUp);

const reviewed = () =>
  shellWorld({
    create: `CREATE TABLE jobs (id INTEGER PRIMARY KEY, tenant_id INTEGER, status TEXT);
      CREATE TABLE invoices (id INTEGER PRIMARY KEY, tenant_id INTEGER, state TEXT);
      INSERT INTO jobs VALUES (1, 1, 'pending'), (2, 1, 'done'), (3, 2, 'pending');
      INSERT INTO invoices VALUES (1, 1, 'open'), (2, 2, 'open');`,
    damage: `DELETE FROM jobs WHERE tenant_id = 1; DELETE FROM invoices WHERE tenant_id = 1;`,
    tables: { jobs: { review: 'queue', set: { status: 'cancelled' } }, invoices: { review: 'billing' } },
  });
const jobs = `SELECT group_concat(id || status) FROM jobs`;
const invoices = `SELECT group_concat(id) FROM invoices`;

describe('what may come back to life', () => {
  it.each([
    ['takes the declared value where nothing is said', [], '1cancelled,2done,3pending', '1,2'],
    ['is decided by the group', ['--review', 'queue=skip'], '2done,3pending', '1,2'],
    [
      'is decided by every answer, however they are given',
      ['--review', 'jobs=restore', '--review', 'invoices=skip'],
      '1pending,2done,3pending',
      '2',
    ],
  ])('%s', async (_, answers, expectedJobs, expectedInvoices) => {
    const world = reviewed();
    expect((await restore(world, ...answers)).document).toMatchObject({ ok: true });
    expect(shell(world.dbPath, jobs).trim()).toBe(expectedJobs);
    expect(shell(world.dbPath, invoices).trim()).toBe(expectedInvoices);
  });

  it('is decided for several tenants at once, too', async () => {
    const world = reviewed();
    shell(world.dbPath, `DELETE FROM jobs; DELETE FROM invoices`);
    const both = ['restore', 'alfa', 'bravo', '--from', world.backupPath, '--review', 'queue=skip'];
    expect((await tenantDr(world, ...both, '--confirm', '2 tenants in app')).exit).toBe(0);
    expect(shell(world.dbPath, jobs).trim()).toBe('2done');
    expect(shell(world.dbPath, invoices).trim()).toBe('1,2');
  });

  it('refuses an answer about what is not reviewed', async () => {
    const world = reviewed();
    const { document } = await restore(world, '--review', 'job=skip');
    expect(document).toMatchObject({ ok: false, error: { code: 'table-unknown', exit: 2 } });
    expect(document.error.hint).toContain('jobs');
    expect(shell(world.dbPath, jobs).trim()).toBe('3pending');
  });
});

it('a safety copy of one tenant is refused for another, also by its path', async () => {
  const world = reviewed();
  const done = (await restore(world)).document;
  const before = shell(world.dbPath, '.dump');
  for (const ref of [`safety:${done.incident}`, done.safetyCopy.path]) {
    const { document } = await tenantDr(world, 'restore', 'bravo', '--from', ref, '--confirm', 'bravo');
    expect(document).toMatchObject({ ok: false, error: { code: 'backup-without-tenant', exit: 3 } });
    expect(document.error.message).toContain('alfa');
  }
  expect(shell(world.dbPath, '.dump')).toBe(before);
});

it('a structure that changed since the backup is named, and what still fits comes back', async () => {
  const world = shellWorld({
    create: `CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id INTEGER, body TEXT, mood TEXT);
      CREATE TABLE drafts (id INTEGER PRIMARY KEY, tenant_id INTEGER);
      INSERT INTO notes VALUES (1, 1, 'a', 'calm'), (2, 1, 'b', 'calm'), (3, 2, 'c', 'calm'); INSERT INTO drafts VALUES (1, 1);`,
    damage: `DELETE FROM notes WHERE id = 1; UPDATE notes SET body = 'x' WHERE id = 2;
      ALTER TABLE notes DROP COLUMN mood; ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 5; UPDATE notes SET stars = 1;
      DROP TABLE drafts; CREATE TABLE tags (id INTEGER PRIMARY KEY, tenant_id INTEGER); INSERT INTO tags VALUES (1, 1);`,
  });
  const plan = (await tenantDr(world, 'plan', 'alfa', '--from', world.backupPath)).document as unknown as {
    drift: { kind: string; table: string; column?: string }[];
  };
  const drift = plan.drift.map(({ kind, table, column }) => [kind, table, column].filter(Boolean).join(' '));
  expect(drift.sort()).toEqual([
    'column-only-backup notes mood',
    'column-only-live notes stars',
    'table-only-backup drafts',
    'table-only-live tags',
  ]);
  const ended = (await restore(world)).document as unknown as { ok: boolean; drift: { table: string }[] };
  expect(ended.ok).toBe(true);
  expect(ended.drift.map(({ table }) => table).sort()).toEqual(['drafts', 'notes', 'notes', 'tags']);
  expect(shell(world.dbPath, 'SELECT * FROM notes').trim().split('\n')).toEqual([
    '1|1|a|5',
    '2|1|b|1',
    '3|2|c|1',
  ]);
  expect(shell(world.dbPath, 'SELECT * FROM tags').trim()).toBe('1|1');
});

it('a new column that may not be empty and has no default stops the plan before anything is changed', async () => {
  const world = shellWorld({
    create: `CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id INTEGER); INSERT INTO notes VALUES (1, 1), (2, 1);`,
    damage: `DROP TABLE notes; CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id INTEGER, must TEXT NOT NULL); INSERT INTO notes VALUES (2, 1, 'm');`,
  });
  expect((await restore(world)).document).toMatchObject({
    ok: false,
    error: { code: 'conflict', exit: 3, table: 'notes' },
  });
  expect(shell(world.dbPath, 'SELECT * FROM notes').trim()).toBe('2|1|m');
});

it('tables and columns may have any name', async () => {
  const names = ['toString', 'constructor', '__proto__', 'select', 'temp', 'a "b"', 'ünï.x', 's'];
  const each = (sql: (table: string) => string) =>
    names.map((name) => sql(`"${name.replaceAll('"', '""')}"`)).join('\n');
  const world = shellWorld({
    create: each(
      (
        table,
      ) => `CREATE TABLE ${table} (tenant_id INTEGER, id INTEGER PRIMARY KEY, "order" TEXT, "__proto__" TEXT);
        INSERT INTO ${table} VALUES (1, 1, 'o', 'p'), (1, 2, 'o', 'p'), (2, 3, 'o', 'p');`,
    ),
    damage: each(
      (table) => `DELETE FROM ${table} WHERE id = 1; UPDATE ${table} SET "__proto__" = 'x' WHERE id = 2;`,
    ),
  });
  const damaged = shell(world.dbPath, '.dump');
  const ended = await restore(world);
  expect(ended.document).toMatchObject({ ok: true });
  expect(ended.document.tables.filter((table) => table.insert === 1 && table.update === 1)).toHaveLength(
    names.length,
  );
  expect(shell(world.dbPath, '.dump')).toBe(shell(world.backupPath, '.dump'));
  expect((await tenantDr(world, 'undo', ended.document.incident, '--confirm', 'alfa')).exit).toBe(0);
  expect(shell(world.dbPath, '.dump')).toBe(damaged);
});

it('where rows say both of an interrupted change, also of a bare restore, its resume asks the person at the terminal', async () => {
  const world = reviewed();
  const { incident, safetyCopy } = (await restore(world)).document;
  // The process died right after it began the change, and somebody took half of it back.
  const journal = join(safetyCopy.path, '..', '..', 'journal.jsonl');
  const lines = readFileSync(journal, 'utf8').split('\n');
  const last = lines.findIndex((line) => line.includes('"restore.intended"'));
  writeFileSync(journal, `${lines.slice(0, last + 1).join('\n')}\n`);
  shell(world.dbPath, 'DELETE FROM jobs WHERE id = 1');
  const alone = await tenantDr(world, 'resume', '--confirm', 'alfa');
  expect(alone.document.error).toMatchObject({ exit: 7, hint: expect.stringContaining('at a terminal') });
  const terminal = new Pty(['resume', '--as', 'alice'], { cwd: world.dir });
  await terminal.shows('Was it done?');
  // Keys typed ahead are dropped.
  await sleep(800);
  terminal.type(keys.down + keys.enter);
  await terminal.shows('Done.');
  await sleep(800);
  terminal.type(keys.enter);
  expect((await terminal.ends()).exit).toBe(0);
  expect((await tenantDr(world, 'undo', incident, '--confirm', 'alfa')).exit).toBe(0);
});
