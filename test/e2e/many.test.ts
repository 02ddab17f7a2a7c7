import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Pty } from '../tui/pty.ts';
import { chatbot } from '../worlds/chatbot.ts';
import { nasty } from '../worlds/nasty.ts';
import type { World } from '../worlds/world.ts';
import {
  cleanUp,
  folder,
  problems,
  restore,
  snapshot,
  startTenantDr,
  tenantDr,
  unchanged,
} from './program.ts';
import { shell, shellWorld } from './shell.ts';

afterAll(cleanUp);

function ask(path: string, sql: string): string {
  return execFileSync('sqlite3', [path, sql], { encoding: 'utf8' }).trim();
}

/** Rows that differ between two databases, as `table: count`. Tenants come back suspended and waiting jobs cancelled. */
function differences(a: string, b: string): string[] {
  const tables = ask(
    a,
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql LIKE 'CREATE TABLE%' AND name NOT LIKE 'knowledge_search%'",
  );
  return tables.split('\n').flatMap((table) => {
    const what = { tenants: 'id, slug, name, settings', jobs: 'id, tenant_id, payload' }[table] ?? '*';
    const side = (one: string, other: string) =>
      `SELECT ${what} FROM ${one}.${table} EXCEPT SELECT ${what} FROM ${other}.${table}`;
    const sql = `ATTACH '${b}' AS b; SELECT (SELECT count(*) FROM (${side('main', 'b')})) + (SELECT count(*) FROM (${side('b', 'main')}))`;
    const count = ask(a, sql);
    return count === '0' ? [] : [`${table}: ${count}`];
  });
}

/** A platform of which every third tenant is deleted, children and all, and the state before. */
async function withoutManyTenants(): Promise<{ world: World; original: string; gone: number }> {
  const world = await chatbot(folder(), 'overwritten');
  copyFileSync(world.backupPath, world.dbPath);
  ask(world.dbPath, 'PRAGMA journal_mode = WAL');
  const original = snapshot(world, 'original.db');
  ask(
    world.dbPath,
    'PRAGMA foreign_keys = ON; DELETE FROM prompts WHERE tenant_id % 3 = 0; DELETE FROM audit_events WHERE tenant_id % 3 = 0; DELETE FROM partner_links; DELETE FROM tenants WHERE id % 3 = 0',
  );
  ask(original, 'DELETE FROM partner_links');
  const gone = Number(ask(original, 'SELECT count(*) FROM tenants WHERE id % 3 = 0'));
  return { world, original, gone };
}

