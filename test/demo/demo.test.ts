import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { listBackups } from '../../src/backups/catalogue.ts';
import { loadConfig } from '../../src/config/load.ts';
import { sqliteDemo } from '../../src/databases/sqlite/demo/store.ts';
import { buildDemo } from '../../src/demo/build.ts';
import { characters } from '../../src/demo/cast.ts';
import { createDemo } from '../../src/demo/create.ts';
import { type Scenario, scenarios } from '../../src/demo/scenario.ts';
import { backupTimes } from '../../src/demo/schedule.ts';
import { tiers } from '../../src/policy/tiers.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tenant-dr-demo-'));
  folders.push(path);
  return path;
}

const now = new Date('2026-11-23T06:05:00Z');

/** The demo's database alone; its backups are plain copies. */
async function build(scenario: Scenario, seed: number) {
  const database = join(folder(), 'admin.db');
  const copies: { at: Date; path: string }[] = [];
  const demo = await buildDemo({
    store: await sqliteDemo(database),
    scenario,
    seed,
    now,
    backup: async (at) => {
      const path = `${database}.${copies.length}`;
      copyFileSync(database, path);
      copies.push({ at, path });
      return path;
    },
  });
  return { demo, database, copies };
}

function ask(path: string, sql: string): string {
  return execFileSync('sqlite3', [path, sql], { encoding: 'utf8' }).trim();
}

/** Everything but the moments, which the database's own triggers stamp. */
const content = `SELECT group_concat(slug || ':' || (SELECT count(*) FROM leads WHERE tenant_id = t.id) || ':' ||
  (SELECT coalesce(sum(tokens), 0) FROM audit_conversations c JOIN audit_messages m ON m.conversation_id = c.id
   WHERE c.tenant_id = t.id)) FROM tenants t`;

describe('the demo', () => {
  it('has some forty tenants in all four tiers, few large and most small', () => {
    const everyone = characters();
    expect(everyone.length).toBeGreaterThanOrEqual(38);
    expect(new Set(everyone.map(({ slug }) => slug)).size).toBe(everyone.length);
    expect(new Set(everyone.map(({ tier }) => tier))).toEqual(new Set(tiers));
    const weights = everyone.map(({ weight }) => weight).sort((a, b) => b - a);
    expect(weights.slice(0, 4).reduce((sum, weight) => sum + weight, 0)).toBeGreaterThan(0.4);
  });

  it('has two weeks of backups, the newer the closer together', () => {
    const times = backupTimes(now).map((at) => at.getTime());
    const gaps = times.slice(1).map((at, index) => (at - (times[index] as number)) / 3_600_000);
    expect(Math.round((times.at(-1) as number) / 1000 - (times[0] as number) / 1000)).toBe(14 * 86_400);
    expect(gaps).toEqual([...gaps].sort((a, b) => b - a));
    expect(gaps.slice(-24)).toEqual(Array.from({ length: 24 }, () => 1));
  });

  it('tells the same story for the same seed, and another for another', async () => {
    const [one, same, other] = [
      await build('deleted', 5),
      await build('deleted', 5),
      await build('deleted', 6),
    ];
    expect(ask(same.database, content)).toBe(ask(one.database, content));
    expect(same.demo.complaint).toBe(one.demo.complaint);
    expect(other.demo.complaint).not.toBe(one.demo.complaint);
  });

  it.each(scenarios)(
    'is sound apart from the damage, which hits one tenant after the last good backup: %s',
    async (scenario) => {
      const { demo, database, copies } = await build(scenario, 3);
      expect(ask(database, 'PRAGMA integrity_check; SELECT count(*) FROM pragma_foreign_key_check')).toBe(
        'ok\n0',
      );
      const { victim, damagedAt, detectedAt } = demo.misfortune;
      const good = copies.filter(({ at }) => at < damagedAt).at(-1)?.path as string;
      const rows = (path: string, id: number) =>
        ask(
          path,
          `SELECT count(*) FROM leads WHERE tenant_id = ${id} AND status NOT IN ('imported', 'merged')`,
        );
      const agents = (path: string) =>
        ask(path, `SELECT count(*) FROM agents WHERE tenant_id = ${victim.id}`);
      expect([rows(database, victim.id), agents(database)]).not.toEqual([
        rows(good, victim.id),
        agents(good),
      ]);
      expect(detectedAt > damagedAt).toBe(true);
      expect(demo.complaint).toContain(victim.character.name);
      const later = copies.filter(({ at }) => at > damagedAt).length;
      expect(later).toBe(scenario === 'bad-latest' ? 3 : 0);
      if (scenario === 'bad-latest')
        expect(statSync(copies.at(-1)?.path as string).size).toBeLessThan(50_000);
    },
  );
});

describe('demo in a folder', () => {
  const request = {
    // The one whose newest backup cannot be read.
    scenario: 'bad-latest',
    seed: 7,
    now,
    reset: false,
    postgres: false,
    signal: new AbortController().signal,
  } as const;

  it('leaves a folder alone that holds something else', async () => {
    const dir = folder();
    writeFileSync(join(dir, 'precious.txt'), 'mine');
    await expect(createDemo({ ...request, dir, reset: true })).rejects.toMatchObject({ code: 'usage' });
    expect(existsSync(join(dir, 'data'))).toBe(false);
  });

  it('makes real backups with manifests, keeps to itself, and starts over only when asked', async () => {
    const dir = join(folder(), 'demo');
    const made = await createDemo({ ...request, dir });
    const config = await loadConfig({ flags: { config: made.config }, env: {}, cwd: dir });
    const [newest, ...older] = await listBackups(config);
    expect(older).toHaveLength(made.backups - 1);
    expect(older.every(({ manifest, problem }) => manifest !== null && problem === null)).toBe(true);
    expect(newest?.problem).toBeTruthy();
    await expect(createDemo({ ...request, dir })).rejects.toMatchObject({ code: 'usage' });

    writeFileSync(join(dir, 'my notes.txt'), 'kept');
    const stopped = { ...request, dir, reset: true, signal: AbortSignal.abort() };
    await expect(createDemo(stopped)).rejects.toMatchObject({ code: 'interrupted' });
    expect(readdirSync(dir).sort()).toEqual(['.tenant-dr-demo', 'my notes.txt']);
  });
});
