import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { listBackups } from '../../src/backups/catalogue.ts';
import { locate } from '../../src/backups/refs.ts';
import { folderOfTheFile } from '../afterwards.ts';
import { configIn, makeDatabase, write } from './helpers.ts';

const folder = folderOfTheFile('backups');
const source = join(folder, 'source.db');
makeDatabase(source, { rows: 50 });
const image = readFileSync(source);

function withFiles(name: string): { folder: string; config: ReturnType<typeof configIn>; backups: string } {
  const own = join(folder, name);
  mkdirSync(own);
  const config = configIn(own);
  return { folder: own, config, backups: join(own, 'backups') };
}

test('backups of every kind are listed newest first, with the time from their name in the configured zone', async () => {
  const { config, backups } = withFiles('kinds');
  write(join(backups, 'admin_sqlite_20251107_020000.db.gz'), gzipSync(image));
  write(join(backups, 'admin_sqlite_20251108_020000.db.zst'), zstdCompressSync(image));
  copyFileSync(source, join(backups, 'admin_sqlite_20251106_020000.db'));
  write(join(backups, 'pg_20251105_020000.dump'), Buffer.concat([Buffer.from('PGDMP'), Buffer.alloc(200)]));
  write(join(backups, 'pg_20251104_020000.sql.gz'), gzipSync('--\n-- PostgreSQL database dump\n--\n'));
  mkdirSync(join(backups, 'old/deeper'), { recursive: true });
  write(join(backups, 'old/deeper/admin_20251101_000000.db.gz'), gzipSync(image));
  write(join(backups, 'readme.txt'), 'not a backup');
  const listed = await listBackups({ ...config, backups: { path: backups, timezone: 'America/Sao_Paulo' } });
  expect(
    listed.map(({ id, takenAt, content, compression, problem }) => [
      id,
      takenAt.toISOString(),
      content,
      compression,
      problem,
    ]),
  ).toEqual([
    ['admin_sqlite_20251108_020000', '2025-11-08T05:00:00.000Z', 'database-file', 'zstd', null],
    ['admin_sqlite_20251107_020000', '2025-11-07T05:00:00.000Z', 'database-file', 'gzip', null],
    ['admin_sqlite_20251106_020000', '2025-11-06T05:00:00.000Z', 'database-file', 'none', null],
    ['pg_20251105_020000', '2025-11-05T05:00:00.000Z', 'dump-custom', 'none', null],
    ['pg_20251104_020000', '2025-11-04T05:00:00.000Z', 'dump-plain', 'gzip', null],
    ['admin_20251101_000000', '2025-11-01T03:00:00.000Z', 'database-file', 'gzip', null],
  ]);
  expect(listed.every((entry) => entry.takenAtSource === 'file name' && entry.verified === null)).toBe(true);
});

test('what cannot be read is listed with its problem', async () => {
  const { config, backups } = withFiles('broken');
  write(join(backups, 'empty_20251107_020000.db.gz'), '');
  write(join(backups, 'noise_20251107_010000.db.gz'), 'this is no backup');
  symlinkSync(join(backups, 'moved-away'), join(backups, 'link_20251107_040000.db.gz'));
  symlinkSync('loop_20251107_030000.db', join(backups, 'loop_20251107_030000.db'));
  write(join(backups, 'good_20251107_000000.db.gz'), gzipSync(image));
  write(join(backups, 'good_20251107_000000.db.gz.manifest.json'), 'not JSON');
  const listed = await listBackups(config);
  expect(listed.map(({ id, problem, verified }) => [id, problem, verified])).toEqual([
    ['link_20251107_040000', expect.stringContaining('There is no file'), false],
    ['loop_20251107_030000', expect.stringContaining('ELOOP'), false],
    ['empty_20251107_020000', 'The file is empty.', false],
    ['noise_20251107_010000', expect.stringContaining('no database'), false],
    ['good_20251107_000000', expect.stringContaining('damaged'), false],
  ]);
});

test('a file is known by its first bytes, also where they do not decode in one call', async () => {
  const { config, backups } = withFiles('peculiar');
  const zeros = Buffer.concat([image, Buffer.alloc(16 << 20)]);
  const named = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]), Buffer.alloc(9000, 'n')]);
  write(join(backups, 'b.db.zst'), zstdCompressSync(zeros));
  write(join(backups, 'c.db.gz'), gzipSync(zeros));
  write(join(backups, 'd.db.gz'), Buffer.concat([named, Buffer.of(0), gzipSync(image).subarray(10)]));
  write(join(backups, 'e.db.zst'), zstdCompressSync(randomBytes(300_000)));
  const listed = (await listBackups(config)).map(({ id, content }) => [id, content]);
  expect(Object.fromEntries(listed)).toEqual({
    b: 'database-file',
    c: 'database-file',
    d: 'database-file',
    e: null,
  });
});

test('the first folder that lies too deep to be looked into is named', async () => {
  const { config, backups } = withFiles('deep');
  for (const path of ['a/b/c', 'a/b/d/e', 'z']) mkdirSync(join(backups, path), { recursive: true });
  const beyond: string[] = [];
  await listBackups(config, { onBeyond: (path) => beyond.push(path) });
  expect(beyond).toEqual([join(backups, 'a/b/c')]);
});

test('a file is known by what follows the frames that zstd skips', async () => {
  const { config, backups } = withFiles('skipped');
  const frame = (bytes: number) =>
    Buffer.concat([
      Buffer.from([0x50, 0x2a, 0x4d, 0x18, bytes & 255, bytes >> 8, 0, 0]),
      Buffer.alloc(bytes),
    ]);
  write(
    join(backups, 'a.db.zst'),
    Buffer.concat([frame(4), frame(0), frame(60_000), zstdCompressSync(image)]),
  );
  write(join(backups, 'b.db.zst'), frame(4));
  const listed = await listBackups(config);
  expect(listed.map(({ id, content, problem }) => [id, content, problem !== null]).sort()).toEqual([
    ['a', 'database-file', false],
    ['b', null, true],
  ]);
});

