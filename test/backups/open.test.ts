import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { writeManifest } from '../../src/backups/manifest.ts';
import { openBackup } from '../../src/backups/open.ts';
import { StagingCache } from '../../src/backups/staging.ts';
import { folderOfTheFile } from '../afterwards.ts';
import { configIn, makeDatabase, run, write } from './helpers.ts';

const folder = folderOfTheFile('backups');
const source = join(folder, 'source.db');
makeDatabase(source);
const image = readFileSync(source);

function world(name: string) {
  const own = join(folder, name);
  mkdirSync(own);
  const config = configIn(own);
  const path = write(join(own, 'a_20251107_020000.db.gz'), gzipSync(image));
  const staging = join(config.state, 'staging');
  const entries = () => (existsSync(staging) ? readdirSync(staging) : []);
  return { own, config, path, staging, entries };
}

async function opened(path: string, config: ReturnType<typeof configIn>) {
  const backup = await openBackup(path, { config });
  await backup.confirmed;
  return backup;
}

function stagedPath(backup: Awaited<ReturnType<typeof openBackup>>): string {
  if (backup.source.form !== 'database-file') throw new Error(`not a file: ${backup.source.form}`);
  return backup.source.path;
}

test('a backup is decompressed once; the copy is private, read-only and byte for byte the database', async () => {
  const { config, path, entries } = world('once');
  const first = await opened(path, config);
  expect([first.warm, first.kind, first.integrityChecked, entries()]).toEqual([
    false,
    'database',
    true,
    [await first.sha256()],
  ]);
  const copy = stagedPath(first);
  expect(statSync(copy).mode & 0o777).toBe(0o400);
  expect(statSync(join(copy, '..')).mode & 0o777).toBe(0o700);
  expect(readFileSync(copy).equals(image)).toBe(true);
  await first.close();
  const second = await opened(path, config);
  expect([second.warm, stagedPath(second)]).toEqual([true, copy]);
  await second.close();
});

test('gz, zst and plain files of one database open alike', async () => {
  const { own, config } = world('alike');
  const plain = join(own, 'plain.db');
  copyFileSync(source, plain);
  run('zstd', '-q', plain, '-o', join(own, 'z.db.zst'));
  for (const name of ['plain.db', 'z.db.zst', 'a_20251107_020000.db.gz']) {
    const backup = await opened(join(own, name), config);
    expect(readFileSync(stagedPath(backup)).equals(image)).toBe(true);
    await backup.close();
  }
});

test('a database of WAL mode is staged as one that needs no log', async () => {
  const { own, config } = world('wal');
  makeDatabase(join(own, 'w.db'), { wal: true, rows: 100 });
  const path = write(join(own, 'w.db.gz'), gzipSync(readFileSync(join(own, 'w.db'))));
  const backup = await opened(path, config);
  const db = new Database(stagedPath(backup), { readonly: true });
  expect(db.pragma('journal_mode', { simple: true })).toBe('delete');
  expect(db.prepare('SELECT count(*) FROM notes').pluck().get()).toBe(100);
  db.close();
  expect(readdirSync(join(stagedPath(backup), '..')).filter((name) => name.startsWith('backup.db'))).toEqual([
    'backup.db',
  ]);
  await backup.close();
});

