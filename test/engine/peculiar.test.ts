import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { phraseFor } from '../../src/actions/many-input.ts';
import { leftAsIs, requireApplicable } from '../../src/engine/planning.ts';
import { buildShape } from '../../src/engine/shape.ts';
import { build, openRaw, type World } from '../worlds/world.ts';
import { configOf, drive } from './drive.ts';

const root = mkdtempSync(join(tmpdir(), 'tenant-dr-peculiar-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let serial = 0;
function tenants(rows: string, damage = '', rules: Record<string, unknown> = {}): World {
  serial++;
  return build(join(root, String(serial)), {
    name: 'peculiar tenants',
    slugs: ['alfa'],
    facts: { tenants: { table: 'tenants', id: 'id', slug: 'slug' }, tables: {}, fullText: [] },
    config: { tenants: { name: 'slug', slug: 'slug' }, ownership: { columns: ['tenant_id'], tables: rules } },
    create: (db) => db.exec(`CREATE TABLE tenants (id TEXT PRIMARY KEY, slug TEXT); ${rows}`),
    damage: (db) => db.exec(damage),
  });
}

describe('a tenant', () => {
  test('with a blank slug goes by its id, so that Enter never confirms anything', async () => {
    const world = tenants(`INSERT INTO tenants VALUES ('t1', ''), ('t2', '  '), ('t3', 'alfa')`);
    const driven = await drive(await configOf(world.configPath), world.backupPath, { mode: 'read' });
    expect(driven.ground.tenants.map(({ slug }) => slug)).toEqual(['t1', 't2', 'alfa']);
    await driven.close();
  });

  test('without an id is none', async () => {
    const world = tenants(`INSERT INTO tenants VALUES (NULL, 'nobody'), ('t3', 'alfa')`);
    const driven = await drive(await configOf(world.configPath), world.backupPath, { mode: 'read' });
    expect(driven.ground.tenants.map(({ slug }) => slug)).toEqual(['alfa']);
    await driven.close();
  });

  test('owns the rows that write its id in other letters, where its table takes both for the same', async () => {
    const world = tenants(
      `DROP TABLE tenants; CREATE TABLE tenants (id TEXT PRIMARY KEY COLLATE NOCASE, slug TEXT);
      INSERT INTO tenants VALUES ('T1', 'alfa'), ('t2', 'bravo');
      CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT REFERENCES tenants(id));
      INSERT INTO notes VALUES (1, 'T1'), (2, 't1'), (3, 'T2')`,
    );
    const driven = await drive(await configOf(world.configPath), world.backupPath, { mode: 'read' });
    const { session, schema, ownership, config } = driven.ground;
    const shape = buildShape(schema, ownership, config, { mode: 'exact' });
    expect((await session.countAll(shape)).notes).toEqual({ T1: 2, t2: 1 });
    const { notes } = (await driven.plan('alfa')).live.tables;
    expect((await session.digestAll(shape)).notes?.T1).toEqual(notes);
    await driven.close();
  });

  test('is confirmed by its slug also where it was chosen among many', () => {
    expect(phraseFor([{ slug: 'alfa' }], 'app')).toBe('alfa');
    expect(phraseFor([{ slug: 'alfa' }, { slug: 'bravo' }], 'app')).toBe('2 tenants in app');
  });
});

test('rows that a trigger writes again, just as they are planned, or deletes first, come back once', async () => {
  const world = tenants(
    `INSERT INTO tenants VALUES ('t3', 'alfa');
    CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT);
    CREATE TABLE trail (tenant_id TEXT, note INTEGER, PRIMARY KEY (tenant_id, note)) WITHOUT ROWID;
    CREATE TABLE log (tenant_id TEXT, note INTEGER);
    CREATE TRIGGER made AFTER INSERT ON notes BEGIN
      INSERT INTO trail VALUES (NEW.tenant_id, NEW.id); INSERT INTO log VALUES (NEW.tenant_id, NEW.id); END;
    CREATE TRIGGER gone AFTER DELETE ON notes BEGIN DELETE FROM trail WHERE note = OLD.id; END;
    INSERT INTO notes VALUES (1, 't3')`,
    `DELETE FROM notes; DELETE FROM log; INSERT INTO notes VALUES (2, 't3')`,
  );
  const driven = await drive(await configOf(world.configPath), world.backupPath);
  await driven.run(await driven.plan('alfa'));
  await driven.close();
  const db = openRaw(world.dbPath);
  const notes = ['notes', 'trail', 'log'].map((name) => db.prepare(`SELECT * FROM ${name}`).raw().all());
  db.close();
  expect(notes).toEqual([[[1, 't3']], [['t3', 1]], [['t3', 1]]]);
});

test('a row that belongs to nobody by its own keys, and to which one of the tenant refers: the way out is said', async () => {
  const world = tenants(
    `INSERT INTO tenants VALUES ('t3', 'alfa');
    CREATE TABLE senders (id INTEGER PRIMARY KEY, tenant_id TEXT);
    CREATE TABLE settings (id INTEGER PRIMARY KEY, sender_id INTEGER REFERENCES senders (id));
    CREATE TABLE shops (id INTEGER PRIMARY KEY, tenant_id TEXT, settings_id INTEGER NOT NULL REFERENCES settings (id));
    INSERT INTO settings VALUES (1, NULL); INSERT INTO shops VALUES (1, 't3', 1)`,
    `DELETE FROM shops; DELETE FROM settings`,
  );
  const driven = await drive(await configOf(world.configPath), world.backupPath, { mode: 'read' });
  const plan = await driven.plan('alfa');
  await driven.close();
  expect(() => requireApplicable(plan)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('say in the config whose they are') }),
  );
});

