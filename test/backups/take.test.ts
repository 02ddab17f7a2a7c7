import { fork, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { listBackups } from '../../src/backups/catalogue.ts';
import { readManifest } from '../../src/backups/manifest.ts';
import { openBackup } from '../../src/backups/open.ts';
import { takeBackup } from '../../src/backups/take.ts';
import { copyLive } from '../../src/backups/take-jobs.ts';
import { folderOfTheFile } from '../afterwards.ts';
import { configIn, makeDatabase, run, write } from './helpers.ts';

const folder = folderOfTheFile('backups');

function world(name: string, options: Parameters<typeof makeDatabase>[1] = {}) {
  const own = join(folder, name);
  mkdirSync(own);
  const config = configIn(own);
  const live = join(own, 'live.db');
  makeDatabase(live, options);
  return { own, config, live, backups: join(own, 'backups') };
}

test('a backup has its name in UTC, private rights, a manifest and nothing else beside it', async () => {
  const { config, backups } = world('plain');
  const now = new Date('2026-11-23T06:05:09Z');
  const taken = await takeBackup({ config, compression: 'zstd', digests: true, now });
  expect(readdirSync(backups).sort()).toEqual([
    'live_sqlite_20261123_060509.db.zst',
    'live_sqlite_20261123_060509.db.zst.manifest.json',
  ]);
  for (const name of readdirSync(backups)) expect(statSync(join(backups, name)).mode & 0o777).toBe(0o600);
  expect(taken.manifest).toMatchObject({
    takenAt: '2026-11-23T06:05:09.000Z',
    compression: 'zstd',
    rows: { tenants: 3, agents: 30, notes: 2000, tags: 30 },
    source: { environment: 'test', identity: { kind: 'sqlite', name: 'live' } },
    bytes: statSync(taken.path).size,
  });
  const north = taken.manifest.tenants?.find((tenant) => tenant.slug === 'north');
  expect(north).toMatchObject({
    tier: 'enterprise',
    status: 'active',
    rows: { tenants: 1, agents: 10, tags: 10 },
  });
  expect(Object.keys(north?.digests ?? {}).sort()).toEqual(['agents', 'notes', 'tags', 'tenants']);
  const [listed] = await listBackups(config);
  expect(listed).toMatchObject({
    id: taken.id,
    tenants: 3,
    verified: null,
    takenAtSource: 'manifest',
    takenAt: now,
  });
});

test('two that begin in one second are both kept, each with its own manifest', async () => {
  const { config, backups } = world('twice', { rows: 3 });
  const now = new Date('2026-11-23T06:05:59Z');
  const take = () => takeBackup({ config, compression: 'zstd', digests: false, now });
  const taken = await Promise.all([take(), take()]);
  expect(taken.map(({ id }) => id).sort()).toEqual([
    'live_sqlite_20261123_060559',
    'live_sqlite_20261123_060600',
  ]);
  expect(readdirSync(backups)).toHaveLength(4);
  for (const { path, manifest } of taken) {
    expect(await readManifest(path)).toEqual(manifest);
    expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(manifest.sha256);
  }
});

test.each<['gzip' | 'zstd', string[]]>([
  ['gzip', ['gunzip', '-c']],
  ['zstd', ['zstd', '-dcq']],
])(
  'a %s backup is read by its own program and is the database byte for byte',
  async (compression, [program = '', ...args]) => {
    const { config, live } = world(`read-${compression}`, { rows: 40_000 });
    const taken = await takeBackup({ config, compression, digests: false });
    expect(run(program, ...args, taken.path).equals(readFileSync(live))).toBe(true);
    expect(taken.manifest).toMatchObject({ rows: { tenants: 3, notes: 40_000 }, digestAlgorithm: null });
    expect(taken.manifest.tenants?.map(({ slug, rows, digest }) => [slug, rows?.agents, digest])).toEqual([
      ['north', 10, null],
      ['south', 10, null],
      ['west', 10, null],
    ]);
  },
);

const fixed = { tenants: 3, agents: 30, notes: 40_000, tags: 30 };

test.each(['wal', 'delete', 'truncate'])(
  'in journal mode %s every backup and its manifest show one state of a database that is written to all the time, and no commit is lost',
  async (mode) => {
    const { own, config, live } = world(`busy-${mode}`, { rows: 40_000 });
    const writer = fork(join(import.meta.dirname, 'writer.ts'), [live, mode], { execArgv: [] });
    onTestFinished(() => void writer.kill());
    await once(writer, 'message');
    const counts: number[] = [];
    for (let round = 0; round < 2; round++) {
      const now = new Date(Date.UTC(2026, 10, 23, 6, round));
      const taken = await takeBackup({ config, compression: 'zstd', digests: round === 1, now });
      const copy = write(join(own, `round-${round}.db`), run('zstd', '-dcq', taken.path));
      const db = new Database(copy);
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
      const state = db
        .prepare(
          'SELECT (SELECT count(*) FROM first), (SELECT max(n) FROM first), (SELECT count(*) FROM second)',
        )
        .raw()
        .get() as number[];
      db.close();
      expect([state[1], state[2]]).toEqual([state[0], state[0]]);
      counts.push(state[0] ?? 0);
      expect(taken.manifest.rows).toEqual({ ...fixed, first: state[0], second: state[0] });
    }
    expect(counts[0]).toBeGreaterThan(0);
    expect([...counts].sort((a, b) => a - b)).toEqual(counts);
    const finished = once(writer, 'message');
    writer.send('stop');
    const [{ commits }] = (await finished) as [{ commits: number }];
    const db = new Database(live, { readonly: true });
    expect(db.prepare('SELECT count(*) FROM second').pluck().get()).toBe(commits);
    db.close();
  },
);

test('commits that are only in the log are in the backup, and main file and log stay as they are', async () => {
  const { config, live } = world('log', { wal: true, rows: 10 });
  // SQLite keeps the log beside the file itself, not beside the link that is configured.
  symlinkSync(live, `${live}.link`);
  config.database = `sqlite:${live}.link`;
  const writer = new Database(live);
  writer.pragma('wal_autocheckpoint = 0');
  writer.exec("INSERT INTO notes VALUES (1000, 1, 'only in the log', NULL)");
  writer.exec('CREATE TABLE late (id INTEGER PRIMARY KEY, body TEXT)');
  for (let id = 0; id < 300; id++) writer.prepare('INSERT INTO late (body) VALUES (?)').run('x'.repeat(3000));
  const before = [readFileSync(live), readFileSync(`${live}-wal`)];
  const taken = await takeBackup({ config, compression: 'zstd', digests: true });
  expect(
    [readFileSync(live), readFileSync(`${live}-wal`)].map((bytes, index) =>
      bytes.equals(before[index] as Buffer),
    ),
  ).toEqual([true, true]);
  writer.close();
  const backup = await openBackup(taken.path, { config });
  const db = new Database(backup.source.form === 'database-file' ? backup.source.path : '', {
    readonly: true,
  });
  expect(db.prepare('SELECT body FROM notes WHERE id = 1000').pluck().get()).toBe('only in the log');
  expect(db.prepare('SELECT count(*) FROM late').pluck().get()).toBe(300);
  db.close();
  await backup.close();
});

test('a transaction that is not committed is not in the backup, and does not hold it up', async () => {
  const { config, live } = world('open', { wal: true, rows: 10 });
  const writer = new Database(live);
  writer.pragma('cache_size = 5');
  writer.exec('BEGIN IMMEDIATE');
  for (let id = 5000; id < 7000; id++)
    writer.prepare('INSERT INTO notes VALUES (?, 1, ?, NULL)').run(id, 'x'.repeat(900));
  const taken = await takeBackup({ config, compression: 'zstd', digests: true });
  writer.exec('COMMIT');
  writer.close();
  expect(taken.manifest.rows?.notes).toBe(10);
});

test('the state folder holds no copy afterwards, and none of the files has the temporary name', async () => {
  const { own, config } = world('clean');
  await takeBackup({ config, compression: 'gzip', digests: true });
  const files = readdirSync(own, { recursive: true, encoding: 'utf8' });
  expect(files.filter((name) => /partial|\.wal|ordered|backup\.db/.test(name))).toEqual([]);
});

test('a killed backup leaves nothing that looks like one, and the next one cleans up', async () => {
  const { own, config, backups } = world('killed', { rows: 100_000 });
  const program = write(
    join(own, 'take.ts'),
    `import { takeBackup } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../src/backups/take.ts')).href)};
    await takeBackup({ config: ${JSON.stringify(config)}, compression: 'gzip', digests: false, onProgress: () => console.log('going') });`,
  );
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await listBackups(config)).toEqual([]);
  writeFileSync(join(backups, `.taking-${child.pid}-0a1b2c3d.partial`), 'left over');
  const taken = await takeBackup({ config, compression: 'zstd', digests: false });
  expect((await listBackups(config)).map(({ id }) => id)).toEqual([taken.id]);
  expect(readdirSync(backups).filter((name) => name.startsWith('.'))).toEqual([]);
});

