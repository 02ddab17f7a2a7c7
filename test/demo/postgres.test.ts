import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stopLasting } from '../../src/databases/postgres/lasting.ts';
import { sqliteDemo } from '../../src/databases/sqlite/demo/store.ts';
import { buildDemo } from '../../src/demo/build.ts';
import { removeServer } from '../../src/demo/server.ts';
import { type Ran, tenantDr } from '../cli/run.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'tenant-dr-demo-')));
const dir = join(root, 'demo');
let made: Ran;

beforeAll(async () => {
  const words = ['demo', dir, '--postgres', '--scenario', 'bad-latest', '--seed', '7', '--json'];
  made = await tenantDr(words, { cwd: root });
  expect(made.exit, made.stderr).toBe(0);
});

afterAll(async () => {
  await removeServer(dir);
  rmSync(root, { recursive: true, force: true });
});

function psql(sql: string): string {
  return execFileSync('psql', ['-XAtc', sql, made.document.database], { encoding: 'utf8' }).trim();
}

const run = (...words: string[]) => tenantDr([...words, '--json', '--as', 'tester'], { cwd: dir });

describe('the demo on PostgreSQL', () => {
  it('tells the story that the demo on SQLite tells for the same seed', async () => {
    const database = join(root, 'admin.db');
    const now = new Date(new Date(made.document.detectedAt).getTime() + 6 * 60_000);
    const cut = join(root, 'cut.db');
    writeFileSync(cut, 'stands for a backup');
    const backup = async () => cut;
    await buildDemo({ scenario: 'bad-latest', seed: 7, now, database: sqliteDemo(database), backup });
    const story = `SELECT t.id, slug, (SELECT count(*) FROM agents a WHERE a.tenant_id = t.id),
      (SELECT count(*) FROM leads l WHERE l.tenant_id = t.id), (SELECT sum(amount) FROM usage_daily u WHERE u.tenant_id = t.id),
      (SELECT sum(length(body)) FROM knowledge_articles k WHERE k.tenant_id = t.id) FROM tenants t ORDER BY 1`;
    expect(psql(story)).toBe(execFileSync('sqlite3', [database, story], { encoding: 'utf8' }).trim());
  });

  it('has backups of two weeks with the times of the story, the newest of them bad', async () => {
    const { backups } = (await run('backups')).document;
    expect(backups).toHaveLength(made.document.backups);
    const ages = backups.map(({ takenAt }: { takenAt: string }) => Date.parse(takenAt) / 86_400_000);
    expect(ages[0] - ages.at(-1)).toBeCloseTo(14, 2);
    const latest = await run('plan', made.document.tenant.slug, '--from', 'latest');
    expect([latest.exit, latest.document.error.code]).toEqual([4, 'backup-corrupt']);
  });

  it('is recovered by the shipped runbook, on a role that is no superuser', async () => {
    const { slug, id } = made.document.tenant;
    const agents = () => Number(psql(`SELECT count(*) FROM agents WHERE tenant_id = ${id}`));
    const others = () =>
      psql(`SELECT md5(string_agg(l::text, ',' ORDER BY id)) FROM leads l WHERE tenant_id <> ${id}`);
    const before = { agents: agents(), others: others() };
    expect(psql('SELECT rolsuper FROM pg_roles WHERE rolname = current_user')).toBe('f');
    const story = ['--detected-at', made.document.detectedAt, '--damaged-at', made.document.damagedAt];
    const from = `before:${made.document.damagedAt}`;
    const ran = await run(
      'run',
      'single-tenant-corruption',
      '--tenant',
      slug,
      ...story,
      '--auto',
      '--confirm',
      slug,
      '--from',
      from,
    );
    expect(ran.exit, ran.stderr).toBe(0);
    expect(agents()).toBeGreaterThan(before.agents);
    expect(others()).toBe(before.others);
    expect(psql(`SELECT status FROM tenants WHERE id = ${id}`)).toBe('active');
    const undone = await run('undo', ran.document.incident, '--confirm', slug);
    expect(undone.exit, undone.stderr).toBe(0);
    expect({ agents: agents(), others: others() }).toEqual(before);
  });

  it('stops its server when told, starts it again with everything in it, and makes room for another demo', async () => {
    const rows = psql('SELECT count(*) FROM audit_messages');
    expect((await tenantDr(['demo', dir, '--stop'], { cwd: root })).exit).toBe(0);
    const down = await run('tenants');
    expect([down.exit, down.document.error.code]).toEqual([4, 'database-unreachable']);
    expect((await tenantDr(['demo', dir, '--start'], { cwd: root })).exit).toBe(0);
    expect(psql('SELECT count(*) FROM audit_messages')).toBe(rows);
    const { folder } = JSON.parse(readFileSync(join(dir, 'data', 'server.json'), 'utf8'));
    const again = await tenantDr(['demo', dir, '--reset', '--seed', '1'], { cwd: root });
    expect(again.exit, again.stderr).toBe(0);
    expect(existsSync(folder)).toBe(false);
    const gone = await tenantDr(['demo', dir, '--stop', '--json'], { cwd: root });
    expect([gone.exit, gone.document.error.code]).toEqual([2, 'usage']);
  });
});

describe('the demo on PostgreSQL, where programs are missing', () => {
  it('does not call a server stopped that it cannot ask', async () => {
    const folder = join(root, 'upgraded');
    mkdirSync(join(folder, 'data'), { recursive: true });
    writeFileSync(join(folder, 'data', 'postmaster.pid'), '1\n');
    const server = { folder, binaries: '/no/such/version/bin', port: 1 };
    await expect(stopLasting(server)).rejects.toMatchObject({ code: 'tool-missing' });
  });

  it('says which one to install, and leaves no server behind', async () => {
    const bin = join(root, 'bin');
    mkdirSync(bin);
    const place = join(root, 'without');
    const ran = await tenantDr(['demo', place, '--postgres', '--json'], { cwd: root, env: { PATH: bin } });
    expect([ran.exit, ran.document.error.code]).toEqual([4, 'tool-missing']);
    expect(ran.document.error.message).toContain('pg_dump');
    expect(ran.document.error.hint).toContain('postgresql-client');
    expect(readdirSync(place)).toEqual([]);
  });
});