test('rows moved away from a tenant that still refers to them: neither plan can be applied, and the way out is said', async () => {
  const world = tenants(
    `INSERT INTO tenants VALUES ('t3', 'alfa'), ('t4', 'bravo');
    CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, reply_to INTEGER REFERENCES notes (id));
    INSERT INTO notes VALUES (1, 't3', NULL), (2, 't3', 1)`,
    `UPDATE notes SET tenant_id = 't4' WHERE id = 1`,
  );
  const driven = await drive(await configOf(world.configPath), world.backupPath, { mode: 'read' });
  const [alfa, bravo] = [await driven.plan('alfa'), await driven.plan('bravo')];
  expect(() => requireApplicable(alfa)).toThrow('now belongs to tenant t4');
  expect(() => requireApplicable(bravo)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('set their tenant back by hand') }),
  );
  const undone = await driven.plan('bravo', { verbatim: true });
  expect(() => requireApplicable(undone)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('restore bravo --from safety:<incident>') }),
  );
  await driven.close();
});

test('rows that changed sides between two tenants: neither can be restored first, and the way out is said', async () => {
  const world = tenants(
    `INSERT INTO tenants VALUES ('t3', 'alfa'), ('t4', 'bravo');
    CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT);
    INSERT INTO notes VALUES (1, 't3'), (2, 't4')`,
    `UPDATE notes SET tenant_id = CASE id WHEN 1 THEN 't4' ELSE 't3' END`,
  );
  const driven = await drive(await configOf(world.configPath), world.backupPath, { mode: 'read' });
  for (const plan of [await driven.plan('alfa'), await driven.plan('bravo')])
    expect(() => requireApplicable(plan)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('set the tenant of one side’s rows back') }),
    );
  await driven.close();
});

test('a record whose own newer version took its unique value: it is said what lets the old one back', async () => {
  const world = tenants(
    `INSERT INTO tenants VALUES ('t3', 'alfa');
    CREATE TABLE deletions (tenant_id TEXT NOT NULL, what TEXT NOT NULL, at TEXT, UNIQUE (tenant_id, what));
    INSERT INTO deletions VALUES ('t3', 'a', '1')`,
    `UPDATE deletions SET at = '2'`,
    { deletions: { restore: 'missing' } },
  );
  const driven = await drive(await configOf(world.configPath), world.backupPath, { mode: 'read' });
  const plan = await driven.plan('alfa');
  expect(() => requireApplicable(plan)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('`restore: exact` for that table') }),
  );
  await driven.close();
});

