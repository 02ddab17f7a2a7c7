import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { nasty } from '../worlds/nasty.ts';
import { randomWorld } from '../worlds/random.ts';
import type { World } from '../worlds/world.ts';
import {
  cleanUp,
  type Ended,
  fileHashes,
  folder,
  restore,
  snapshot,
  startTenantDr,
  tenantDr,
  unchanged,
} from './program.ts';

afterAll(cleanUp);

function sql(path: string, statements: string): void {
  execFileSync('sqlite3', [path, statements]);
}

function restoreFrom(world: World, backup: string, ...more: string[]): Promise<Ended> {
  return tenantDr(world, 'restore', world.victim, '--from', backup, '--confirm', world.victim, ...more);
}

/** The error has its code and exit, says what to do next, and nothing was changed. */
async function expectRefused(
  given: Ended | Promise<Ended>,
  code: string,
  exit: number,
  world: World,
  before: string,
): Promise<void> {
  const ended = await given;
  expect(ended.document).toMatchObject({ ok: false, error: { code, exit, changed: false } });
  expect(ended.document.error.hint).toBeTruthy();
  expect(ended.exit).toBe(exit);
  expect(unchanged(world, before)).toEqual([]);
}

describe('a bad word on the command line', () => {
  it('names the nearest tenants when the tenant is unknown', async () => {
    const world = nasty(folder());
    const before = snapshot(world);
    const ended = await tenantDr(world, 'restore', 'alfs', '--from', world.backupPath, '--confirm', 'alfs');
    await expectRefused(ended, 'tenant-unknown', 2, world, before);
    expect(`${ended.document.error.message} ${ended.document.error.hint}`).toContain('alfa');
  });

  it('offers id: and slug: when a word stands for two tenants', async () => {
    const world = nasty(folder(), { ids: 'text' });
    sql(world.dbPath, `UPDATE tenants SET slug = '1' WHERE slug = 'bravo'`);
    const before = snapshot(world);
    const ended = await tenantDr(world, 'restore', '1', '--from', world.backupPath, '--confirm', '1');
    await expectRefused(ended, 'tenant-ambiguous', 2, world, before);
    expect(ended.document.error.hint).toMatch(/id:.*slug:|slug:.*id:/s);
  });

  it.each(['Alfa', 'alfa ', ' alfa', 'ALFA', 'y', '', 'alf', 'alfa\n'])(
    'refuses the confirmation %j',
    async (phrase) => {
      const world = randomWorld(folder(), 11);
      const before = snapshot(world);
      const ended = await tenantDr(world, 'restore', 'alfa', '--from', world.backupPath, '--confirm', phrase);
      await expectRefused(ended, 'confirmation-refused', 3, world, before);
    },
  );

  it('refuses without a terminal and without --confirm', async () => {
    const world = randomWorld(folder(), 11);
    const before = snapshot(world);
    await expectRefused(
      await tenantDr(world, 'restore', 'alfa', '--from', world.backupPath),
      'confirmation-refused',
      3,
      world,
      before,
    );
  });

  it('says which key of the config is wrong, and what was meant', async () => {
    const world = randomWorld(folder(), 11);
    const before = snapshot(world);
    appendFileSync(world.configPath, 'ownershp: {}\n');
    const ended = await restore(world);
    await expectRefused(ended, 'config-invalid', 2, world, before);
    expect(`${ended.document.error.message} ${ended.document.error.hint}`).toContain('ownership');
  });
});