/** Kills a backup when it is about to do something to files, says what that left, and takes another one. */
async function killedAt(name: string, patch: string) {
  const { own, config, backups } = world(name, { rows: 10 });
  const now = new Date('2026-11-23T06:05:09Z');
  const program = write(
    join(own, 'take.ts'),
    `import fs from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    const { open, link, rm } = fs;
    const die = () => process.kill(process.pid, 'SIGKILL');
    ${patch}
    syncBuiltinESMExports();
    const { takeBackup } = await import(${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../src/backups/take.ts')).href)});
    await takeBackup({ config: ${JSON.stringify(config)}, compression: 'zstd', digests: false, now: new Date(${now.getTime()}) });`,
  );
  const child = spawn(process.execPath, [program], { stdio: 'inherit' });
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
  const left = readdirSync(backups).filter((file) => !file.startsWith('.'));
  return { config, backups, now, left };
}

const first = 'live_sqlite_20261123_060509.db.zst';

test.each([
  [
    'its manifest is begun',
    `fs.open = async (...args) => { const file = await open(...args); if (args[0].endsWith('.manifest.json')) die(); return file; };`,
  ],
  ['its file would get its name', 'fs.link = die;'],
])('a backup killed when %s leaves no manifest in the way of the next', async (at, patch) => {
  const { config, backups, now, left } = await killedAt(`killed ${at}`, patch);
  expect(left).toEqual([`${first}.manifest.json`]);
  const taken = await takeBackup({ config, compression: 'zstd', digests: false, now });
  expect(taken.path).toBe(join(backups, first));
  expect(readdirSync(backups).sort()).toEqual([first, `${first}.manifest.json`]);
});

