import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { listBackups } from '../../src/backups/catalogue.ts';
import { manifestPath, readManifest, writeManifest } from '../../src/backups/manifest.ts';
import { openBackup } from '../../src/backups/open.ts';
import { takeBackup } from '../../src/backups/take.ts';
import { verifyBackup } from '../../src/backups/verify.ts';
import { folderOfTheFile } from '../afterwards.ts';
import { configIn, makeDatabase, write } from './helpers.ts';

const folder = folderOfTheFile('backups');

async function world(name: string) {
  const own = join(folder, name);
  mkdirSync(own);
  const config = configIn(own);
  makeDatabase(join(own, 'live.db'), { rows: 500 });
  const taken = await takeBackup({
    config,
    compression: 'zstd',
    digests: true,
    now: new Date('2026-11-23T06:00:00Z'),
  });
  return { own, config, taken, path: taken.path, live: join(own, 'live.db') };
}

test('a good backup passes every check, and is opened without another integrity check afterwards', async () => {
  const { config, path, taken } = await world('good');
  const result = await verifyBackup(path, { config });
  expect(result.checks.map(({ name, ok }) => [name, ok])).toEqual(
    ['readable', 'checksum', 'size', 'database', 'integrity', 'tenants', 'contents'].map((name) => [
      name,
      true,
    ]),
  );
  expect(result).toMatchObject({ ok: true, id: taken.id, recorded: manifestPath(path) });
  expect((await listBackups(config))[0]?.verified).toBe(true);
  const phases: string[] = [];
  await (await openBackup(path, { config, onProgress: ({ phase }) => phases.push(phase) })).close();
  expect(phases).not.toContain('integrity');
});

test('a flipped bit is found, remembered and shown in the list', async () => {
  const { config, path, taken } = await world('flipped');
  const bytes = readFileSync(path);
  bytes[bytes.length - 500] = (bytes[bytes.length - 500] ?? 0) ^ 8;
  writeFileSync(path, bytes);
  const result = await verifyBackup(taken.id, { config });
  expect(result.ok).toBe(false);
  expect(result.checks).toEqual([{ name: 'readable', ok: false, detail: expect.any(String) }]);
  expect((await readManifest(path))?.verified).toMatchObject({ ok: false, failed: ['readable'] });
  expect((await listBackups(config))[0]?.verified).toBe(false);
});

test('a whole backup that is not the one the manifest describes is told apart by its rows', async () => {
  const { config, path, live, taken } = await world('other');
  const db = new Database(live);
  db.pragma('foreign_keys = OFF');
  db.exec('DELETE FROM notes WHERE agent_id % 3 = 0; DELETE FROM tenants WHERE id = 3; VACUUM');
  db.close();
  const other = await takeBackup({
    config,
    compression: 'zstd',
    digests: true,
    now: new Date('2026-11-23T07:00:00Z'),
  });
  writeFileSync(path, readFileSync(other.path));
  const result = await verifyBackup(path, { config });
  const failed = Object.fromEntries(
    result.checks.filter(({ ok }) => !ok).map(({ name, detail }) => [name, detail]),
  );
  expect(Object.keys(failed)).toEqual(expect.arrayContaining(['checksum', 'size', 'contents']));
  expect(failed.contents).toContain('tenant west is missing');
  expect(failed.checksum).toContain(taken.manifest.sha256);
});

test('a manifest that lies about one figure of one tenant is caught, whatever else of it holds', async () => {
  const { config, path, taken } = await world('lie');
  const [first, ...rest] = taken.manifest.tenants ?? [];
  if (!first) throw new Error('no tenants');
  const digest = 'f'.repeat(64);
  const notes = (first.rows?.notes ?? 0) + 1;
  const lies = [
    { digest, digests: { ...first.digests, notes: digest } },
    { digests: { ...first.digests, notes: digest } },
    { rows: { ...first.rows, notes } },
    { digest },
  ];
  const found: string[] = [];
  for (const lie of lies) {
    await writeManifest(path, { ...taken.manifest, tenants: [{ ...first, ...lie }, ...rest] });
    const { checks } = await verifyBackup(path, { config });
    for (const { name, ok, detail } of checks) if (!ok) found.push(`${name}: ${detail}`);
  }
  const differs = `contents: tenant ${first.slug} differs in`;
  expect(found).toEqual([...Array(3).fill(`${differs} notes`), `${differs} the digest of all its rows`]);
});

