import { appendFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ArchiveEntry, readArchive } from '../../src/databases/postgres/dump/archive.ts';
import { openArchiveData } from '../../src/databases/postgres/dump/archive-data.ts';
import { stageSource } from '../../src/engine/ground.ts';
import { countEffects } from '../../src/engine/planning.ts';
import type { StagedSource } from '../../src/engine/port.ts';
import { buildShape } from '../../src/engine/shape.ts';
import type { Tenant } from '../../src/engine/tenant.ts';
import { folderOfTheFile } from '../afterwards.ts';
import type { TestDatabase } from './cluster.ts';
import { contents, testCluster, testDatabase } from './cluster.ts';
import { openGround, staged } from './engine.ts';
import type { Throwaway } from './throwaway.ts';
import { damage, tables, types } from './worlds.ts';

let server: Throwaway;
let world: TestDatabase;
let folder: string;

beforeAll(async () => {
  server = await testCluster();
  world = await testDatabase(server, types);
  folder = folderOfTheFile('dumps');
}, 60_000);

type Dump = Extract<StagedSource, { form: 'dump' }>;

async function dump(name: string, args: string[]): Promise<string> {
  const path = join(folder, name);
  await execa('pg_dump', [...args, '--file', path, world.url]);
  return path;
}

const makers: Record<string, () => Promise<Dump>> = {
  'plain SQL': async () => ({
    form: 'dump',
    path: await dump('a.sql', []),
    format: 'plain',
    compression: 'none',
    whole: false,
  }),
  'plain SQL, gzip': async () => ({
    form: 'dump',
    path: await dump('a.sql.gz', ['-Z6']),
    format: 'plain',
    compression: 'gzip',
    whole: false,
  }),
  'plain SQL, zstd in two frames': async () => {
    const path = await dump('b.sql', []);
    const size = Number((await execa('stat', ['-c', '%s', path])).stdout);
    await execa({
      shell: true,
    })`head -c ${Math.floor(size / 2)} ${path} | zstd -q > ${path}.zst; tail -c +${Math.floor(size / 2) + 1} ${path} | zstd -q >> ${path}.zst`;
    return { form: 'dump', path: `${path}.zst`, format: 'plain', compression: 'zstd', whole: false };
  },
  'plain SQL through partition roots': async () => ({
    form: 'dump',
    path: await dump('r.sql', ['--load-via-partition-root']),
    format: 'plain',
    compression: 'none',
    whole: false,
  }),
  'custom archive': async () => ({
    form: 'dump',
    path: await dump('a.dump', ['-Fc']),
    format: 'custom',
    compression: 'none',
    whole: false,
  }),
  'custom archive, uncompressed': async () => ({
    form: 'dump',
    path: await dump('u.dump', ['-Fc', '-Z0']),
    format: 'custom',
    compression: 'none',
    whole: false,
  }),
  'custom archive written to a pipe': async () => {
    const path = join(folder, 'p.dump');
    await execa({ shell: true })`pg_dump -Fc ${world.url} | cat > ${path}`;
    return { form: 'dump', path, format: 'custom', compression: 'none', whole: false };
  },
  'custom archive in gzip': async () => {
    const path = await dump('g.dump', ['-Fc', '-Z0']);
    await execa('gzip', ['-kf', path]);
    return { form: 'dump', path: `${path}.gz`, format: 'custom', compression: 'gzip', whole: false };
  },
  'tar format in gzip, with more behind it than pg_restore reads': async () => {
    const path = await dump('t.tar', ['-Ft']);
    await appendFile(path, Buffer.alloc(1 << 20));
    await execa('gzip', ['-kf', path]);
    return { form: 'dump', path: `${path}.gz`, format: 'tar', compression: 'gzip', whole: false };
  },
  directory: async () => ({
    form: 'dump',
    path: await dump('dir', ['-Fd']),
    format: 'directory',
    compression: 'none',
    whole: false,
  }),
};

