import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { takeDump } from '../../src/databases/postgres/dump/take.ts';
import { sliceDigest } from '../../src/engine/digest.ts';
import { classify } from '../../src/engine/ownership.ts';
import { buildShape } from '../../src/engine/shape.ts';
import { folderOfTheFile } from '../afterwards.ts';
import type { TestDatabase } from './cluster.ts';
import { newestCluster, testCluster, testDatabase } from './cluster.ts';
import { connectTo } from './connection.ts';
import { configFor, staged } from './engine.ts';
import { shop } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;
let world: TestDatabase;
let folder: string;

beforeAll(async () => {
  server = await testCluster();
  world = await testDatabase(server, shop);
  // What applications of this database get is not what a backup may be written in.
  await world.sql(
    `UPDATE plans SET name = 'Ş' WHERE id = 1; ALTER DATABASE ${world.name} SET client_encoding = 'LATIN1'`,
  );
  folder = folderOfTheFile('take');
});

describe.each([
  ['custom', 'gzip'],
  ['custom', 'none'],
  ['plain', 'gzip'],
  ['plain', 'zstd'],
] as const)('a backup taken as %s, %s', (format, compression) => {
  test('shows one moment, described exactly by counts and digests, while others write', async () => {
    const writer = await connectTo(world.url);
    let running = true;
    const writing = (async () => {
      while (running)
        await writer.query(
          `INSERT INTO sales (item_id, amount) VALUES (1, 5); UPDATE items SET price = price + 1 WHERE id = 1`,
        );
    })();
    const path = join(folder, `${format}-${compression}`);
    const config = configFor(world.url);
    const taken = await takeDump({ url: world.url, path, format, compression }, async (session) => {
      const schema = await session.schema();
      const shape = buildShape(schema, classify(schema, config), config, { mode: 'exact' });
      return { rows: await session.countAll(shape), digests: await session.digestAll(shape) };
    });
    running = false;
    await writing;
    await writer.end();
    expect(taken.bytes).toBe((await stat(path)).size);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const work = await staged(
      world.url,
      { form: 'dump', path, format, compression: format === 'custom' ? 'none' : compression, whole: false },
      ['two'],
    );
    try {
      const plan = await work.plan('two');
      const tables = Object.fromEntries(
        Object.entries(taken.contents.digests).flatMap(([table, tenants]) =>
          tenants['2'] ? [[table, tenants['2']]] : [],
        ),
      );
      expect(sliceDigest(tables).digest).toBe((await work.session.digest('staged')).digest);
      for (const table of plan.tables) expect(table.backup).toBe(taken.contents.rows[table.name]?.['2'] ?? 0);
    } finally {
      await work.close();
    }
  });
});

describe('a backup that cannot be taken', () => {
  test('says which client to install when the server is newer than pg_dump', async () => {
    const newest = await newestCluster();
    const there = await testDatabase(newest, 'CREATE TABLE t ()');
    const taking = takeDump(
      { url: there.url, path: join(folder, 'new'), format: 'custom', compression: 'gzip' },
      async () => null,
    );
    await expect(taking).rejects.toMatchObject({
      code: 'tool-failed',
      hint: expect.stringContaining('postgresql-client-18'),
    });
  });

  test('ends when it is stopped', async () => {
    const stop = new AbortController();
    const taking = takeDump(
      {
        url: world.url,
        path: join(folder, 'stopped'),
        format: 'custom',
        compression: 'gzip',
        signal: stop.signal,
      },
      async () => {
        stop.abort();
        return null;
      },
    );
    await expect(taking).rejects.toMatchObject({ code: 'interrupted' });
  });
});
