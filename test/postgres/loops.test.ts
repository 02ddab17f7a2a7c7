import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import type { StagedSource } from '../../src/engine/port.ts';
import { buildShape } from '../../src/engine/shape.ts';
import { folderOfTheFile } from '../afterwards.ts';
import type { TestDatabase } from './cluster.ts';
import { contents, ordinaryRole, testCluster, testDatabase } from './cluster.ts';
import { openGround, staged } from './engine.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;
let world: TestDatabase;
let folder: string;

const tables = ['tenants', 'posts', 'comments', 'votes', 'folders', 'files'];

/** Replies belong only through the comment they answer, at any depth; folders and files refer to each other. */
const script = `
CREATE TABLE tenants (id int PRIMARY KEY, slug text, status text); CREATE TABLE plans (id int);
CREATE TABLE posts (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants);
CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts, reply_to int REFERENCES comments, body text);
CREATE TABLE votes (id int PRIMARY KEY, comment_id int NOT NULL REFERENCES comments, up bool);
CREATE TABLE folders (id int PRIMARY KEY, post_id int REFERENCES posts, cover_id int);
CREATE TABLE files (id int PRIMARY KEY, folder_id int REFERENCES folders, name text);
ALTER TABLE folders ADD FOREIGN KEY (cover_id) REFERENCES files;
INSERT INTO tenants VALUES (1, 'one', 'active'), (2, 'two', 'active');
INSERT INTO posts SELECT i, 1 + i % 2 FROM generate_series(1, 6) i;
INSERT INTO comments SELECT 1000 - i, CASE WHEN i <= 6 THEN i END, CASE WHEN i > 6 THEN 1000 - i + 6 END, 'c' || i FROM generate_series(1, 60) i;
INSERT INTO votes SELECT id, id, true FROM comments;
INSERT INTO folders SELECT i, CASE WHEN i <= 6 THEN i END FROM generate_series(1, 12) i;
INSERT INTO files SELECT i, CASE WHEN i <= 6 THEN i ELSE i END, 'f' || i FROM generate_series(1, 12) i;
UPDATE folders SET cover_id = id + 6 WHERE id <= 6;
UPDATE files SET folder_id = NULL WHERE id > 6;
UPDATE folders SET cover_id = id - 6 WHERE id > 6;
`;

const damage = `
SET session_replication_role = replica;
DELETE FROM comments WHERE id % 12 IN (0, 4); UPDATE comments SET body = 'x' WHERE id % 2 = 0; DELETE FROM votes WHERE id % 4 = 0;
DELETE FROM folders WHERE id IN (3, 9); UPDATE files SET name = 'x' WHERE id IN (1, 2);`;

beforeAll(async () => {
  server = await testCluster();
  await ordinaryRole(server, 'app');
  world = await testDatabase(server, script, 'template1', 'app');
  folder = folderOfTheFile('loops');
  await execa('pg_dump', ['--file', join(folder, 'a.sql'), world.url]);
  await execa('pg_dump', ['-Fc', '--file', join(folder, 'a.dump'), world.url]);
});

const sources: Record<string, () => StagedSource> = {
  'another live server': () => ({ form: 'live', url: world.url }),
  'plain SQL': () => ({
    form: 'dump',
    path: join(folder, 'a.sql'),
    format: 'plain',
    compression: 'none',
    whole: false,
  }),
  'a custom archive': () => ({
    form: 'dump',
    path: join(folder, 'a.dump'),
    format: 'custom',
    compression: 'none',
    whole: false,
  }),
};

describe.each(Object.keys(sources))('rows that belong through a loop of keys, from %s', (kind) => {
  test.each(['app', 'postgres'])('are followed to the end and restored by role %s', async (role) => {
    const live = await testDatabase(server, '', world.name, 'app');
    await live.asSuperuser(damage);
    const before = await contents(live, tables);
    const work = await staged(
      live.url.replace('//app@', `//${role}@`),
      (sources[kind] as () => StagedSource)(),
      ['one', 'two'],
    );
    try {
      for (const slug of ['two', 'one']) {
        const plan = await work.plan(slug);
        expect(plan.conflicts.filter((conflict) => conflict.blocking)).toEqual([]);
        expect(plan.tables.find((table) => table.name === 'comments')).toMatchObject({ backup: 30 });
        expect(plan.tables.find((table) => table.name === 'folders')).toMatchObject({ backup: 6 });
        await work.execute(plan);
      }
    } finally {
      await work.close();
    }
    expect(before).not.toEqual(await contents(world, tables));
    expect(await contents(live, tables)).toEqual(await contents(world, tables));
  });
});

/** Every table refers to the three before it: over twelve of them 900 ways lead from the last to the tenant. */
const ladder = (length: number): string => `
CREATE TABLE tenants (id int PRIMARY KEY, slug text); CREATE TABLE plans (id int);
CREATE TABLE s0 (id int PRIMARY KEY, tenant_id int REFERENCES tenants);
INSERT INTO tenants VALUES (1, 'one'), (2, 'two'); INSERT INTO s0 VALUES (1, 1), (2, 2);
DO $$ BEGIN
  FOR i IN 1..${length} LOOP
    EXECUTE format('CREATE TABLE s%s (id int PRIMARY KEY, a int REFERENCES s%s, b int REFERENCES s%s, c int REFERENCES s%s)', i, i - 1, greatest(i - 2, 0), greatest(i - 3, 0));
    EXECUTE format('INSERT INTO s%s SELECT g, CASE WHEN g < 3 THEN g END, CASE WHEN g > 2 THEN g - 2 END FROM generate_series(1, 4) g', i);
  END LOOP;
END $$;`;

/** And one of them refers to itself. */
const looped = `${ladder(12)}
ALTER TABLE s6 ADD part_of int REFERENCES s6; INSERT INTO s6 VALUES (5, NULL, NULL, NULL, 2); INSERT INTO s7 VALUES (5, 5);`;

test.each([
  ['the same loops', () => world],
  ['a ladder of keys', () => testDatabase(server, looped)],
])('counts and digests over all tenants follow %s', async (_, database) => {
  const ground = await openGround((await database()).url);
  const shape = buildShape(ground.schema, ground.ownership, ground.config, { mode: 'exact' });
  const counts = await ground.session.countAll(shape);
  const digests = await ground.session.digestAll(shape);
  for (const tenant of ground.tenants) {
    await ground.session.collect({ shape, tenant: tenant.id, staged: 'none', status: null });
    const { tables: slice } = await ground.session.digest('live');
    expect(Object.values(slice).some(({ rows }) => rows > 0)).toBe(true);
    for (const [table, { rows, digest }] of Object.entries(slice)) {
      expect([table, counts[table]?.[tenant.id.text] ?? 0]).toEqual([table, rows]);
      if (rows > 0) expect(digests[table]?.[tenant.id.text]).toEqual({ rows, digest });
    }
  }
  await ground.session.close();
});

test('200,000 ways to the tenant are asked for no longer than a few, in a database that is read as a backup', async () => {
  const backup = await testDatabase(server, ladder(20));
  const live = await testDatabase(server, '', backup.name);
  const work = await staged(live.url, { form: 'live', url: backup.url }, ['one']);
  const plan = await work.plan('one');
  expect(plan.tables.find(({ name }) => name === 's20')).toMatchObject({ backup: 2, unchanged: 2 });
  await work.close();
});