describe('a bad backup', () => {
  const cases: [name: string, make: (world: World) => string, code: string, exit: number][] = [
    ['missing', (world) => join(world.dir, 'nowhere.db'), 'backup-missing', 2],
    ['empty', (world) => put(world, 'empty.db', Buffer.alloc(0)), 'backup-empty', 4],
    [
      'not a database',
      (world) => put(world, 'letter.db', Buffer.from('Dear operator,\n'.repeat(400))),
      'backup-not-a-database',
      4,
    ],
    ['cut off', (world) => put(world, 'cut.db', bytes(world).subarray(0, 40_000)), 'backup-truncated', 4],
    [
      'cut off inside gzip',
      (world) => put(world, 'cut.db.gz', half(gzipSync(bytes(world)))),
      'backup-truncated',
      4,
    ],
    [
      'changed by a bit inside gzip',
      (world) => put(world, 'flip.db.gz', flipped(gzipSync(bytes(world)))),
      'backup-corrupt',
      4,
    ],
    ['changed in a page', (world) => put(world, 'page.db', scrambled(bytes(world))), 'backup-corrupt', 4],
  ];
  it.each(cases)('is refused when it is %s', async (_, make, code, exit) => {
    const world = nasty(folder());
    const before = snapshot(world);
    await expectRefused(await restoreFrom(world, make(world)), code, exit, world, before);
  });

  it('is refused when it is another database', async () => {
    const world = nasty(folder());
    const other = nasty(folder());
    sql(other.backupPath, `UPDATE tenants SET slug = slug || '-other', name = 'Other' WHERE slug <> 'alfa'`);
    const before = snapshot(world);
    await expectRefused(await restoreFrom(world, other.backupPath), 'backup-foreign', 3, world, before);
  });

  it('is refused when it comes from another environment', async () => {
    const world = nasty(folder());
    const taken = (await tenantDr(world, 'backup')).document as unknown as { path: string };
    const before = snapshot(world);
    writeFileSync(
      world.configPath,
      readFileSync(world.configPath, 'utf8').replace('environment: test', 'environment: production'),
    );
    await expectRefused(await restoreFrom(world, taken.path), 'backup-other-environment', 3, world, before);
  });

  it('is refused when it does not hold the tenant', async () => {
    const world = nasty(folder());
    sql(world.backupPath, `PRAGMA foreign_keys = OFF; DELETE FROM tenants WHERE slug = 'alfa'`);
    const before = snapshot(world);
    await expectRefused(await restore(world), 'backup-without-tenant', 3, world, before);
  });

  it('is refused when the tenant has another id there', async () => {
    const world = nasty(folder(), { ids: 'text' });
    sql(world.backupPath, `PRAGMA foreign_keys = OFF; UPDATE tenants SET id = 'another' WHERE slug = 'alfa'`);
    const before = snapshot(world);
    await expectRefused(await restore(world), 'tenant-ambiguous', 2, world, before);
  });
});

