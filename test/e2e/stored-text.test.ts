import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import {
  storedDefault,
  storedText,
  withoutChecks,
  withoutGenerated,
} from '../../src/databases/sqlite/stored-text.ts';
import { cleanUp, restore, tenantDr } from './program.ts';
import { shell, shellWorld } from './shell.ts';

afterAll(cleanUp);

describe('definitions with strings in double quotes, as the sqlite3 shell stores them', () => {
  const create = `
    CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id INTEGER, state TEXT DEFAULT "open" CHECK (state IN ("open", "it's")),
      kind TEXT DEFAULT plain, said AS (state || "!") STORED);
    CREATE UNIQUE INDEX "by state" ON notes (tenant_id, lower("kind") || "-" || id) WHERE state = "open"; -- only those
    INSERT INTO notes (id, tenant_id, state) SELECT value, value % 2 + 1, iif(value % 3, 'open', 'it''s') FROM generate_series(1, 30);`;
  const damage = `DELETE FROM notes WHERE tenant_id = 1 AND id % 4 = 0; UPDATE notes SET state = 'open', kind = 'x' WHERE tenant_id = 1 AND id % 6 = 0;`;
  const rows = 'SELECT * FROM notes ORDER BY id';

  it('are compared, saved, restored and undone', async () => {
    const world = shellWorld({ create, damage });
    const damaged = shell(world.dbPath, rows);
    const ended = await restore(world);
    expect(ended.document).toMatchObject({ ok: true });
    expect(shell(world.dbPath, rows)).toBe(shell(world.backupPath, rows));
    expect((await tenantDr(world, 'undo', ended.document.incident, '--confirm', 'alfa')).exit).toBe(0);
    expect(shell(world.dbPath, rows)).toBe(damaged);
  });

  it('give rows that return the default of a column that is newer than the backup', async () => {
    const newer = `ALTER TABLE notes ADD COLUMN mood TEXT DEFAULT "so ""so"""; ALTER TABLE notes ADD COLUMN tone TEXT DEFAULT calm;`;
    const world = shellWorld({ create, damage: `${newer} ${damage}` });
    expect((await restore(world)).document).toMatchObject({ ok: true });
    expect(shell(world.dbPath, `SELECT DISTINCT mood, tone FROM notes`).trim()).toBe('so "so"|calm');
  });
});

describe('a trigger that only the application can run', () => {
  it.each([
    ['a text in double quotes', `UPDATE notes SET body = "touched" WHERE id = new.id`, 'touched'],
    ['a function of the application', `UPDATE notes SET body = slugify(new.body)`, 'slugify'],
    ['a table that is gone', `DELETE FROM long_gone`, 'long_gone'],
  ])('stops the plan, with %s', async (_, body, named) => {
    const world = shellWorld({
      create: `CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id INTEGER, body TEXT); INSERT INTO notes VALUES (1, 1, 'a'), (2, 2, 'b');`,
      damage: `DELETE FROM notes WHERE id = 1; CREATE TRIGGER keeper AFTER INSERT ON notes BEGIN ${body}; END;`,
    });
    const plan = await tenantDr(world, 'plan', 'alfa', '--from', world.backupPath);
    const conflicts = { conflicts: [{ kind: 'trigger-cannot-run', table: 'notes', blocking: true }] };
    expect(plan.document).toMatchObject({ ok: true, ...conflicts });
    const ended = await restore(world);
    expect(ended.document).toMatchObject({
      ok: false,
      error: { code: 'trigger-refused', exit: 3, table: 'notes' },
    });
    expect(ended.document.error.message).toMatch(new RegExp(`${named}.*keeper`));
    expect(shell(world.dbPath, 'SELECT * FROM notes').trim()).toBe('2|2|b');
  });
});

describe('a table whose rules call a function of the application', () => {
  it.each([
    ['a check', `state TEXT CHECK (slugify(state) = state)`],
    ['a generated column', `state TEXT, slug TEXT AS (slugify(state)) VIRTUAL`],
  ])('does not keep the other tables from being verified, saved and restored: %s', async (_, columns) => {
    const world = shellWorld({
      create: `CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id INTEGER, body TEXT); INSERT INTO notes VALUES (1, 1, 'a'), (2, 2, 'b');`,
      damage: `DELETE FROM notes WHERE id = 1`,
    });
    for (const path of [world.dbPath, world.backupPath]) {
      const db = new Database(path);
      db.function('slugify', { deterministic: true }, (text) => text);
      db.exec(`CREATE TABLE rules (id INTEGER PRIMARY KEY, tenant_id INTEGER, ${columns});
        INSERT INTO rules (id, tenant_id, state) VALUES (1, 1, 'x'), (2, 2, 'y')`);
      db.close();
    }
    expect((await tenantDr(world, 'backup', 'verify', world.backupPath)).exit).toBe(0);
    expect((await restore(world)).document).toMatchObject({ ok: true, safetyCopy: { rows: 2 } });
    expect(shell(world.dbPath, 'SELECT * FROM notes').trim()).toBe('1|1|a\n2|2|b');
  });
});

describe('the text of a stored definition', () => {
  it('keeps names of columns, whatever their case, and what is quoted otherwise', () => {
    expect(storedText(`"A" = "b" AND 'it''s "b"' <> [b] AND \`b\` -- "b"\n OR /* "b" */ 1`, ['a'])).toBe(
      `"A" = 'b' AND 'it''s "b"' <> [b] AND \`b\`  \n OR   1`,
    );
  });

  it('loses its checks, and nothing that only looks like one', () => {
    expect(
      withoutChecks(
        `CREATE TABLE t (a CHECK (f(a) <> ')' AND (a)), "check" DEFAULT 'check (', c AS (lower(a)), CONSTRAINT 'x' check(g("(")) ON CONFLICT FAIL)`,
      ),
    ).toBe(
      `CREATE TABLE t (a CHECK (1), "check" DEFAULT 'check (', c AS (lower(a)), CONSTRAINT 'x' CHECK (1) ON CONFLICT FAIL)`,
    );
  });

  it('computes nothing, where that is wanted', () => {
    expect(
      withoutGenerated(
        `CREATE TABLE t (a, b TEXT GENERATED ALWAYS AS (f(a) || ')') STORED, "as" DEFAULT 'AS (')`,
      ),
    ).toBe(`CREATE TABLE t (a, b TEXT GENERATED ALWAYS AS (NULL) STORED, "as" DEFAULT 'AS (')`);
  });

  it.each([
    ['open', `'open'`],
    ['[an open]', `'an open'`],
    ['"it\'s"', `'it''s'`],
    ['NULL', 'NULL'],
    ['Current_Timestamp', 'Current_Timestamp'],
    ['-1.5e3', '-1.5e3'],
    ["'a' || 'b'", "'a' || 'b'"],
    ["x'ff'", "x'ff'"],
  ])('says the default %s as %s', (stored, expression) => {
    expect(storedDefault(stored)).toBe(expression);
  });
});
