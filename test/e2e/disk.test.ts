import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../built.ts';
import type { World } from '../worlds/world.ts';
import { cleanUp, type Document, tenantDr } from './program.ts';
import { shell, shellWorld } from './shell.ts';

afterAll(cleanUp);

/** About 8 MB, nearly all of it alfa's, which is gone from the live database. */
function heavy(more = ''): World {
  const world = shellWorld({
    create: `CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id INTEGER, body TEXT);
      INSERT INTO notes SELECT value, 1 + (value % 100 = 0), hex(randomblob(1000)) FROM generate_series(1, 4000);`,
    damage: `DELETE FROM notes WHERE tenant_id = 1 AND id > 10; ${more} VACUUM;`,
  });
  writeFileSync(`${world.backupPath}.gz`, gzipSync(readFileSync(world.backupPath), { level: 1 }));
  return world;
}

/** Runs the program where no file may grow beyond `kilobytes`. */
function limited(world: World, kilobytes: number, ...words: string[]) {
  const script = `trap '' XFSZ; ulimit -f ${kilobytes}; exec "$0" "$@"`;
  const all = [main, ...words, '--config', world.configPath, '--as', 'tester', '--json'];
  const { status, stdout } = spawnSync('bash', ['-c', script, process.execPath, ...all], {
    encoding: 'utf8',
  });
  return { exit: status, document: JSON.parse(stdout) as Document };
}

/** Files that something began and did not finish. */
function leftovers(world: World): string[] {
  return readdirSync(world.dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /partial|taking|-journal$/.test(name),
  );
}

/** Every row, in few characters. */
function rowsIn(path: string): string {
  const rows = shell(path, 'SELECT id, tenant_id, hex(body) FROM notes ORDER BY id');
  return createHash('sha256').update(rows).digest('hex');
}

describe('a disk that is full', () => {
  it.each([
    ['while opening a log', 16, 'PRAGMA journal_mode = WAL;'],
    ['while staging', 200, ''],
    ['while writing the live database', 7000, ''],
  ])('%s changes nothing and leaves nothing half-written', (_, kilobytes, more) => {
    const world = heavy(more);
    const from = kilobytes < 1000 ? `${world.backupPath}.gz` : world.backupPath;
    const before = rowsIn(world.dbPath);
    const ended = limited(world, kilobytes, 'restore', 'alfa', '--from', from, '--confirm', 'alfa');
    expect(ended.document).toMatchObject({
      ok: false,
      error: { code: 'disk-full', exit: 4, changed: false },
    });
    expect(ended.exit).toBe(4);
    expect(rowsIn(world.dbPath)).toBe(before);
    expect(leftovers(world)).toEqual([]);
  });

  it('while taking a backup leaves no backup', () => {
    const world = heavy();
    shell(
      world.dbPath,
      `INSERT INTO notes SELECT value, 2, hex(randomblob(1000)) FROM generate_series(5000, 7000)`,
    );
    const there = readdirSync(join(world.dir, 'backups'));
    for (const kind of [[], ['--gzip'], ['--no-digests']]) {
      const ended = limited(world, 100, 'backup', ...kind);
      expect(ended.document).toMatchObject({ ok: false, error: { code: 'disk-full', exit: 4 } });
      expect(ended.document.error?.message).toContain(`no room for ${world.dir}`);
    }
    expect(readdirSync(join(world.dir, 'backups'))).toEqual(there);
    expect(leftovers(world)).toEqual([]);
  });
});

it('a journal that breaks after the change began makes the outcome unknown, and resume finds out', async () => {
  // A slow trigger keeps the transaction open long enough to get at the journal in the middle of it.
  const counting = `WITH RECURSIVE n(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM n WHERE value < 300000) SELECT value FROM n`;
  const slow = `CREATE TRIGGER slow AFTER INSERT ON notes WHEN new.id % 400 = 11 BEGIN SELECT sum(value) FROM (${counting}); END;`;
  const world = heavy(slow);
  const words = [
    'restore',
    'alfa',
    '--from',
    world.backupPath,
    '--confirm',
    'alfa',
    '--config',
    world.configPath,
  ];
  const child = spawn(process.execPath, [main, ...words, '--as', 'tester', '--json']);
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  const journal = await untilIntended(world);
  appendFileSync(journal, '{"torn');
  await once(child, 'close');
  const document = JSON.parse(stdout) as Document;
  expect(document).toMatchObject({ ok: false, error: { code: 'outcome-unknown', exit: 7, changed: null } });
  expect(rowsIn(world.dbPath)).toBe(rowsIn(world.backupPath));
  // Without what was written down of its rows, nobody can tell by them.
  const effects = join(dirname(journal), 'effects-alfa.jsonl');
  const written = readFileSync(effects);
  writeFileSync(effects, '');
  const untold = await tenantDr(world, 'resume');
  expect([untold.exit, untold.document.error?.message]).toEqual([7, expect.stringContaining(effects)]);
  writeFileSync(effects, written);
  const resumed = (await tenantDr(world, 'resume')).document as unknown as {
    changes: { happened: boolean }[];
  };
  expect(resumed.changes.map(({ happened }) => happened)).toEqual([true]);
});

it('a journal that is full between two of several tenants ends with a list of both', async () => {
  const world = shellWorld({
    create: `INSERT INTO tenants(id, slug) SELECT value, 't' || value FROM generate_series(3, 12);
      CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id INTEGER, body TEXT);
      INSERT INTO notes SELECT value, value, 'note' FROM generate_series(1, 12);`,
    damage: 'DELETE FROM notes; PRAGMA journal_mode = delete;',
  });
  const confirm = `12 tenants in ${basename(world.dbPath, '.db')}`;
  const ended = limited(world, 24, 'restore', '--missing', '--from', world.backupPath, '--confirm', confirm);
  const results = (ended.document as unknown as { results: { error?: { code: string } }[] }).results;
  const done = results.filter(({ error }) => !error).length;
  expect([ended.exit, results.length, results.find(({ error }) => error)?.error?.code]).toEqual([
    6,
    12,
    'journal-unwritable',
  ]);
  expect(done).toBeGreaterThan(0);
  expect(Number(shell(world.dbPath, 'SELECT count(*) FROM notes'))).toBe(done);
  expect((await tenantDr(world, 'resume', '--confirm', confirm)).exit).toBe(0);
  expect(rowsIn(world.dbPath)).toBe(rowsIn(world.backupPath));
});

async function untilIntended(world: World): Promise<string> {
  const incidents = join(world.statePath, 'incidents');
  for (;;) {
    const [incident] = existsSync(incidents) ? readdirSync(incidents) : [];
    const journal = join(incidents, incident ?? '', 'journal.jsonl');
    if (existsSync(journal) && readFileSync(journal, 'utf8').includes('restore.intended')) return journal;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
