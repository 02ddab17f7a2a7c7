import { execFileSync } from 'node:child_process';
import {
  chmodSync,
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
import { buildDemo, type Demo } from '../../src/demo/build.ts';
import { removeServer } from '../../src/demo/server.ts';
import { tenantDr } from '../cli/run.ts';
import { Pty } from '../tui/pty.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'tenant-dr-demo-')));
const dir = join(root, 'demo');
const scenario = 'bad-latest';
let terminal: Pty;
let url: string;
/** The same demo on SQLite, as old to the second: what has to be in the one on PostgreSQL. */
const database = join(root, 'admin.db');
let demo: Demo;

beforeAll(async () => {
  // As root the server runs under an account of its own, which has to get there.
  chmodSync(root, 0o711);
  const words = [
    'demo',
    'demo',
    '--play',
    '--postgres',
    '--scenario',
    scenario,
    '--seed',
    '7',
    '--as',
    'alice',
  ];
  terminal = new Pty(words, { cwd: root, columns: 120, env: { TMPDIR: root } });
  await terminal.shows('Tenants · 40');
  const { port } = JSON.parse(readFileSync(join(dir, 'data', 'server.json'), 'utf8'));
  url = `postgres://chatbot@127.0.0.1:${port}/chatbot`;
  const [, told = ''] = /^Date: +(.*)$/m.exec(readFileSync(join(dir, 'complaint.txt'), 'utf8')) ?? [];
  const cut = join(root, 'cut.db');
  writeFileSync(cut, 'stands for a backup');
  demo = await buildDemo({
    scenario,
    seed: 7,
    now: new Date(Date.parse(told) + 6 * 60_000),
    store: await sqliteDemo(database),
    backup: async () => cut,
  });
});

afterAll(async () => {
  terminal.kill('SIGKILL');
  await terminal.ends();
  await removeServer(dir);
  rmSync(root, { recursive: true, force: true });
});

function psql(sql: string): string {
  return execFileSync('psql', ['-XAtc', sql, url], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

const run = (...words: string[]) => tenantDr([...words, '--json', '--as', 'tester'], { cwd: dir });

describe('the demo on PostgreSQL', () => {
  it('opens the screens on the folder that was named, and its server ends with them', async () => {
    await terminal.shows('demo · chatbot @ 127.0.0.1');
    expect(psql('SELECT count(*) FROM tenants')).toBe('40');
    terminal.type('q');
    expect(await terminal.ends()).toMatchObject({ exit: 0 });
    expect(terminal.text()).toContain('starts it again');
    expect(() => psql('SELECT 1')).toThrow();
    expect((await tenantDr(['demo', dir, '--start'], { cwd: root })).exit).toBe(0);
  });

  it('tells the story that the demo on SQLite tells for the same seed', async () => {
    const story = `SELECT t.id, slug, (SELECT count(*) FROM agents a WHERE a.tenant_id = t.id),
      (SELECT count(*) FROM leads l WHERE l.tenant_id = t.id), (SELECT sum(amount) FROM usage_daily u WHERE u.tenant_id = t.id),
      (SELECT sum(length(body)) FROM knowledge_articles k WHERE k.tenant_id = t.id) FROM tenants t ORDER BY 1`;
    expect(psql(story)).toBe(execFileSync('sqlite3', [database, story], { encoding: 'utf8' }).trim());
  });

  it('has backups of two weeks with the times of the story, the newest of them bad', async () => {
    const { backups } = (await run('backups')).document;
    expect(backups).toHaveLength(demo.backups);
    const ages = backups.map(({ takenAt }: { takenAt: string }) => Date.parse(takenAt) / 86_400_000);
    expect(ages[0] - ages.at(-1)).toBeCloseTo(14, 2);
    const latest = await run('plan', demo.misfortune.victim.character.slug, '--from', 'latest');
    expect([latest.exit, latest.document.error.code]).toEqual([4, 'backup-corrupt']);
  });

  it('is recovered by the shipped runbook, on a role that is no superuser', async () => {
    const { victim, ...times } = demo.misfortune;
    const { id } = victim;
    const { slug } = victim.character;
    const [detectedAt, damagedAt] = [times.detectedAt.toISOString(), times.damagedAt.toISOString()];
    const agents = () => Number(psql(`SELECT count(*) FROM agents WHERE tenant_id = ${id}`));
    const others = () =>
      psql(`SELECT md5(string_agg(l::text, ',' ORDER BY id)) FROM leads l WHERE tenant_id <> ${id}`);
    const before = { agents: agents(), others: others() };
    expect(psql('SELECT rolsuper FROM pg_roles WHERE rolname = current_user')).toBe('f');
    const story = ['--detected-at', detectedAt, '--damaged-at', damagedAt];
    const from = `before:${damagedAt}`;
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

  it('stops its server when told, starts it again with everything in it', async () => {
    const rows = psql('SELECT count(*) FROM audit_messages');
    expect((await tenantDr(['demo', dir, '--stop'], { cwd: root })).exit).toBe(0);
    const down = await run('tenants');
    expect([down.exit, down.document.error.code]).toEqual([4, 'database-unreachable']);
    expect((await tenantDr(['demo', dir, '--start'], { cwd: root })).exit).toBe(0);
    expect(psql('SELECT count(*) FROM audit_messages')).toBe(rows);
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

  it('says which one to install, makes room for another demo, and leaves no server behind', async () => {
    const bin = join(root, 'bin');
    mkdirSync(bin);
    const { folder } = JSON.parse(readFileSync(join(dir, 'data', 'server.json'), 'utf8'));
    const words = ['demo', dir, '--reset', '--postgres', '--json'];
    const ran = await tenantDr(words, { cwd: root, env: { PATH: bin } });
    expect([ran.exit, ran.document.error.code]).toEqual([4, 'tool-missing']);
    expect(ran.document.error.message).toContain('pg_dump');
    expect(ran.document.error.hint).toContain('postgresql-client');
    expect(readdirSync(dir)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
    const gone = await tenantDr(['demo', dir, '--stop', '--json'], { cwd: root });
    expect([gone.exit, gone.document.error.code]).toEqual([2, 'usage']);
  });
});