test('a bare database is staged with the commits in its log, and left as it is', async () => {
  const { own, config } = world('log');
  const live = join(own, 'w.db');
  makeDatabase(live, { wal: true, rows: 10 });
  const writer = new Database(live);
  writer.pragma('wal_autocheckpoint = 0');
  writer.exec("INSERT INTO notes VALUES (1000, 1, 'only in the log', NULL)");
  mkdirSync(join(own, 'copy'));
  const path = join(own, 'copy/w.db');
  for (const ending of ['', '-wal']) copyFileSync(live + ending, path + ending);
  symlinkSync(path, join(own, 'link.db'));
  const before = [readFileSync(path), readFileSync(`${path}-wal`)];
  const bodyIn = async (id: number) => {
    const backup = await opened(join(own, 'link.db'), config);
    const db = new Database(stagedPath(backup), { readonly: true });
    const body = db.prepare('SELECT body FROM notes WHERE id = ?').pluck().get(id);
    db.close();
    await backup.close();
    return body;
  };
  expect(await bodyIn(1000)).toBe('only in the log');
  expect([readFileSync(path), readFileSync(`${path}-wal`)]).toEqual(before);
  // The next copy of the same database: only its log is another.
  writer.exec("INSERT INTO notes VALUES (1001, 1, 'later', NULL)");
  copyFileSync(`${live}-wal`, `${path}-wal`);
  writer.close();
  expect(await bodyIn(1001)).toBe('later');
  const log = readFileSync(`${path}-wal`);
  log[9] = (log[9] ?? 0) ^ 1;
  writeFileSync(`${path}-wal`, log);
  await expect(bodyIn(1001)).rejects.toMatchObject({
    code: 'backup-corrupt',
    message: expect.stringContaining('its beginning is damaged'),
  });
});

/** What somebody with the right to does to a file of mode 0400. */
function forced(change: (path: string) => void): (path: string) => void {
  return (path) => {
    chmodSync(path, 0o600);
    change(path);
    chmodSync(path, 0o400);
  };
}

test.each<[string, (path: string) => void]>([
  ['longer', forced((path) => appendFileSync(path, 'x'))],
  ['shorter', forced((path) => truncateSync(path, 4096))],
  ['more, by a log beside it', (path) => writeFileSync(`${path}-wal`, 'of somebody')],
  [
    'of other content but the same size and times',
    forced((path) => {
      const { atime, mtime } = statSync(path);
      const bytes = readFileSync(path);
      bytes[5000] = (bytes[5000] ?? 0) ^ 1;
      writeFileSync(path, bytes);
      utimesSync(path, atime, mtime);
    }),
  ],
])('a staged copy that became %s is discarded and made again', async (how, damage) => {
  const { config, path } = world(`tampered-${how.replaceAll(' ', '-')}`);
  const first = await opened(path, config);
  await first.close();
  damage(stagedPath(first));
  const second = await opened(path, config);
  expect(second.warm).toBe(false);
  expect(readFileSync(stagedPath(second)).equals(image)).toBe(true);
  await second.close();
});

test('a copy whose times were merely touched is hashed and goes on being used', async () => {
  const { config, path } = world('touched');
  const first = await opened(path, config);
  await first.close();
  utimesSync(stagedPath(first), new Date(), new Date());
  const second = await opened(path, config);
  expect(second.warm).toBe(true);
  await second.close();
});

test('a copy that was replaced by a link is not used', async () => {
  const { own, config, path, staging } = world('linked');
  const first = await opened(path, config);
  await first.close();
  const copy = join(staging, await first.sha256(), 'backup.db');
  for (const target of [join(own, 'elsewhere.db'), copy]) {
    renameSync(copy, join(own, 'elsewhere.db'));
    symlinkSync(target, copy);
    const second = await opened(path, config);
    expect(second.warm).toBe(false);
    await second.close();
  }
});