describe('many tenants', () => {
  it('that are gone come back in one call, and nobody else is touched', async () => {
    const { world, original, gone } = await withoutManyTenants();
    const phrase = `${gone} tenants in admin`;
    const ended = await tenantDr(
      world,
      'restore',
      '--missing',
      '--from',
      world.backupPath,
      '--confirm',
      phrase,
    );
    expect(ended.exit).toBe(0);
    expect(ended.document.results).toHaveLength(gone);
    // The job a dead letter names is found by its id alone: what its tenant's deletion left behind is taken up again.
    expect(differences(original, snapshot(world))).toEqual([]);
    expect(ask(world.dbPath, 'SELECT DISTINCT status FROM tenants WHERE id % 3 = 0')).toBe('suspended');
  });

  it('one of which fails do not stop the others', async () => {
    const world = nasty(folder(), { damage: 'unique-taken' });
    execFileSync('sqlite3', [world.dbPath, "UPDATE memos SET body = 'damaged' WHERE tenant_id <> 1"]);
    const ended = await tenantDr(
      world,
      'restore',
      'alfa',
      'charlie',
      '--from',
      world.backupPath,
      '--confirm',
      '2 tenants in app',
    );
    expect(ended.exit).toBe(6);
    const outcomes = ended.document.results.map(({ tenant, error }) => [tenant.slug, error?.code]);
    expect(outcomes).toEqual([
      ['alfa', 'conflict'],
      ['charlie', undefined],
    ]);
    expect(
      ask(world.dbPath, "SELECT count(*) FROM memos WHERE body = 'damaged' AND tenant_id = 9007199254740993"),
    ).toBe('0');
  });

  /** Rows that moved on from tenant to tenant, each of which has to give them back before the one it has them from. */
  function movedOn(): World {
    const world = shellWorld({
      create: `INSERT INTO tenants VALUES (3, 'charlie', 'C', 'active'), (4, 'delta', 'D', 'active');
        CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants, code TEXT UNIQUE);
        CREATE TABLE lines (id INTEGER PRIMARY KEY, note_id INTEGER REFERENCES notes);
        INSERT INTO notes VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c'), (4, 4, 'd'), (5, 4, 'e');
        INSERT INTO lines SELECT id, id FROM notes;`,
      damage: `UPDATE notes SET tenant_id = tenant_id + 1 WHERE id < 4; UPDATE notes SET code = 'x' WHERE id = 4`,
    });
    return world;
  }
  const allMoved = ['alfa', 'bravo', 'charlie', 'delta'];

  it('between which rows moved are restored in one call, whoever comes first', async () => {
    const world = movedOn();
    const words = ['--from', world.backupPath, '--confirm', '4 tenants in app'];
    const ended = await tenantDr(world, 'restore', ...allMoved, ...words);
    expect(ended.exit, ended.stderr).toBe(0);
    expect(ended.document.results.map(({ tenant }) => tenant.slug)).toEqual(allMoved);
    expect(shell(world.dbPath, '.dump notes lines')).toBe(shell(world.backupPath, '.dump notes lines'));
  });

  it('of which one was under way in a process that died: what came of it is asked before the others go on', async () => {
    const world = movedOn();
    const damaged = snapshot(world, 'damaged.db');
    const words = ['--from', world.backupPath, '--confirm', '4 tenants in app'];
    const whole = await tenantDr(world, 'restore', ...allMoved, ...words);
    // As it was once delta was committed, and nothing said so: the row it gave back to charlie is nobody's yet.
    copyFileSync(damaged, world.dbPath);
    shell(
      world.dbPath,
      "DELETE FROM lines WHERE id = 3; DELETE FROM notes WHERE id = 3; UPDATE notes SET code = 'd' WHERE id = 4",
    );
    const { incident } = whole.document;
    const journal = join(world.statePath, 'incidents', incident, 'journal.jsonl');
    const lines = readFileSync(journal, 'utf8').split('\n');
    const begun = lines.findIndex((line) => line.includes('"restore.intended"'));
    writeFileSync(journal, `${lines.slice(0, begun + 1).join('\n')}\n`);
    const resumed = await tenantDr(world, 'resume', incident, ...words.slice(2));
    expect(resumed.exit, resumed.stderr).toBe(0);
    expect(resumed.document.results.map(({ tenant }) => tenant.slug)).toEqual(allMoved);
    expect(shell(world.dbPath, '.dump notes lines')).toBe(shell(world.backupPath, '.dump notes lines'));
  });

  it('of which one waits for another are shown so, with what would happen to it', async () => {
    const world = movedOn();
    const words = ['restore', ...allMoved, '--from', world.backupPath, '--config', world.configPath];
    const pty = new Pty([...words, '--state', join(world.dir, 'state')], { cwd: world.dir, columns: 200 });
    await pty.shows('Type 4 tenants in app');
    expect(pty.text()).toMatch(/alfa .* 2 +0 +0 +after the others, because now: notes \[1\]/);
    expect(pty.text()).toMatch(/delta .* 0 +1 +2/);
    // Other rows than were shown are not written for having waited.
    shell(world.dbPath, "INSERT INTO notes VALUES (9, 2, 'new')");
    pty.type('4 tenants in app\r');
    expect((await pty.ends()).exit).toBe(6);
    expect(pty.text()).toMatch(/bravo +failed .*changed since/);
    // Charlie gave its row back; bravo, which it was, is as it was.
    expect(shell(world.dbPath, 'SELECT id, tenant_id FROM notes')).toBe('1|2\n3|3\n4|4\n5|4\n9|2\n');
  });

  it('between two of which rows went both ways are left as they are, and so is whoever waits for one', async () => {
    const world = movedOn();
    shell(
      world.dbPath,
      'UPDATE notes SET tenant_id = 1 WHERE id = 4; UPDATE notes SET tenant_id = 4 WHERE id = 1',
    );
    const before = shell(world.dbPath, '.dump');
    const words = ['--from', world.backupPath, '--confirm', '4 tenants in app'];
    const ended = await tenantDr(world, 'restore', ...allMoved, ...words);
    expect(ended.exit, ended.stderr).toBe(6);
    expect(ended.document.results.map(({ error }) => error?.code)).toEqual(allMoved.map(() => 'conflict'));
    expect(shell(world.dbPath, '.dump')).toBe(before);
  });

  it('are shown with what would happen to each, and who wrote since then is left as he is', async () => {
    const world = nasty(folder());
    ask(world.dbPath, "UPDATE memos SET body = 'damaged' WHERE tenant_id <> 1");
    const words = ['restore', 'alfa', 'charlie', '--from', world.backupPath, '--config', world.configPath];
    const pty = new Pty([...words, '--state', join(world.dir, 'state')], { cwd: world.dir, columns: 140 });
    await pty.shows('Type 2 tenants in app');
    const charlie = "tenant_id = (SELECT id FROM tenants WHERE slug = 'charlie')";
    const memos = ask(world.dbPath, `SELECT count(*) FROM memos WHERE ${charlie}`);
    expect(pty.text()).toMatch(new RegExp(`charlie .* pro +0 +${memos} +0`));
    expect(pty.text()).toContain('Together');
    expect(pty.text()).toContain(`This writes to ${world.dbPath} (test)`);
    ask(world.dbPath, `UPDATE memos SET body = 'written since' WHERE ${charlie}`);
    pty.type('2 tenants in app\r');
    expect((await pty.ends()).exit).toBe(6);
    expect(pty.text()).toMatch(/alfa +restored/);
    expect(pty.text()).toMatch(/charlie +failed .*changed since/);
    expect(ask(world.dbPath, `SELECT count(*) FROM memos WHERE ${charlie} AND body = 'written since'`)).toBe(
      memos,
    );
  });

  it('are found missing also where they and their tables are called like what every object has', async () => {
    const world = shellWorld({
      create: `DROP TABLE tenants; CREATE TABLE tenants (id TEXT PRIMARY KEY, slug TEXT, name TEXT, status TEXT);
        INSERT INTO tenants VALUES ('constructor', 'constructor', 'C', 'active'), ('__proto__', '__proto__', 'P', 'active'), ('b', 'b', 'B', 'active');
        CREATE TABLE "constructor" (id INTEGER PRIMARY KEY, tenant_id TEXT); INSERT INTO "constructor" (tenant_id) SELECT id FROM tenants;
        CREATE TABLE "toString" (id INTEGER PRIMARY KEY, of INTEGER REFERENCES "constructor" (id)); INSERT INTO "toString" (of) SELECT id FROM "constructor";`,
      damage: `DELETE FROM "toString" WHERE id < 3; DELETE FROM "constructor" WHERE id < 3`,
    });
    const words = ['--missing', '--from', world.backupPath, '--confirm', '2 tenants in app'];
    expect((await tenantDr(world, 'restore', ...words)).document).toMatchObject({ ok: true });
    expect(shell(world.dbPath, '.dump')).toBe(shell(world.backupPath, '.dump'));
  });

  it('are refused a backup older than their tier allows, where the policy says so, one as well as several', async () => {
    const world = nasty(folder());
    const hours = (count: number) => Date.now() / 1000 - count * 3600;
    utimesSync(world.backupPath, hours(2), hours(2));
    const tiers = ['enterprise', 'pro', 'starter', 'free'].map((tier) => `  ${tier}: { rpo: 1h }`);
    appendFileSync(world.configPath, `\npolicy:\n  rpoGate: refuse\n${tiers.join('\n')}\n`);
    const before = snapshot(world);
    expect((await restore(world)).document.error).toMatchObject({ code: 'rpo-refused', changed: false });
    const three = ['alfa', 'bravo', 'charlie'];
    const phrase = ['--confirm', '3 tenants in app'];
    const ended = await tenantDr(world, 'restore', ...three, '--from', world.backupPath, ...phrase);
    expect(ended.exit).toBe(6);
    expect(ended.document.results.map(({ error }) => error?.code)).toEqual(three.map(() => 'rpo-refused'));
    expect(unchanged(world, before)).toEqual([]);
  });

  it('go on at the right one after a kill, and end like a run that was not killed', async () => {
    const { world, original, gone } = await withoutManyTenants();
    const slug = ask(original, 'SELECT slug FROM tenants WHERE id = 3');
    const taken = `ATTACH '${original}' AS o; INSERT INTO tenants (id, slug, name, plan_code, created_at, updated_at)
      SELECT 9999, slug, 'another', plan_code, '', '' FROM o.tenants WHERE id = 3`;
    ask(world.dbPath, taken);
    const phrase = `${gone} tenants in admin`;
    const child = startTenantDr(world, 'restore', '--missing', '--from', 'latest', '--confirm', phrase);
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += chunk;
      // Somewhere in the third tenant.
      if (said.includes('"phase":"restoring","done":2')) child.kill('SIGKILL');
    });
    await once(child, 'close');
    // What the next hour's backup holds is not what was confirmed.
    copyFileSync(snapshot(world), join(dirname(world.backupPath), 'admin_20991231_000000.db'));
    const before = snapshot(world);
    expect((await tenantDr(world, 'resume')).exit).toBe(3);
    expect(unchanged(world, before)).toEqual([]);
    const resumed = await tenantDr(world, 'resume', '--confirm', phrase);
    expect(resumed.exit, resumed.stderr).toBe(6);
    expect(resumed.stderr).toContain('"phase":"restoring"');
    // Whoever kills it again and again must not keep it planning: nobody looks at what was confirmed beforehand.
    expect(resumed.stderr).not.toContain('"phase":"planning"');
    expect(resumed.document.results).toHaveLength(gone);
    const failed = resumed.document.results.filter(({ error }) => error);
    expect(failed.map(({ tenant, error }) => [tenant.slug, error?.code])).toEqual([[slug, 'conflict']]);
    ask(world.dbPath, 'DELETE FROM tenants WHERE id = 9999');
    const words = ['--missing', '--from', world.backupPath, '--confirm', slug];
    expect((await tenantDr(world, 'restore', ...words)).exit).toBe(0);
    expect((await tenantDr(world, 'resume')).document.error?.message).toContain('No incident is open');
    expect(differences(original, snapshot(world))).toEqual([]);
  });
});