describe('a bad live database', () => {
  it('without a tenants table is said to be so', async () => {
    const world = nasty(folder());
    sql(world.dbPath, 'DROP TABLE tenants');
    const before = fileHashes(world);
    const ended = await restore(world);
    expect(ended.document).toMatchObject({ ok: false, error: { code: 'tenants-table-missing', exit: 2 } });
    expect(fileHashes(world)).toEqual(before);
  });

  it('with an emptied tenants table is not taken for the origin of the backup', async () => {
    const world = nasty(folder());
    sql(world.dbPath, 'PRAGMA foreign_keys = OFF; DELETE FROM tenants');
    const before = snapshot(world);
    await expectRefused(await restore(world), 'backup-origin-unknown', 3, world, before);
  });

  it('that is no database is said to be so', async () => {
    const world = randomWorld(folder(), 11);
    rmSync(`${world.dbPath}-wal`, { force: true });
    writeFileSync(world.dbPath, 'not a database at all, but long enough to be looked at\n'.repeat(100));
    const ended = await restore(world);
    expect(ended.document).toMatchObject({ ok: false, error: { code: 'database-not-a-database', exit: 4 } });
  });

  it('with a table nobody classified stops the plan and names it', async () => {
    const world = nasty(folder());
    sql(world.dbPath, 'CREATE TABLE newcomer (id INTEGER PRIMARY KEY, what TEXT)');
    const before = snapshot(world);
    const ended = await restore(world);
    await expectRefused(ended, 'table-unclassified', 3, world, before);
    expect(ended.document.error.message).toContain('newcomer');
  });

  it('that another program has locked is waited for, with a word about it', async () => {
    const world = nasty(folder());
    const holder = spawn('python3', ['-c', holdLock, world.dbPath], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const child = startTenantDr(world, 'restore', 'alfa', '--from', world.backupPath, '--confirm', 'alfa');
    let words = '';
    child.stderr?.on('data', (chunk) => {
      words += chunk;
      if (/wait/i.test(words)) holder.stdin.end();
    });
    const [exit] = await once(child, 'close');
    holder.stdin.end();
    expect(words).toMatch(/wait/i);
    expect(exit).toBe(0);
  });

  it('with an unfinished rollback journal is reported by plan, not rolled back', async () => {
    const world = nasty(folder(), { journal: 'delete' });
    const writer = spawn('python3', ['-c', dieWriting, world.dbPath], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(writer.stdout, 'data');
    writer.kill('SIGKILL');
    await once(writer, 'close');
    const hot = readFileSync(`${world.dbPath}-journal`);
    const ended = await tenantDr(world, 'plan', 'alfa', '--from', world.backupPath);
    expect(ended.document).toMatchObject({ ok: false, error: { code: 'database-hot-journal', exit: 4 } });
    expect(readFileSync(`${world.dbPath}-journal`).equals(hot)).toBe(true);
  });
});

describe('a plan that is no longer true', () => {
  it('is refused, and says which table changed', async () => {
    const world = nasty(folder());
    const plan = join(world.dir, 'plan.json');
    expect((await tenantDr(world, 'plan', 'alfa', '--from', world.backupPath, '--out', plan)).exit).toBe(0);
    sql(world.dbPath, `UPDATE memos SET body = 'written since' WHERE id = 31`);
    const before = snapshot(world);
    const ended = await tenantDr(world, 'restore', '--plan', plan, '--confirm', 'alfa');
    await expectRefused(ended, 'plan-stale', 3, world, before);
    expect(ended.document.error.message).toContain('memos');
    // Whom and what else the command line names would be restored without having been planned, or go unheard.
    const more = ['--tier', 'free', '--mode', 'missing'];
    const besides = await tenantDr(world, 'restore', 'bravo', '--plan', plan, ...more, '--confirm', 'alfa');
    await expectRefused(besides, 'usage', 2, world, before);
    expect(besides.document.error.message).toContain('another tenant, --tier, --mode cannot be given');
  });

  it('is refused also to whoever goes on with the restore it was given to', async () => {
    const world = nasty(folder());
    const plan = join(world.dir, 'plan.json');
    const planning = ['plan', 'alfa', '--from', world.backupPath, '--out', plan];
    const { live, planned } = (await tenantDr(world, ...planning)).document as unknown as {
      live: string;
      planned: string;
    };
    const { incident } = (await tenantDr(world, 'restore', '--plan', plan, '--confirm', 'alfa')).document;
    const kept = readFileSync(join(world.statePath, 'incidents', incident, 'runbook.yaml'), 'utf8');
    expect(JSON.parse(kept).steps[0].with).toMatchObject({ live, planned });
  });
});

const holdLock = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
db.execute("ROLLBACK")
`;

/** Changes pages on disk while the journal that would undo it is still there. */
const dieWriting = `
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size = 2")
db.execute("PRAGMA cache_spill = 1")
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE kv SET v = randomblob(3000)")
print("dirty", flush=True)
time.sleep(60)
`;

function put(world: World, name: string, content: Buffer): string {
  const path = join(world.dir, name);
  writeFileSync(path, content);
  return path;
}

function bytes(world: World): Buffer {
  return readFileSync(world.backupPath);
}

function half(content: Buffer): Buffer {
  return content.subarray(0, content.length >> 1);
}

/** One bit in the middle is another. */
function flipped(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  const at = copy.length >> 1;
  copy[at] = (copy[at] ?? 0) ^ 0x10;
  return copy;
}

/** Overwrites the middle of several pages. */
function scrambled(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  for (let page = 4; page < 40; page++) copy.fill(0xa5, page * 4096 + 8, page * 4096 + 300);
  return copy;
}