test.each([
  ['half-written', () => '{"version":1,'],
  ['damaged', (text: string) => text.replace(/("sealKey":"[0-9a-f]*)[0-9a-f]"/, '$1q"')],
])('%s entries and records are thrown away', async (how, damaged) => {
  const { config, path, staging, entries } = world(how);
  const first = await opened(path, config);
  await first.close();
  const record = join(staging, await first.sha256(), 'record.json');
  writeFileSync(record, damaged(readFileSync(record, 'utf8')));
  mkdirSync(join(staging, '.partial-999999-abcdef01'));
  write(join(staging, '.partial-999999-abcdef01', 'backup.db'), 'half');
  const second = await opened(path, config);
  expect([second.warm, entries()]).toEqual([false, [await second.sha256()]]);
  await second.close();
});

test('a backup that changed under its name and times is found out before anything is written', async () => {
  const { config, path } = world('swapped');
  const first = await opened(path, config);
  await first.close();
  // The checksum in the manifest leads to the cached copy; the file itself now says something else.
  const { sha256 } = { sha256: await first.sha256() };
  const size = statSync(path).size;
  await writeManifest(path, {
    version: 1,
    kind: 'database',
    tool: 'test',
    takenAt: '2025-11-07T02:00:00Z',
    compression: 'gzip',
    sha256,
    bytes: size,
    source: {
      identity: { kind: 'sqlite', name: 'x', location: '/x', host: 'h', systemId: null },
      environment: 'test',
    },
    databaseBytes: image.length,
    schemaFingerprint: null,
    rows: null,
    digestAlgorithm: null,
    rules: null,
    tenantCount: null,
    tenants: null,
    verified: null,
  });
  const bytes = readFileSync(path);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const second = await openBackup(path, { config });
  expect(second.warm).toBe(true);
  await expect(second.confirmed).rejects.toMatchObject({ code: 'backup-corrupt' });
  await expect(second.sha256()).resolves.not.toBe(sha256);
  await second.close();
});

test('a backup that was copied or renamed is not decompressed again', async () => {
  const { own, config, path } = world('renamed');
  await (await opened(path, config)).close();
  const copy = join(own, 'copy.db.gz');
  copyFileSync(path, copy);
  const first = await opened(copy, config);
  expect(first.warm).toBe(true);
  await first.close();
  makeDatabase(join(own, 'other.db'), { rows: 5 });
  const other = await opened(
    write(join(own, 'other.db.gz'), gzipSync(readFileSync(join(own, 'other.db')))),
    config,
  );
  expect(other.warm).toBe(false);
  await other.close();
});

test('another backup under the same name is simply another backup', async () => {
  const { own, config, path } = world('replaced');
  await (await opened(path, config)).close();
  makeDatabase(join(own, 'other.db'), { rows: 5 });
  writeFileSync(path, gzipSync(readFileSync(join(own, 'other.db'))));
  const backup = await opened(path, config);
  expect(backup.warm).toBe(false);
  expect(readFileSync(stagedPath(backup)).equals(readFileSync(join(own, 'other.db')))).toBe(true);
  await backup.close();
});

test.each<[string, string, (own: string) => Buffer]>([
  ['empty', 'backup-empty', () => Buffer.alloc(0)],
  ['compressed nothing', 'backup-empty', () => gzipSync('')],
  ['cut off', 'backup-truncated', () => gzipSync(image).subarray(0, 20_000)],
  [
    'a database cut off before it was compressed',
    'backup-truncated',
    () => gzipSync(image.subarray(0, 4096 * 10)),
  ],
  ['a database cut off in a page', 'backup-truncated', () => gzipSync(image.subarray(0, image.length - 100))],
  [
    'flipped',
    'backup-corrupt',
    () => {
      const bytes = gzipSync(image);
      bytes[20_000] = (bytes[20_000] ?? 0) ^ 4;
      return bytes;
    },
  ],
  ['text', 'backup-not-a-database', () => Buffer.from('hello')],
  ['compressed text', 'backup-not-a-database', () => gzipSync('hello')],
  ['SQL text', 'backup-not-a-database', () => Buffer.from('PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n')],
  [
    'a damaged database',
    'backup-corrupt',
    () => {
      const bytes = Buffer.from(image);
      bytes.fill(0xee, 4096 * 3, 4096 * 6);
      return gzipSync(bytes);
    },
  ],
  ['only the header of a database', 'backup-truncated', () => Buffer.from(image.subarray(0, 100))],
])('a backup that is %s is refused as %s and leaves nothing behind', async (name, code, make) => {
  const { own, config, staging } = world(`bad-${name.replaceAll(' ', '-')}`);
  const path = write(join(own, 'bad.db.gz'), make(own));
  await expect(openBackup(path, { config })).rejects.toMatchObject({
    code,
    message: expect.stringContaining('bad.db.gz'),
  });
  const left = existsSync(staging) ? readdirSync(staging, { recursive: true, encoding: 'utf8' }) : [];
  expect(left).toEqual([]);
});

test.each([
  ['bzip2', Buffer.from('BZh91AY&SY'), '`bzip2 -d`'],
  ['openssl', Buffer.from('Salted__12345678'), '`openssl enc -d`'],
])('a backup packed with %s is refused with the command that unpacks it', async (name, bytes, hint) => {
  const { own, config } = world(`packed-${name}`);
  await expect(openBackup(write(join(own, 'packed'), bytes), { config })).rejects.toMatchObject({
    code: 'backup-not-a-database',
    hint: expect.stringContaining(hint),
  });
});

test('too little room is said before anything is written', async () => {
  const { config, path, staging } = world('full');
  await writeManifest(path, {
    version: 1,
    kind: 'database',
    tool: 'test',
    takenAt: '2025-11-07T02:00:00Z',
    compression: 'gzip',
    sha256: 'a'.repeat(64),
    bytes: 1,
    source: null,
    databaseBytes: 2 ** 52,
    schemaFingerprint: null,
    rows: null,
    digestAlgorithm: null,
    rules: null,
    tenantCount: null,
    tenants: null,
    verified: null,
  });
  await expect(openBackup(path, { config })).rejects.toMatchObject({ code: 'disk-full' });
  expect(readdirSync(staging)).toEqual([]);
});

test('the live database is not opened as a backup of itself', async () => {
  const { own, config } = world('itself');
  makeDatabase(join(own, 'live.db'), { rows: 1 });
  await expect(openBackup(join(own, 'live.db'), { config })).rejects.toMatchObject({ code: 'usage' });
});

test('a live PostgreSQL database and a dump are named, not staged', async () => {
  const { own, config } = world('others');
  const live = await opened('postgres://u@h/db', config);
  expect(live.source).toEqual({ form: 'live', url: 'postgres://u@h/db' });
  const dump = write(join(own, 'd.sql.gz'), gzipSync('--\n-- PostgreSQL database dump\n--\n'));
  expect((await opened(dump, config)).source).toEqual({
    form: 'dump',
    path: dump,
    format: 'plain',
    compression: 'gzip',
    whole: false,
  });
});

test('two processes that stage the same backup at once both get a sound copy', async () => {
  const { own, config, path, entries } = world('race');
  const program = write(
    join(own, 'open.ts'),
    `import { openBackup } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../src/backups/open.ts')).href)};
    const backup = await openBackup(${JSON.stringify(path)}, { config: ${JSON.stringify(config)} });
    await backup.confirmed;
    console.log(backup.source.path);
    await backup.close();`,
  );
  const outputs = await Promise.all(
    [1, 2, 3].map(async () => {
      const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      await once(child, 'exit');
      return text.trim();
    }),
  );
  expect(new Set(outputs).size).toBe(1);
  expect(readFileSync(outputs[0] as string).equals(image)).toBe(true);
  expect(entries().length).toBe(1);
});

test('an interruption stops the staging and leaves nothing behind', async () => {
  const { config, path, staging } = world('interrupted');
  const controller = new AbortController();
  const opening = openBackup(path, {
    config,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await expect(opening).rejects.toMatchObject({ code: 'interrupted' });
  expect(readdirSync(staging).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('entries that are too old go when room is made, unless a living process uses them', async () => {
  const { own, config, path, staging, entries } = world('aged');
  const kept = await opened(path, config);
  makeDatabase(join(own, 'other.db'), { rows: 5 });
  const other = await opened(join(own, 'other.db'), config);
  await other.close();
  const longAgo = new Date(Date.now() - 8 * 86_400_000);
  for (const name of entries()) utimesSync(join(staging, name, 'record.json'), longAgo, longAgo);
  const cache = new StagingCache(config.state);
  await cache.discard(await cache.begin(1));
  expect(entries()).toEqual([await kept.sha256()]);
  await kept.close();
  // What others left here is no entry either, whatever it is.
  writeFileSync(join(staging, 'a'), '');
  symlinkSync(join(staging, 'b'), join(staging, 'b'));
  await cache.discard(await cache.begin(1));
  expect(entries()).toEqual([]);
});