describe.each(Object.keys(makers))('a tenant restored from %s', (kind) => {
  test('is back exactly as it was, and nobody else changed', async () => {
    const source = await (makers[kind] as () => Promise<Dump>)();
    const live = await testDatabase(server, '', world.name);
    const before = await contents(live, tables);
    await live.sql(damage);
    const work = await staged(live.url, source, ['two']);
    try {
      const plan = await work.plan('two');
      expect(plan.conflicts).toEqual([]);
      expect(plan.drift).toEqual([]);
      const done = await work.execute(plan);
      expect(done.after).toBe(done.plan.planned.digest);
      expect(await contents(live, tables)).toEqual(before);
    } finally {
      await work.close();
    }
  });
});

test.each(['plain SQL', 'custom archive'])(
  'what happens to the tenant after %s was read is in the plan',
  async (kind) => {
    const source = await (makers[kind] as () => Promise<Dump>)();
    const live = await testDatabase(server, '', world.name);
    const before = await contents(live, tables);
    const work = await staged(live.url, source, ['two']);
    try {
      await live.sql(damage);
      const plan = await work.plan('two');
      expect(countEffects(plan).update).toBeGreaterThan(0);
      const done = await work.execute(plan);
      expect(done.after).toBe(done.plan.planned.digest);
      expect(await contents(live, tables)).toEqual(before);
    } finally {
      await work.close();
    }
  },
);

test('a directory is read without pg_restore, and a cut file of it is not a shorter one', async () => {
  const path = await dump('bare', ['-Fd', '-Z0']);
  const archive = await readArchive(path, 'directory');
  expect(archive.known).toBe(true);
  const data = await openArchiveData(path, 'directory', archive);
  const [entry] = archive.entries.filter(({ hasData }) => hasData);
  const file = join(path, entry?.file as string);
  await truncate(file, (await stat(file)).size - 6);
  const reading = (async () => {
    for await (const chunk of data(entry as ArchiveEntry)) void chunk;
  })();
  await expect(reading).rejects.toMatchObject({ code: 'backup-truncated' });
  // What cannot be staged leaves the session as able as before.
  const ground = await openGround(world.url);
  const [tenant] = ground.tenants as [Tenant];
  const shape = buildShape(ground.schema, ground.ownership, ground.config, { mode: 'exact' });
  const asked = { shape, tenant: tenant.id, staged: 'none', status: null } as const;
  const found = await ground.session.collect(asked);
  const cut = { form: 'dump', path, format: 'directory', compression: 'none', whole: false } as const;
  await expect(stageSource(ground, cut, [tenant.id])).rejects.toMatchObject({ code: 'backup-truncated' });
  expect(await ground.session.collect(asked)).toEqual(found);
  await ground.session.close();
});

test('a safety copy brings back what a restore changed', async () => {
  const live = await testDatabase(server, '', world.name);
  await live.sql(damage);
  const damaged = await contents(live, tables);
  const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
  const done = await work.execute(await work.plan('two'));
  await work.close();
  expect(await contents(live, tables)).not.toEqual(damaged);
  // What a thousand tables are described with is longer than what is read at once.
  const [mark, description, ...rest] = (await readFile(done.safetyPath, 'utf8')).split('\n');
  const long = description?.replace('{', `{${' '.repeat(1 << 20)}`);
  await writeFile(done.safetyPath, [mark, long, ...rest].join('\n'));
  const undo = await staged(
    live.url,
    { form: 'dump', path: done.safetyPath, format: 'plain', compression: 'none', whole: true },
    ['two'],
  );
  try {
    const plan = await undo.plan('two', { verbatim: true });
    expect(plan.conflicts).toEqual([]);
    expect((await undo.session.digest('staged')).digest).toBe(done.plan.live.digest);
    expect(await undo.session.changedSince(done.effectsPath)).toEqual([]);
    await undo.execute(plan);
    expect(await contents(live, tables)).toEqual(damaged);
  } finally {
    await undo.close();
  }
});