test('a row without what its table demands since: the plan says so, before anything is begun', async () => {
  const columns = 'id INTEGER PRIMARY KEY, tenant_id TEXT, a TEXT';
  const world = tenants(
    `INSERT INTO tenants VALUES ('t3', 'alfa'); CREATE TABLE notes (${columns}, b TEXT);
    INSERT INTO notes VALUES (1, 't3', NULL, NULL), (2, 't3', 'a', NULL), (3, 't3', NULL, 'b')`,
    `DROP TABLE notes; CREATE TABLE notes (${columns} NOT NULL, b TEXT);
    INSERT INTO notes VALUES (1, 't3', '', 'newer'), (2, 't3', 'newer', NULL)`,
  );
  const driven = await drive(await configOf(world.configPath), world.backupPath);
  const { conflicts } = await driven.plan('alfa');
  expect(conflicts.map(({ kind, key, constraint }) => [kind, key, constraint])).toEqual([
    ['value-does-not-fit', '[1]', 'a'],
    ['value-does-not-fit', '[3]', 'a'],
  ]);
  await driven.close();
});

/** A table as it was, as it is, and what of each row no longer fits. */
const refusals: [string, string, string, [string, string][]][] = [
  [
    'a CHECK',
    `CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a, b DEFAULT 'x')`,
    // Named as some frameworks leave it when they made the table anew under another name.
    `CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a, b DEFAULT 'x', CONSTRAINT "small a" CHECK ("notes"."a" < 100 /* ) */ OR b = 'big')) `,
    [
      ['[1]', 'small a'],
      ['[4]', 'small a'],
    ],
  ],
  [
    'a CHECK without a name that begins with a quoted one',
    'CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a, b)',
    'CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a, b, CHECK ( notes."a" < 100 ))',
    [
      ['[1]', '"notes"."a" < 100'],
      ['[4]', '"notes"."a" < 100'],
    ],
  ],
  [
    'a CHECK of a column newer than the backup',
    'CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a, b)',
    'CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a, b, c INTEGER DEFAULT 5 CHECK (c > a OR a IS NULL))',
    [
      ['[1]', 'c > a OR a IS NULL'],
      ['[3]', 'c > a OR a IS NULL'],
      ['[4]', 'c > a OR a IS NULL'],
    ],
  ],
  [
    'a CHECK of what the table now stores as something else',
    `CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a, b, CHECK (typeof(a) <> 'text'))`,
    `CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a TEXT, b, CHECK (typeof(a) <> 'text'))`,
    [
      ['[1]', "typeof(a) <> 'text'"],
      ['[3]', "typeof(a) <> 'text'"],
      ['[4]', "typeof(a) <> 'text'"],
    ],
  ],
  [
    'STRICT',
    'CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a INTEGER, b INTEGER)',
    'CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a INTEGER, b INTEGER) STRICT',
    [
      ['[1]', 'b'],
      ['[3]', 'b'],
    ],
  ],
];

describe.each(refusals)('rows that no longer fit their table: %s', (_, before, after, refused) => {
  const rows = `INSERT INTO notes (id, tenant_id, a, b) VALUES (1, 't3', 500, 'y'), (2, 't3', NULL, NULL), (3, 't3', 7, 'x'), (4, 't3', 600, 9), (5, 't4', 900, 'z')`;
  // Row 3 differs, row 2 does not; of the others one is gone, one is somebody else's.
  const now = `INSERT INTO notes (id, tenant_id, a, b) VALUES (2, 't3', NULL, NULL), (3, 't3', NULL, NULL)`;
  const world = () =>
    tenants(
      `INSERT INTO tenants VALUES ('t3', 'alfa'), ('t4', 'bravo'); ${before}; ${rows}`,
      `DROP TABLE notes; ${after}; ${now}`,
    );

  test('the plan names each, and those only', async () => {
    const { configPath, backupPath } = world();
    const driven = await drive(await configOf(configPath), backupPath);
    const { conflicts } = await driven.plan('alfa');
    expect(conflicts.map(({ kind, key, constraint }) => [kind, key, constraint])).toEqual(
      refused.map(([key, rule]) => ['value-does-not-fit', key, rule]),
    );
    const left = await driven.plan('alfa', { except: { notes: refused.map(([key]) => key) } });
    expect(left.conflicts).toEqual([]);
    // The others do fit.
    await driven.run(left);
    await driven.close();
  });
});

