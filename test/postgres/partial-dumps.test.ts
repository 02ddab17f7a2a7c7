import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Plan } from '../../src/engine/planning.ts';
import { folderOfTheFile } from '../afterwards.ts';
import type { TestDatabase } from './cluster.ts';
import { contents, testCluster, testDatabase } from './cluster.ts';
import type { Staging } from './engine.ts';
import { staged } from './engine.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;
let world: TestDatabase;
let folder: string;

const schema = `
CREATE SCHEMA attic;
CREATE TABLE orgs (id text PRIMARY KEY, slug text UNIQUE);
CREATE TABLE posts (id int PRIMARY KEY, org text NOT NULL REFERENCES orgs, body text);
CREATE TABLE comments (id int PRIMARY KEY, post_id int NOT NULL REFERENCES posts, body text);
CREATE TABLE logs (org text NOT NULL REFERENCES orgs, at int NOT NULL, line text) PARTITION BY RANGE (at);
CREATE TABLE logs_new PARTITION OF logs FOR VALUES FROM (10) TO (20);
CREATE TABLE attic.logs_old PARTITION OF logs FOR VALUES FROM (0) TO (10) PARTITION BY LIST (org);
CREATE TABLE attic.logs_old_any PARTITION OF attic.logs_old DEFAULT;
CREATE TABLE logs_empty PARTITION OF logs FOR VALUES FROM (20) TO (30) PARTITION BY LIST (org);
INSERT INTO orgs VALUES ('acme', 'one'), ('café', 'two');
INSERT INTO posts SELECT i, CASE WHEN i % 2 = 0 THEN 'café' ELSE 'acme' END, 'é' || i FROM generate_series(1, 8) i;
INSERT INTO comments SELECT i, 1 + i % 8, 'c' FROM generate_series(1, 16) i;
INSERT INTO logs SELECT o, i, 'l' || i FROM unnest(ARRAY['acme', 'café']) o, generate_series(0, 19, 3) i;
`;
const damage = `
DELETE FROM comments WHERE id IN (1, 3); UPDATE comments SET body = NULL WHERE id = 5;
UPDATE posts SET body = 'broken' WHERE org = 'café'; DELETE FROM logs WHERE org = 'café' AND at IN (3, 12);
`;
const tables = ['orgs', 'posts', 'comments', 'logs'];
const config = {
  tenants: { table: 'orgs', id: 'id', slug: 'slug' },
  ownership: { columns: ['org'], tables: {} },
};

beforeAll(async () => {
  server = await testCluster();
  world = await testDatabase(server, schema);
  folder = folderOfTheFile('partial');
});

const formats = { plain: '-Fp', custom: '-Fc', tar: '-Ft' } as const;
let counter = 0;

async function planned(
  format: keyof typeof formats,
  args: string[],
  use: (plan: Plan, work: Staging, live: TestDatabase) => Promise<void>,
): Promise<void> {
  const path = join(folder, `d${counter++}`);
  await execa('pg_dump', [formats[format], ...args, '--file', path, world.url]);
  const live = await testDatabase(server, '', world.name);
  await live.sql(damage);
  const source = { form: 'dump', path, format, compression: 'none', whole: false } as const;
  const work = await staged(live.url, source, ['two'], config);
  try {
    await use(await work.plan('two'), work, live);
  } finally {
    await work.close();
  }
}

const whole: [keyof typeof formats, string[]][] = [
  ['plain', ['-E', 'LATIN1']],
  ['custom', ['-E', 'LATIN1']],
  ['plain', ['--data-only']],
  ['custom', ['--data-only']],
  ['plain', ['--create']],
  ['custom', ['--quote-all-identifiers']],
  ['tar', []],
];

test.each(whole)('a %s dump made with %j brings back every row', (format, args) =>
  planned(format, args, async (plan, work, live) => {
    expect(plan.drift).toEqual([]);
    await work.execute(plan);
    expect(await contents(live, tables)).toEqual(await contents(world, tables));
  }),
);

describe.each(['plain', 'custom'] as const)('rows a %s dump was made without', (format) => {
  test('are not taken for rows that were deleted', () =>
    planned(format, ['--exclude-table-data=comments'], async (plan, work, live) => {
      expect(plan.drift).toMatchObject([{ kind: 'table-only-live', table: 'comments', blocking: false }]);
      const before = await contents(live, tables);
      await work.execute(plan);
      const after = await contents(live, tables);
      expect(after.comments).toEqual(before.comments);
      expect(after.posts).toEqual((await contents(world, tables)).posts);
    }));

  test.each([
    ['attic.logs_old_any', ['--exclude-table-data=attic.logs_old_any']],
    ['attic.logs_old_any', ['--schema=public']],
    ['logs_new', ['--exclude-table=logs_new']],
  ])('keep the rows of their table from being deleted: %s, %j', (part, args) =>
    planned(format, args, async (plan, work, live) => {
      expect(plan.drift).toMatchObject([{ kind: 'rows-missing', table: 'logs' }]);
      expect(plan.drift[0]?.detail).toContain(part);
      const before = await contents(live, tables);
      await work.execute(plan);
      const { logs } = await contents(live, tables);
      const lost = part === 'logs_new' ? '12' : '3';
      expect(logs?.split('\n')).toEqual(
        (await contents(world, tables)).logs?.split('\n').filter((row) => row !== `café\t${lost}\tl${lost}`),
      );
      expect(before.logs).not.toBe(logs);
    }),
  );

  test('leave the rows that belong through them without an owner, which stops the plan', () =>
    planned(format, ['--exclude-table-data=posts'], async (plan, work, live) => {
      const before = await contents(live, tables);
      await expect(work.execute(plan)).rejects.toMatchObject({ code: 'conflict', table: 'comments' });
      expect(await contents(live, tables)).toEqual(before);
      // As the hint says, the table can be left out.
      const logs = await work.plan('two', { tables: ['logs'] });
      await work.execute(logs);
      expect((await contents(live, tables)).logs).toEqual((await contents(world, tables)).logs);
    }));
});