test('what a file system keeps in lost+found is no backup', async () => {
  const { config, backups } = withFiles('disk');
  mkdirSync(join(backups, 'lost+found'));
  copyFileSync(source, join(backups, 'lost+found', 'admin_sqlite_20251107_020000.db'));
  expect(await listBackups(config)).toEqual([]);
});

test('the live database is no backup of itself, by whatever name it lies in the folder', async () => {
  const { folder: own, config, backups } = withFiles('live');
  makeDatabase(join(own, 'live.db'), { rows: 1 });
  symlinkSync(join(own, 'live.db'), join(backups, 'link.db'));
  expect(await listBackups(config)).toEqual([]);
  expect(await listBackups({ ...config, backups: { path: own, timezone: undefined } })).toEqual([]);
});

test('two files of one name keep their endings in their ids, and both ways of naming them work', async () => {
  const { config, backups } = withFiles('same');
  write(join(backups, 'a_20251107_020000.db.gz'), gzipSync(image));
  write(join(backups, 'a_20251107_020000.db.zst'), zstdCompressSync(image));
  const ids = (await listBackups(config)).map(({ id }) => id);
  expect(ids.sort()).toEqual(['a_20251107_020000.db.gz', 'a_20251107_020000.db.zst']);
  expect((await locate('a_20251107_020000.db.zst', config)).path).toBe(
    join(backups, 'a_20251107_020000.db.zst'),
  );
});

test('files of one name in several folders are told apart by their folders, and a name that fits several is refused', async () => {
  const { config, backups } = withFiles('folders');
  for (const day of ['mon', 'tue']) {
    mkdirSync(join(backups, day), { recursive: true });
    write(join(backups, day, 'app.db.gz'), gzipSync(image));
  }
  expect((await locate('tue/app.db.gz', config)).path).toBe(join(backups, 'tue/app.db.gz'));
  await expect(locate('app', config)).rejects.toMatchObject({
    code: 'backup-ref-unknown',
    hint: expect.stringMatching(/(mon|tue)\/app\.db\.gz, (mon|tue)\/app\.db\.gz/),
  });
});

test('latest and before: choose by time, and never pass over a bad backup silently', async () => {
  const { config, backups } = withFiles('choose');
  write(join(backups, 'a_20251105_020000.db.gz'), gzipSync(image));
  write(join(backups, 'a_20251106_020000.db.gz'), gzipSync(image));
  const plain = write(join(backups, 'untimed.db.gz'), gzipSync(image));
  utimesSync(plain, new Date('2025-11-04T00:00:00Z'), new Date('2025-11-04T00:00:00Z'));
  const utc = { ...config, backups: { path: backups, timezone: 'UTC' } };
  expect((await locate('latest', utc)).id).toBe('a_20251106_020000');
  expect((await locate('before:2025-11-06T02:00Z', utc)).id).toBe('a_20251105_020000');
  expect(await locate('before:2025-11-05T01:00Z', utc)).toMatchObject({
    id: 'untimed',
    takenAtSource: 'file time',
  });
  await expect(locate('before:2025-01-01T00:00Z', utc)).rejects.toMatchObject({
    code: 'backup-missing',
    hint: expect.stringContaining('untimed'),
  });
  await expect(locate('before:2025-11-06', utc)).rejects.toMatchObject({ code: 'time-without-zone' });
  write(join(backups, 'a_20251107_020000.db.gz'), '');
  await expect(locate('latest', utc)).rejects.toMatchObject({
    code: 'backup-corrupt',
    hint: expect.stringContaining('a_20251106_020000'),
  });
});

test('an unknown name is refused with the nearest one', async () => {
  const { config, backups } = withFiles('near');
  write(join(backups, 'admin_sqlite_20251107_020000.db.gz'), gzipSync(image));
  await expect(locate('/dev/null', config)).rejects.toMatchObject({ code: 'usage' });
  await expect(locate('admin_sqlite_20251107_020001', config)).rejects.toMatchObject({
    code: 'backup-ref-unknown',
    hint: expect.stringContaining('admin_sqlite_20251107_020000'),
  });
  await expect(locate('./nowhere.db.gz', config)).rejects.toMatchObject({ code: 'backup-missing' });
  await expect(locate('safety:INC-1', config)).rejects.toMatchObject({ code: 'incident-unknown' });
});

test('a safety copy is found by its incident, and its slug where there are several', async () => {
  const { folder: own, config } = withFiles('safety');
  const safety = join(own, 'state/incidents/INC-1/safety');
  mkdirSync(safety, { recursive: true });
  copyFileSync(source, join(safety, 'north.db'));
  expect(await locate('safety:INC-1', config)).toMatchObject({
    kind: 'safety',
    whole: true,
    path: join(safety, 'north.db'),
  });
  copyFileSync(source, join(safety, 'south.sql'));
  await expect(locate('safety:INC-1', config)).rejects.toMatchObject({
    hint: expect.stringContaining('safety:INC-1/north'),
  });
  expect((await locate('safety:INC-1/south', config)).path).toBe(join(safety, 'south.sql'));
  copyFileSync(source, join(safety, 'south.db'));
  await expect(locate('safety:INC-1/south', config)).rejects.toMatchObject({
    hint: expect.stringContaining('safety:INC-1/south.db'),
  });
  expect((await locate('safety:INC-1/south.db', config)).path).toBe(join(safety, 'south.db'));
  await expect(locate('safety:../..', config)).rejects.toMatchObject({ code: 'incident-unknown' });
});
