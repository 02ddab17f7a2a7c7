import {
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { tenantDr, tenantDrProcess } from '../cli/run.ts';
import { contents, type TestDatabase, testCluster, testDatabase } from '../postgres/cluster.ts';
import { connectTo } from '../postgres/connection.ts';
import { damage, damagedOn, placeOn } from '../postgres/place.ts';
import { shop, shopTables } from '../postgres/shop.ts';
import type { Throwaway } from '../postgres/throwaway.ts';
import { severedAtCommit } from './severed.ts';

let server: Throwaway;
let template: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  template = await testDatabase(server, shop);
});

const place = () => placeOn(server, template);
const damaged = () => damagedOn(server, template);

describe('backups of PostgreSQL', () => {
  it('are taken, listed, verified, and found bad when cut', async () => {
    const { cwd, live, run } = await place();
    const taken = await run('backup', '--verify');
    expect(taken.exit, taken.stderr).toBe(0);
    expect(taken.document.path).toMatch(new RegExp(`/${live.name}_postgres_\\d{8}_\\d{6}\\.dump$`));
    expect(taken.document.checks.map(({ name, ok }: { name: string; ok: boolean }) => [name, ok])).toEqual([
      ['readable', true],
      ['checksum', true],
      ['tenants', true],
      ['contents', true],
    ]);
    expect(statSync(taken.document.path).mode & 0o777).toBe(0o600);
    const manifest = JSON.parse(readFileSync(taken.document.manifest, 'utf8'));
    const digests = (await run('digest')).document.tenants;
    expect(manifest.tenants.map(({ digest }: { digest: string }) => digest)).toEqual(
      digests.map(({ digest }: { digest: string }) => digest),
    );
    const plain = await run('backup', '--plain', '--gzip', '--no-digests', '--verify');
    expect(plain.document).toMatchObject({ ok: true, content: 'dump-plain', compression: 'gzip' });
    expect((await run('backups')).document.backups).toMatchObject([
      { path: plain.document.path, verified: true, tenants: 2 },
      { path: taken.document.path, verified: true, tenants: 2 },
    ]);
    truncateSync(taken.document.path, statSync(taken.document.path).size - 100);
    expect(await run('backup', 'verify', taken.document.path)).toMatchObject({ exit: 4 });
    expect(readdirSync(join(cwd, 'backups')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('are found bad when their manifest says something else of a tenant, whatever its columns are made of', async () => {
    const { live, run } = await place();
    await live.sql(
      `ALTER TABLE tenants ALTER slug TYPE char(10), ALTER status DROP DEFAULT, ALTER status TYPE boolean USING true`,
    );
    const taken = await run('backup', '--verify');
    expect(taken.exit, taken.stderr).toBe(0);
    const path = taken.document.manifest;
    const text = readFileSync(path, 'utf8');
    const contentsAfter = async (edit: string, edited: string, ...flags: string[]) => {
      expect(text).toContain(edit);
      writeFileSync(path, text.replace(edit, edited));
      const { exit, document } = await run('backup', 'verify', taken.document.path, ...flags);
      return [exit, document.checks.at(-1).detail];
    };
    const same = 'every table has the rows the manifest counted; its tenants are those of the manifest';
    expect(await contentsAfter('"slug"', '"slug"')).toEqual([0, expect.stringContaining(same)]);
    for (const [edit, edited, what] of [
      ['"slug":"two"', '"slug":"zwei"', 'tenant zwei differs in its slug'],
      ['"name":"two"', '"name":"Two"', 'tenant two differs in its name'],
      ['"status":"true"', '"status":"false"', 'tenant one differs in its status'],
      ['"id":{"type":"integer","text":"2"}', '"id":{"type":"integer","text":"3"}', 'tenant two is missing'],
    ] as const)
      expect(await contentsAfter(edit, edited)).toEqual([4, expect.stringContaining(what)]);
    // Nor is it bad because the live columns are of another type since, to which the same text is something else.
    await live.sql('ALTER TABLE tenants ALTER slug TYPE varchar(10)');
    const migrated = await contentsAfter('"slug"', '"slug"');
    expect(migrated).toEqual([0, expect.stringContaining('defined otherwise by now')]);
    // Nobody there to ask is no reason to call it bad.
    const nowhere = ['--database', 'postgres://postgres@127.0.0.1:1/shop'];
    const unseen = await contentsAfter('"slug":"two"', '"slug":"zwei"', ...nowhere);
    expect(unseen).toEqual([0, expect.stringContaining('its tenants could not be compared')]);
  });

  it('leave nothing behind when pg_dump is missing or the role is unknown', async () => {
    const { cwd, live } = await place();
    const noTools = await tenantDr(['backup', '--json'], { cwd, env: { PATH: cwd } });
    expect([noTools.exit, noTools.document.error.code]).toEqual([4, 'tool-missing']);
    expect(noTools.document.error.hint).toContain('postgresql-client');
    const nobody = live.url.replace('//postgres@', '//nobody_here@');
    const denied = await tenantDr(['backup', '--json', '--database', nobody], { cwd });
    expect([denied.exit, denied.document.error.code]).toEqual([4, 'database-denied']);
    expect(readdirSync(join(cwd, 'backups'))).toEqual([]);
  });
});

describe('dumps that others made', () => {
  it.each([
    ['custom', ['--format=custom', '--file=theirs.dump'], 'theirs.dump'],
    ['directory', ['--format=directory', '--file=theirs'], 'theirs'],
    ['plain', ['--file=theirs.sql'], 'theirs.sql'],
  ])('are digested and counted per tenant as the live database was: %s', async (_, words, name) => {
    const { cwd, live, run } = await place();
    await execa('pg_dump', [...words, live.url], { cwd });
    const before = (await run('digest')).document.tenants;
    const rows = await live.rows(
      'SELECT count(*) FROM items LEFT JOIN sales ON items.id = item_id WHERE tenant_id = 2',
    );
    await live.sql(damage);
    const found = await run('digest', '--in', join(cwd, name));
    expect(found.exit, found.stderr).toBe(0);
    expect(found.document.tenants).toEqual(before);
    const one = await run('digest', 'two', '--in', join(cwd, name));
    expect(one.document.tenants).toEqual(before.slice(1));
    const listed = (await run('tenants', '--in', join(cwd, name))).document.tenants;
    const two = before[1].tables as Record<string, { rows: number }>;
    const sum = Object.values(two).reduce((total, table) => total + table.rows, 0);
    expect(listed.map((tenant: { slug: string; rows: number }) => [tenant.slug, tenant.rows])[1]).toEqual([
      'two',
      sum,
    ]);
    expect(Number(rows[0]?.[0])).toBe(two.sales?.rows);
    const unknown = await run('digest', 'three', '--in', join(cwd, name));
    expect([unknown.exit, unknown.document.error.code]).toEqual([2, 'tenant-unknown']);
  });

  it('are verified with the rows of every tenant, or with the reason why those were not looked at', async () => {
    const { cwd, live, run } = await place();
    await execa('pg_dump', ['--format=custom', '--file=backups/theirs.dump', live.url], { cwd });
    const verified = await run('backup', 'verify', join(cwd, 'backups/theirs.dump'));
    expect(verified.document.checks.at(-1)).toMatchObject({
      name: 'contents',
      ok: true,
      detail: 'the rows of every tenant were counted',
    });
    const manifest = JSON.parse(readFileSync(join(cwd, 'backups/theirs.dump.manifest.json'), 'utf8'));
    expect(manifest.source).toBeNull();
    expect(manifest.tenants.map(({ rows }: { rows: object }) => rows)).toEqual([
      { tenants: 1, items: 10, sales: 50, links: 4 },
      { tenants: 1, items: 10, sales: 50, links: 4 },
    ]);
    const history = await run('backups', '--tenant', 'two');
    expect(history.exit, history.stderr).toBe(0);
    const alone = [
      'backup',
      'verify',
      join(cwd, 'backups/theirs.dump'),
      '--json',
      '--database',
      'postgres://postgres@127.0.0.1:1/shop',
    ];
    const down = await tenantDr(alone, { cwd });
    expect(down.exit).toBe(0);
    expect(down.document.checks.at(-1).detail).toContain('could not be looked at');
  });
});

describe('a tenant on PostgreSQL', () => {
  it('is planned, compared, restored, and brought back to what it was by undo', async () => {
    const { live, run, before } = await damaged();
    const wrong = await contents(live, shopTables);
    expect((await run('diff', 'two', '--against', 'latest')).exit).toBe(1);
    const restored = await run('restore', 'two', '--from', 'latest', '--confirm', 'two');
    expect(restored.exit, restored.stderr).toBe(0);
    expect(restored.document).toMatchObject({ ok: true, isolation: { otherRowsWritten: 0 } });
    expect(restored.document.digest.after).toBe(restored.document.digest.planned);
    expect(await contents(live, shopTables)).toEqual(before);
    const undone = await run('undo', restored.document.incident, '--confirm', 'two');
    expect(undone.exit, undone.stderr).toBe(0);
    expect(await contents(live, shopTables)).toEqual(wrong);
    // It is text, and is called so; earlier versions called it a database.
    const copy: string = undone.document.safetyCopy.path;
    expect(basename(copy)).toBe('two.sql');
    for (const ending of ['', '.manifest.json'])
      renameSync(copy + ending, copy.replace('.sql', '.db') + ending);
    const back = await run(
      'restore',
      'two',
      '--from',
      `safety:${undone.document.incident}`,
      '--confirm',
      'two',
    );
    expect(back.exit, back.stderr).toBe(0);
    expect(await contents(live, shopTables)).toEqual(before);
  });

  it('comes back together with others in one call, and from a live copy', async () => {
    const { live, run, before } = await damaged();
    await live.sql('DELETE FROM links WHERE tenant_id = 1');
    const phrase = `2 tenants in ${live.name}`;
    const many = await run('restore', 'one', 'two', '--from', 'latest', '--confirm', phrase);
    expect(many.exit, many.stderr).toBe(0);
    expect(await contents(live, shopTables)).toEqual(before);
    await live.sql(damage);
    const fromLive = await run('restore', 'two', '--from', template.url, '--confirm', 'two');
    expect(fromLive.exit, fromLive.stderr).toBe(0);
    expect(await contents(live, shopTables)).toEqual(before);
  });

  it('is suspended and reactivated by its status', async () => {
    const { live, run } = await place();
    const status = () => live.rows('SELECT status FROM tenants ORDER BY id');
    expect((await run('suspend', 'two', '--confirm', 'TWO')).exit).toBe(3);
    expect((await run('suspend', 'two', '--confirm', 'two')).exit).toBe(0);
    expect(await status()).toEqual([['active'], ['suspended']]);
    expect((await run('reactivate', 'two', '--confirm', 'two')).exit).toBe(0);
    expect(await status()).toEqual([['active'], ['active']]);
  });
});

describe('a tenant that is gone on PostgreSQL, or called otherwise now', () => {
  const gone = `DELETE FROM links WHERE tenant_id = 2; DELETE FROM sales USING items WHERE items.id = item_id AND tenant_id = 2;
    DELETE FROM items WHERE tenant_id = 2; DELETE FROM tenants WHERE id = 2`;
  const suspended = "UPDATE tenants SET status = 'active' WHERE status = 'suspended'";

  it.each([
    ['by its slug', ['two']],
    ['by its id', ['id:2']],
    ['as a missing one', ['--missing']],
    ['out of a dump without a manifest', ['two']],
  ])('comes back with all its rows: %s', async (how, words) => {
    const { cwd, live, run } = await place();
    const before = await contents(live, shopTables);
    expect(await run('backup', '--plain')).toMatchObject({ exit: 0 });
    const [backup = ''] = readdirSync(join(cwd, 'backups')).filter((name) => name.endsWith('.sql.zst'));
    if (how.includes('without')) rmSync(join(cwd, 'backups', `${backup}.manifest.json`));
    await live.sql(gone);
    const ran = await run('restore', ...words, '--from', join(cwd, 'backups', backup), '--confirm', 'two');
    expect(ran.exit, ran.stderr).toBe(0);
    await live.sql(suspended);
    expect(await contents(live, shopTables)).toEqual(before);
  });

  it('is planned with its rows under the slug it had in the backup', async () => {
    const { cwd, live, run } = await damaged();
    for (const name of readdirSync(join(cwd, 'backups')))
      if (name.endsWith('.json')) rmSync(join(cwd, 'backups', name));
    await live.sql(`UPDATE tenants SET slug = 'renamed' WHERE id = 2`);
    for (const name of ['two', 'renamed', 'id:2']) {
      const plan = await run('plan', name, '--from', 'latest');
      const sales = plan.document.tables.find((table: { name: string }) => table.name === 'sales');
      expect(sales).toMatchObject({ backup: 50, insert: 50, delete: 0 });
    }
    const one = await run(
      'restore',
      'one',
      '--tier',
      'free',
      '--from',
      'latest',
      '--confirm',
      `2 tenants in ${live.name}`,
    );
    expect(one.exit, one.stderr).toBe(0);
    expect(await live.rows('SELECT count(*) FROM sales')).toEqual([['100']]);
  });
});

describe('a connection lost at COMMIT', () => {
  it.each(['before', 'after'] as const)(
    'ends with exit 7, and resume finds out what happened: cut %s the server heard it',
    async (when) => {
      const { live, cwd, run, before } = await damaged();
      const wrong = await contents(live, shopTables);
      const way = await severedAtCommit(server.port, when);
      const url = live.url.replace(`:${server.port}/`, `:${way.port}/`);
      const config = readFileSync(join(cwd, 'tenant-dr.config.yaml'), 'utf8');
      writeFileSync(join(cwd, 'tenant-dr.config.yaml'), config.replace(live.url, url));
      const lost = await run('restore', 'two', '--from', 'latest', '--confirm', 'two');
      expect([lost.exit, lost.document.error.code], lost.stderr).toEqual([7, 'outcome-unknown']);
      expect(await contents(live, shopTables)).toEqual(when === 'before' ? wrong : before);

      const second = await run('restore', 'two', '--from', 'latest', '--confirm', 'two');
      expect([second.exit, second.document.error.code]).toEqual([3, 'incident-unprobed']);
      const resumed = await run('resume');
      expect([0, 3], resumed.stderr).toContain(resumed.exit);
      way.close();
      writeFileSync(join(cwd, 'tenant-dr.config.yaml'), config);
      const again = await run('restore', 'two', '--from', 'latest', '--confirm', 'two');
      expect(again.exit, again.stderr).toBe(0);
      expect(await contents(live, shopTables)).toEqual(before);
    },
  );
});

describe('several tenants between which rows moved', () => {
  it('are restored in one call, whoever comes first', async () => {
    const { live, run } = await place();
    const before = await contents(live, shopTables);
    expect((await run('backup')).exit).toBe(0);
    await live.sql(
      `UPDATE items SET tenant_id = 2 WHERE id = 2; DELETE FROM sales WHERE item_id = 2; UPDATE items SET sku = NULL WHERE id = 4;
       UPDATE items SET sku = 'sku-4' WHERE id = 3`,
    );
    const phrase = `2 tenants in ${live.name}`;
    const ended = await run('restore', 'one', 'two', '--from', 'latest', '--confirm', phrase);
    expect(ended.exit, ended.stderr).toBe(0);
    expect(await contents(live, shopTables)).toEqual(before);
  });
});

describe('several tenants whose connection breaks', () => {
  it('all come back: the one under way is begun again, also twice, and the rest go on over a new one', async () => {
    const { live, run, before } = await damaged();
    await live.sql('DELETE FROM links WHERE tenant_id = 1');
    const holder = await connectTo(live.url);
    await holder.query('BEGIN; UPDATE items SET sku = sku WHERE id = 2');
    const phrase = `2 tenants in ${live.name}`;
    const ending = run('restore', 'one', 'two', '--from', 'latest', '--confirm', phrase);
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    for (let cuts = 0; cuts < 2; cuts++) while ((await live.rows(cut)).length === 0) await sleep(50);
    await holder.end();
    const many = await ending;
    expect(many.exit, many.stderr).toBe(0);
    expect(many.stderr).toContain('connecting again');
    expect(await contents(live, shopTables)).toEqual(before);
  });
});

describe('rows that another session holds', () => {
  it('keep a resumed incident open, which goes on once they are free', async () => {
    const { cwd, live, run, before } = await damaged();
    const holder = await connectTo(live.url);
    await holder.query('BEGIN; UPDATE items SET sku = sku WHERE id = 3');
    const killed = await tenantDrProcess(['restore', 'two', '--from', 'latest', '--confirm', 'two'], {
      cwd,
      onStart: (child) =>
        child.stderr?.on('data', (said: Buffer) => {
          if (said.includes('waiting')) child.kill('SIGKILL');
        }),
    });
    expect(killed.exit).toBe(null);
    // A cancelled statement ends as one whose patience is over.
    const cancelling = setInterval(() => {
      void live.sql(
        `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
    }, 200);
    const busy = await run('resume', '--confirm', 'two');
    clearInterval(cancelling);
    await holder.query('ROLLBACK');
    await holder.end();
    expect([busy.exit, busy.document.error.code], busy.stderr).toEqual([4, 'database-busy']);
    expect(await run('resume', '--confirm', 'two')).toMatchObject({ exit: 0 });
    expect(await contents(live, shopTables)).toEqual(before);
  });
});

describe('a server that cannot be used', () => {
  it('is named with what to do, and nothing is touched', async () => {
    const { cwd, live } = await place();
    const at = (url: string) =>
      tenantDr(['restore', 'two', '--from', template.url, '--confirm', 'two', '--json', '--database', url], {
        cwd,
      });
    const down = await at('postgres://postgres@127.0.0.1:1/shop');
    expect([down.exit, down.document.error.code]).toEqual([4, 'database-unreachable']);
    const absent = await at(live.url.replace(live.name, 'nowhere'));
    expect([absent.exit, absent.document.error.code]).toEqual([2, 'database-missing']);
  });

  it('a password in --from is used and written nowhere', async () => {
    const { cwd, live, run } = await damaged();
    await live.asSuperuser(`CREATE ROLE clara LOGIN SUPERUSER PASSWORD 'hunter2'`);
    const from = template.url.replace('//postgres@', '//clara:hunter2@');
    const ran = await run('restore', 'two', '--from', from, '--confirm', 'two');
    expect(ran.exit, ran.stderr).toBe(0);
    expect(ran.stdout + ran.stderr).not.toContain('hunter2');
    const found = await execa('grep', ['-rl', 'hunter2', cwd], { reject: false });
    expect(found.stdout).toBe('');
  });
});