test('a backup killed when it has its name keeps it, and its manifest', async () => {
  const patch = 'fs.link = async (...args) => { await link(...args); die(); };';
  const { config, backups, now } = await killedAt('killed at the end', patch);
  const taken = await takeBackup({ config, compression: 'zstd', digests: false, now });
  expect(taken.path).not.toBe(join(backups, first));
  expect((await listBackups(config)).map(({ problem, tenants }) => ({ problem, tenants }))).toEqual([
    { problem: null, tenants: 3 },
    { problem: null, tenants: 3 },
  ]);
  expect(readdirSync(backups).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a manifest without its file that is somebody else’s stays: another backup’s, or of a file moved away', async () => {
  const { config, backups, now } = await killedAt('killed beside others', 'fs.link = die;');
  const orphan = join(backups, `${first}.manifest.json`);
  const text = readFileSync(orphan, 'utf8');
  // The name was another's by then: it had it first, and its file was moved away.
  const others = text.replace('"environment":"test"', '"environment":"other"');
  writeFileSync(orphan, others);
  await takeBackup({ config, compression: 'zstd', digests: false, now });
  expect(readFileSync(orphan, 'utf8')).toBe(others);

  // A living process is about to have it, and wrote as much as the dead one did.
  writeFileSync(orphan, '{"version":2,');
  writeFileSync(join(backups, '.taking-99999999-0a1b2c3d.partial.intent'), `${first}\n${text}`);
  writeFileSync(join(backups, `.taking-${process.pid}-0a1b2c3d.partial.intent`), `${first}\n${others}`);
  await takeBackup({ config, compression: 'zstd', digests: false, now });
  expect(readFileSync(orphan, 'utf8')).toBe('{"version":2,');
});

test('a disk that fails at the last moment leaves no backup without its manifest, and is said to fail', async () => {
  const { own, config, backups } = world('failing', { rows: 10 });
  const program = write(
    join(own, 'take.ts'),
    `import fs from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    const { open, link } = fs;
    let linked = false;
    fs.link = async (...args) => { await link(...args); linked = true; };
    fs.open = async (...args) => {
      if (linked && args[0] === ${JSON.stringify(backups)}) throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
      return open(...args);
    };
    syncBuiltinESMExports();
    const { takeBackup } = await import(${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../src/backups/take.ts')).href)});
    await takeBackup({ config: ${JSON.stringify(config)}, compression: 'zstd', digests: false }).catch(({ code }) => console.log(code));`,
  );
  expect(run(process.execPath, program).toString().trim()).toBe('disk-error');
  expect(readdirSync(backups)).toEqual([]);
});

test('an interrupted backup leaves nothing behind', async () => {
  const { config, backups } = world('interrupted', { rows: 40_000 });
  const controller = new AbortController();
  const taking = takeBackup({
    config,
    compression: 'gzip',
    digests: false,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await expect(taking).rejects.toMatchObject({ code: 'interrupted' });
  expect(readdirSync(backups)).toEqual([]);
});

test('what cannot be backed up is said, and nothing is left', async () => {
  const { own, config, backups } = world('wrong', { rows: 10 });
  const take = (database: string | undefined) =>
    takeBackup({ config: { ...config, database }, compression: 'zstd', digests: true });
  await expect(take(undefined)).rejects.toMatchObject({ code: 'usage' });
  await expect(take('postgres://u@127.0.0.1:1/db')).rejects.toMatchObject({ code: 'database-unreachable' });
  await expect(take(`sqlite:${join(own, 'nowhere.db')}`)).rejects.toMatchObject({ code: 'database-missing' });
  await expect(
    take(`sqlite:${write(join(own, 'text.db'), 'hello, this is no database at all')}`),
  ).rejects.toMatchObject({
    code: 'database-not-a-database',
  });
  await expect(
    takeBackup({ config: { ...config, backups: undefined }, compression: 'zstd', digests: true }),
  ).rejects.toMatchObject({ code: 'usage' });
  expect(readdirSync(backups)).toEqual([]);
});

test('a config that does not fit the database costs the digests, not the backup', async () => {
  const { config } = world('unfit', { rows: 10 });
  const warnings: string[] = [];
  const misfit = {
    ...config,
    ownership: { ...config.ownership, tables: { tags: { through: 'nowhere', on: { name: 'id' } } } },
  };
  const taken = await takeBackup({
    config: misfit,
    compression: 'zstd',
    digests: true,
    onWarning: (text) => warnings.push(text),
  });
  expect(taken.manifest).toMatchObject({ rows: null, tenants: null });
  expect(warnings).toEqual([expect.stringContaining('nowhere')]);
});

test('a copy for a rehearsal is the database, without its log, and may be written to', async () => {
  const { own, live } = world('copy', { wal: true, rows: 100 });
  const copy = join(own, 'copy.db');
  const writer = new Database(live);
  writer.pragma('wal_autocheckpoint = 0');
  writer.exec("INSERT INTO notes VALUES (1000, 1, 'only in the log', NULL)");
  await copyLive(live, copy);
  writer.close();
  const db = new Database(copy);
  expect(db.pragma('journal_mode', { simple: true })).toBe('delete');
  expect(db.prepare('SELECT count(*) FROM notes').pluck().get()).toBe(101);
  db.exec('DELETE FROM notes');
  db.close();
});
