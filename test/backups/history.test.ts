import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { newestWhere } from '../../src/backups/bisect.ts';
import { listBackups } from '../../src/backups/catalogue.ts';
import { historyOf, steepestFall } from '../../src/backups/history.ts';
import { writeManifest } from '../../src/backups/manifest.ts';
import { takeBackup } from '../../src/backups/take.ts';
import { conditionHolds } from '../../src/databases/sqlite/condition.ts';
import { folderOfTheFile } from '../afterwards.ts';
import { configIn, makeDatabase, write } from './helpers.ts';

const folder = folderOfTheFile('backups');

/** Seven backups; tenant north loses most of its notes after the fourth. */
async function sevenBackups() {
  const own = join(folder, 'seven');
  mkdirSync(own);
  const config = configIn(own);
  const live = join(own, 'live.db');
  makeDatabase(live, { rows: 300 });
  for (let hour = 0; hour < 7; hour++) {
    const db = new Database(live);
    if (hour === 4)
      db.exec(
        'DELETE FROM notes WHERE agent_id IN (SELECT id FROM agents WHERE tenant_id = 1) AND id % 4 > 0',
      );
    else db.prepare('INSERT INTO notes VALUES (?, 3, ?, NULL)').run(5000 + hour, 'new');
    db.close();
    const { path, manifest } = await takeBackup({
      config,
      compression: 'zstd',
      digests: hour !== 3,
      now: new Date(Date.UTC(2026, 10, 23, hour)),
    });
    // As before rows were always counted.
    const uncounted = manifest.tenants?.map((one) => ({ ...one, rows: null, digest: null, digests: null }));
    if (hour === 2) await writeManifest(path, { ...manifest, version: 1, tenants: uncounted ?? null });
  }
  return { config, backups: join(own, 'backups') };
}

const prepared = sevenBackups();

test('the fall of a tenant shows in the manifests alone', async () => {
  const { config } = await prepared;
  const history = historyOf('north', await listBackups(config));
  const hours = ['000000', '010000', '030000', '040000', '050000', '060000'];
  expect(history?.points.map(({ backup }) => backup.id)).toEqual(
    hours.map((hour) => `live_sqlite_20261123_${hour}`),
  );
  const fall = history?.fall;
  expect(fall && [history.points[fall.before]?.backup.id, history.points[fall.after]?.backup.id]).toEqual([
    'live_sqlite_20261123_030000',
    'live_sqlite_20261123_040000',
  ]);
  expect(history?.tables.find(({ table }) => table === 'notes')?.fall?.lost).toBe(fall?.lost);
  expect(history?.tables.find(({ table }) => table === 'agents')?.fall).toBeNull();
  expect(history?.unknown.map(({ id }) => id)).toEqual(['live_sqlite_20261123_020000']);
  expect(historyOf('id:1', await listBackups(config))?.tenant.slug).toBe('north');
  expect(historyOf('nobody', await listBackups(config))).toBeNull();
});

test('a fall is the steepest one, and small ones are none', () => {
  expect(steepestFall([100, 99, 98])).toBeNull();
  expect(steepestFall([100, 90, 90, 10, 9])).toEqual({ before: 2, after: 3, lost: 80 });
  expect(steepestFall([5, 0])).toEqual({ before: 0, after: 1, lost: 5 });
  expect(steepestFall([])).toBeNull();
});

test('a condition is followed to the newest backup in which it holds, past a broken one', async () => {
  const { config, backups } = await prepared;
  write(join(backups, 'live_sqlite_20261123_033000.db.gz'), gzipSync('broken').subarray(0, 12));
  const entries = await listBackups(config);
  const condition =
    '(SELECT count(*) FROM notes JOIN agents a ON a.id = agent_id WHERE a.tenant_id = :tenant) > 60';
  const ask = (text: string) =>
    newestWhere(entries, {
      config,
      holds: ({ path }) => conditionHolds({ path, condition: text, tenant: { type: 'integer', text: '1' } }),
    });
  const found = await ask(condition);
  expect([found.newest?.id, found.next?.id]).toEqual([
    'live_sqlite_20261123_030000',
    'live_sqlite_20261123_040000',
  ]);
  expect(found.asked.length).toBeLessThan(6);
  expect((await ask('1 = 1')).newest?.id).toBe('live_sqlite_20261123_060000');
  expect(await ask('1 = 0')).toMatchObject({ newest: null, next: null });
});

test('a condition that is no expression, or more than one statement, is refused', async () => {
  const path = join(folder, 'condition.db');
  makeDatabase(path, { rows: 1 });
  const ask = (condition: string) => conditionHolds({ path, condition, tenant: null });
  for (const wrong of ['nonsense here', '1); DELETE FROM notes; --', 'SELECT', ':tenant = 1']) {
    await expect(ask(wrong)).rejects.toMatchObject({ code: 'usage' });
  }
  expect(await ask('(SELECT count(*) FROM tenants) = 3')).toBe(true);
  expect(await ask('NULL')).toBe(false);
});

test('a backup changed since it was staged is passed over, and a table that is gone holds nothing', async () => {
  const own = join(folder, 'changed');
  mkdirSync(own);
  const config = configIn(own);
  const live = join(own, 'live.db');
  makeDatabase(live, { rows: 30 });
  for (let hour = 0; hour < 4; hour++) {
    const db = new Database(live);
    if (hour === 3) db.exec('DROP TABLE notes');
    db.close();
    const now = new Date(Date.UTC(2026, 10, 23, hour));
    await takeBackup({ config, compression: 'zstd', digests: false, now });
  }
  const entries = await listBackups(config);
  const ask = (condition: string) =>
    newestWhere(entries, { config, holds: ({ path }) => conditionHolds({ path, condition, tenant: null }) });
  const condition = '(SELECT count(*) FROM notes) > 0';
  expect((await ask(condition)).newest?.id).toBe('live_sqlite_20261123_020000');

  const staged = entries.find(({ id }) => id === 'live_sqlite_20261123_020000')?.path as string;
  const bytes = readFileSync(staged);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 8;
  write(staged, bytes);
  const found = await ask(condition);
  expect(found.newest?.id).toBe('live_sqlite_20261123_010000');
  expect(found.unusable.map(({ backup }) => backup.id)).toEqual(['live_sqlite_20261123_020000']);
  await expect(ask('(SELECT count(*) FROM nowhere) > 0')).rejects.toMatchObject({ code: 'table-unknown' });
});