test('a conflict clause of the table does not end the transaction in which its rows are tried', async () => {
  const world = tenants(
    `INSERT INTO tenants VALUES ('t3', 'alfa');
    CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a, b);
    INSERT INTO notes VALUES (1, 't3', 1, 'x'), (2, 't3', 2, 'x'), (3, 't3', 500, 'z')`,
    `DROP TABLE notes;
    CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, a CHECK (a < 100), b UNIQUE ON CONFLICT ROLLBACK)`,
  );
  const driven = await drive(await configOf(world.configPath), world.backupPath);
  expect((await driven.plan('alfa')).conflicts.map(({ key }) => key)).toEqual(['[3]']);
  const left = await driven.plan('alfa', { except: { notes: ['[1]', '[3]'] } });
  expect(left.conflicts).toEqual([]);
  await driven.run(left);
  await driven.close();
  const db = openRaw(world.dbPath);
  expect(db.prepare('SELECT id FROM notes').pluck().all()).toEqual([2]);
  db.close();
});

test('a plan tells what differs and stays, so that nobody takes it for the state of the backup', async () => {
  const world = tenants(
    `INSERT INTO tenants VALUES ('t3', 'alfa');
    CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id TEXT, body TEXT);
    CREATE TABLE logs (id INTEGER PRIMARY KEY, tenant_id TEXT, body TEXT);
    INSERT INTO logs VALUES (1, 't3', 'a'), (2, 't3', 'b'), (3, 't3', 'c')`,
    `UPDATE logs SET body = 'z' WHERE id = 1; DELETE FROM logs WHERE id = 2`,
  );
  const driven = await drive(await configOf(world.configPath), world.backupPath, { mode: 'read' });
  const left = async (options: Parameters<typeof driven.plan>[1]) =>
    leftAsIs(await driven.plan('alfa', options));
  const said = 'Rows that differ from the backup and stay as they are';
  expect(await left({ tables: ['notes'] })).toBe(`${said}: 2 (logs 2 (keep)).`);
  expect(await left({ mode: 'missing' })).toBe(`${said}: 1 (logs 1).`);
  expect(await left({})).toBeNull();
  await driven.close();
});

test('a backup without the tenants table is refused as one without the tenant', async () => {
  const world = tenants(`INSERT INTO tenants VALUES ('t3', 'alfa')`);
  const backup = openRaw(world.backupPath);
  backup.exec('DROP TABLE tenants; CREATE TABLE other (id)');
  backup.close();
  await expect(drive(await configOf(world.configPath), world.backupPath)).rejects.toMatchObject({
    code: 'backup-without-tenant',
    table: 'tenants',
  });
});

test('tables of more than a thousand columns are compared, with a key and without', async () => {
  const columns = Array.from({ length: 1010 }, (_, i) => `c${i}`).join(', ');
  const world = tenants(
    `INSERT INTO tenants VALUES ('t3', 'alfa');
    CREATE TABLE keyed (id INTEGER PRIMARY KEY, tenant_id TEXT, ${columns});
    CREATE TABLE plain (tenant_id TEXT, ${columns});
    INSERT INTO keyed (id, tenant_id, c1009) VALUES (1, 't3', 'a'), (2, 't3', 'b');
    INSERT INTO plain (tenant_id, c1009) VALUES ('t3', 'a'), ('t3', 'a')`,
    `UPDATE keyed SET c1009 = 'z' WHERE id = 1; DELETE FROM keyed WHERE id = 2; DELETE FROM plain WHERE rowid = 1`,
  );
  const driven = await drive(await configOf(world.configPath), world.backupPath);
  const { tables } = await driven.plan('alfa');
  const [keyed, plain] = ['keyed', 'plain'].map((name) => tables.find((table) => table.name === name));
  expect(keyed).toMatchObject({ insert: 1, update: 1, updatedColumns: ['c1009'] });
  expect(plain).toMatchObject({ insert: 1, unchanged: 1 });
  await driven.close();
});
