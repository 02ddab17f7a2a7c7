import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { heldBy, holdBackups, listHolds, releaseHolds } from '../../src/backups/holds.ts';
import { folderOfTheFile } from '../afterwards.ts';
import { write } from './helpers.ts';

const folder = folderOfTheFile('backups');

test('an open incident holds backups until it lets go, by path and by checksum', async () => {
  const place = { state: join(folder, 'a') };
  expect(await heldBy(place, { path: '/b/x.db.gz', sha256: null })).toEqual([]);
  await holdBackups(place, 'INC-1', [{ path: '/b/x.db.gz', sha256: 'aa' }]);
  await holdBackups(place, 'INC-1', [
    { path: '/b/x.db.gz', sha256: 'aa' },
    { path: '/b/y.db.gz', sha256: null },
  ]);
  await holdBackups(place, 'INC-2', [{ path: '/b/y.db.gz', sha256: null }]);
  expect((await listHolds(place)).map(({ incident, backups }) => [incident, backups.length])).toEqual([
    ['INC-1', 2],
    ['INC-2', 1],
  ]);
  expect(await heldBy(place, { path: '/b/y.db.gz', sha256: null })).toEqual(['INC-1', 'INC-2']);
  expect(await heldBy(place, { path: '/elsewhere/copy.db.gz', sha256: 'aa' })).toEqual(['INC-1']);
  await releaseHolds(place, 'INC-1');
  await releaseHolds(place, 'INC-1');
  expect(await heldBy(place, { path: '/b/y.db.gz', sha256: null })).toEqual(['INC-2']);
});

test('a hold that cannot be read stops whoever wants to prune', async () => {
  const place = { state: join(folder, 'b') };
  mkdirSync(join(folder, 'b/holds'), { recursive: true });
  write(join(folder, 'b/holds/INC-3.json'), '{"version":1');
  await expect(heldBy(place, { path: '/b/x', sha256: null })).rejects.toMatchObject({
    code: 'journal-damaged',
  });
  await expect(holdBackups(place, '../escape', [])).rejects.toMatchObject({ code: 'incident-unknown' });
});