describe('the staging cache', () => {
  it('is used again, and an entry that was tampered with is not believed', async () => {
    const world = nasty(folder());
    const before = snapshot(world);
    expect((await tenantDr(world, 'plan', 'alfa', '--from', world.backupPath)).exit).toBe(0);
    const copies = readdirSync(join(world.statePath, 'staging'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.db'))
      .map((entry) => join(entry.parentPath, entry.name));
    expect(copies.length).toBeGreaterThan(0);
    for (const path of copies) {
      chmodSync(path, 0o600);
      execFileSync('sqlite3', [path, "UPDATE memos SET body = 'forged in the cache'"]);
    }
    expect((await restore(world)).exit).toBe(0);
    expect(problems(world, before)).toEqual([]);
  });

  it('that was cut off is made anew', async () => {
    const world = nasty(folder());
    const before = snapshot(world);
    expect((await tenantDr(world, 'plan', 'alfa', '--from', world.backupPath)).exit).toBe(0);
    for (const entry of readdirSync(join(world.statePath, 'staging'), {
      recursive: true,
      withFileTypes: true,
    })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile()) continue;
      chmodSync(path, 0o600);
      if (entry.name.endsWith('.db')) truncateSync(path, statSync(path).size >> 1);
      else writeFileSync(path, '{');
    }
    expect((await restore(world)).exit).toBe(0);
    expect(problems(world, before)).toEqual([]);
  });
});