test('a manifest edited by hand is caught: who a tenant is, how many there are, how tables are defined', async () => {
  const { config, path, taken } = await world('edited');
  const { manifest } = taken;
  const [first, ...rest] = manifest.tenants ?? [];
  if (!first) throw new Error('no tenants');
  const edits: Partial<typeof manifest>[] = [
    ...[
      { slug: 'nord' },
      { name: 'Nord' },
      { status: 'suspended' },
      { status: null },
      { tier: 'free' as const },
    ].map((edit) => ({ tenants: [{ ...first, ...edit }, ...rest] })),
    { tenants: rest },
    { tenantCount: 7 },
    { schemaFingerprint: 'another' },
    { rows: { ...manifest.rows, notes: 1 } },
  ];
  const found: string[][] = [];
  for (const edit of edits) {
    await writeManifest(path, { ...manifest, ...edit });
    const { checks } = await verifyBackup(path, { config });
    found.push(checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`));
  }
  expect(found).toEqual([
    ['contents: tenant nord differs in its slug'],
    ['contents: tenant north differs in its name'],
    ['contents: tenant north differs in its status'],
    ['contents: tenant north differs in its status'],
    ['contents: tenant north differs in its tier'],
    [expect.stringMatching(/^contents: tenant north is not in the manifest/)],
    ['contents: the manifest counts 7 tenants and lists 3'],
    ['contents: its tables are not defined as the manifest says'],
    ['contents: notes has 500 rows, 1 in the manifest'],
  ]);
  await writeManifest(path, manifest);
  expect((await verifyBackup(path, { config })).ok).toBe(true);
});

test('a backup is not bad because the config changed since: another column for the name, a table left out', async () => {
  const { config, path } = await world('reconfigured');
  const { tenants, ownership } = config;
  const others = [
    { ...config, tenants: { ...tenants, name: 'status' } },
    { ...config, ownership: { ...ownership, tables: { notes: { exclude: 'too many' } } } },
  ];
  for (const other of others) {
    const { ok, checks } = await verifyBackup(path, { config: other });
    expect([ok, checks.at(-1)?.detail]).toEqual([true, expect.stringContaining('under another config')]);
  }
  // What is not about who owns what changes nothing.
  const settled = { ...config, tenants: { ...tenants, settle: 3 } };
  const { checks } = await verifyBackup(path, { config: settled });
  expect(checks.at(-1)?.detail).toContain('every tenant with its rows and digests');
});

test("somebody else's backup gets a manifest with what was found, but no origin", async () => {
  const { own, config, live } = await world('foreign');
  const path = write(join(own, 'backups/admin_sqlite_20251107_020000.db.gz'), gzipSync(readFileSync(live)));
  const result = await verifyBackup(path, { config });
  expect(result.ok).toBe(true);
  expect(await readManifest(path)).toMatchObject({
    source: null,
    rows: { notes: 500 },
    verified: { ok: true },
  });
  const listed = (await listBackups(config)).find((entry) => entry.path === path);
  expect(listed).toMatchObject({ verified: true, tenants: 3, takenAtSource: 'file name' });
  // Replaced under its name, as a nightly copy is: what was found out about the old one no longer counts.
  const db = new Database(live);
  db.exec('DELETE FROM notes; VACUUM');
  db.close();
  writeFileSync(path, gzipSync(readFileSync(live)));
  expect((await listBackups(config)).find((entry) => entry.path === path)).toMatchObject({
    verified: null,
    tenants: null,
    problem: null,
  });
  await (await openBackup(path, { config })).close();
});

test("somebody else's bad backup is remembered as bad", async () => {
  const { own, config, live } = await world('foreign-bad');
  const path = write(
    join(own, 'backups/admin_sqlite_20251107_020000.db.gz'),
    gzipSync(readFileSync(live)).subarray(0, 9000),
  );
  expect((await verifyBackup(path, { config })).ok).toBe(false);
  expect((await listBackups(config)).find((entry) => entry.path === path)?.verified).toBe(false);
});

test('an emptied or dropped tenants table is found', async () => {
  const { own, config, live } = await world('tenants');
  const db = new Database(live);
  db.pragma('foreign_keys = OFF');
  db.exec('DELETE FROM tenants');
  const emptied = write(join(own, 'emptied.db'), db.serialize());
  db.exec('DROP TABLE tenants');
  const dropped = write(join(own, 'dropped.db'), db.serialize());
  db.close();
  const detailOf = async (path: string) => {
    const { ok, checks } = await verifyBackup(path, { config });
    return [ok, checks.find(({ name }) => name === 'tenants')?.detail];
  };
  expect(await detailOf(emptied)).toEqual([false, 'the tenants table "tenants" is empty']);
  expect(await detailOf(dropped)).toEqual([false, 'there is no tenants table "tenants"']);
});

test('digests do not depend on the number of processes, the encoding or the shape of tables', async () => {
  const { addShares, digestCopy } = await import('../../src/databases/sqlite/digest-copy.ts');
  const { digestShare } = await import('../../src/databases/sqlite/digest-share.ts');
  const { databaseAt } = await import('../../src/databases/open.ts');
  const { classify } = await import('../../src/engine/ownership.ts');
  const { buildShape } = await import('../../src/engine/shape.ts');
  for (const encoding of ['UTF-8', 'UTF-16le']) {
    const path = join(folder, `${encoding}.db`);
    rmSync(path, { force: true });
    makeDatabase(path, { rows: 9000, encoding });
    const db = new Database(path);
    db.exec(`INSERT INTO notes VALUES (9007199254740993, 2, 'a' || char(0) || 'b🙂', x'00ff'), (-5, 3, CAST(x'c328' AS TEXT), NULL),
      (9100, 1, 'big', zeroblob(700000)), (9101, NULL, 'nobody''s', NULL),
      (-9223372036854775808, 1, 'first', NULL), (9223372036854775807, 1, 'last', NULL)`);
    const owned = db
      .prepare('SELECT tenant_id, count(*) FROM notes JOIN agents a ON a.id = agent_id GROUP BY 1')
      .raw()
      .all();
    const notes = db.prepare('SELECT count(*) FROM notes').pluck().get();
    db.close();
    const config = configIn(join(folder, 'digests'));
    const session = await (await databaseAt(`sqlite:${path}`)).open({ mode: 'read' });
    const schema = await session.schema();
    const shape = buildShape(schema, classify(schema, config), config, { mode: 'exact' });
    const expected = await session.digestAll(shape);
    await session.close();
    const counted = Object.entries(expected.notes ?? {}).map(([tenant, { rows }]) => [Number(tenant), rows]);
    expect(counted).toEqual(owned);
    expect((await digestCopy(path, shape)).digests).toEqual(expected);
    const shares = [];
    for (let share = 0; share < 3; share++) {
      shares.push(
        await digestShare({ path, shape, share, of: 3 }, () => undefined, new AbortController().signal),
      );
    }
    expect(await addShares(shares, shape)).toMatchObject({ digests: expected, rows: { notes } });
  }
});
