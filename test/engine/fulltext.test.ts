import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { numberedBy } from '../../src/databases/sqlite/fulltext-entries.ts';
import { build, openRaw, type World } from '../worlds/world.ts';
import { configOf, drive } from './drive.ts';

const root = mkdtempSync(join(tmpdir(), 'tenant-dr-fulltext-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const follow = (numbered: string): string => `
  CREATE TRIGGER docs_insert AFTER INSERT ON docs BEGIN INSERT INTO found (rowid, body) VALUES (NEW.${numbered}, NEW.body); END;
  CREATE TRIGGER docs_delete AFTER DELETE ON docs BEGIN DELETE FROM found WHERE rowid = OLD.${numbered}; END;`;

let serial = 0;
/** Documents 1 and 3 are alfa's, 2 is bravo's; alfa lost 1. Every document has a number of its own, too. */
function documents(fullText: string): World {
  serial++;
  return build(join(root, String(serial)), {
    name: 'documents',
    slugs: ['alfa', 'bravo'],
    facts: { tenants: { table: 'tenants', id: 'id', slug: 'slug' }, tables: {}, fullText: [] },
    config: { tenants: { name: 'slug', slug: 'slug' }, ownership: { columns: ['tenant_id'] } },
    create: (db) =>
      db.exec(`CREATE TABLE tenants (id INTEGER PRIMARY KEY, slug TEXT);
        INSERT INTO tenants VALUES (1, 'alfa'), (2, 'bravo');
        CREATE TABLE docs (id INTEGER PRIMARY KEY, tenant_id INTEGER, number INTEGER, body TEXT);
        ${fullText}
        INSERT INTO docs VALUES (1, 1, 30, 'one'), (2, 2, 20, 'two'), (3, 1, 10, 'three');`),
    damage: (db) => db.exec('DELETE FROM docs WHERE id = 1'),
  });
}

async function restore(world: World): Promise<void> {
  const driven = await drive(await configOf(world.configPath), world.backupPath);
  try {
    await driven.run(await driven.plan('alfa'));
  } finally {
    await driven.close();
  }
}

function matches(world: World, word: string): unknown[] {
  const db = openRaw(world.dbPath);
  const rows = db.prepare('SELECT rowid FROM found WHERE found MATCH ?').pluck().all(word);
  db.close();
  return rows;
}

const evil =
  'CREATE TRIGGER evil AFTER INSERT ON docs BEGIN DELETE FROM found WHERE rowid = NEW.id + 1; END;';

describe('full-text tables', () => {
  for (const module of ['fts5(body)', 'fts4(body)']) {
    test(`${module} with text of its own follows the rows that come back`, async () => {
      const world = documents(`CREATE VIRTUAL TABLE found USING ${module}; ${follow('id')}`);
      await restore(world);
      expect([matches(world, 'one'), matches(world, 'two')]).toEqual([[1], [2]]);
    });

    test(`an entry of another tenant in ${module} is not touched by a trigger of the application`, async () => {
      const world = documents(`CREATE VIRTUAL TABLE found USING ${module}; ${follow('id')} ${evil}`);
      await expect(restore(world)).rejects.toMatchObject({ code: 'isolation-failed', key: '[2]' });
      expect(matches(world, 'two')).toEqual([2]);
    });
  }

  test('entries numbered by a column that is no key are known by it', async () => {
    const world = documents(`CREATE VIRTUAL TABLE found USING fts5(body); ${follow('number')}`);
    await restore(world);
    expect([matches(world, 'one'), matches(world, 'two')]).toEqual([[30], [20]]);
  });

  test('an index over a view is in step afterwards', async () => {
    const world = documents(`CREATE VIEW shown AS SELECT id, upper(body) AS body FROM docs;
      CREATE VIRTUAL TABLE found USING fts5(body, content='shown', content_rowid='id');`);
    const db = openRaw(world.dbPath);
    db.exec(`INSERT INTO found (found) VALUES ('rebuild')`);
    db.close();
    await restore(world);
    expect(matches(world, 'one')).toEqual([1]);
  });

  test('the column a trigger numbers entries by is read from its definition', () => {
    const trigger = (insert: string): string => `CREATE TRIGGER t AFTER INSERT ON d BEGIN ${insert}; END`;
    expect(numberedBy(trigger('INSERT INTO "f"(body, "rowid") SELECT new.b, new."the id"'), 'f')).toBe(
      'the id',
    );
    expect(numberedBy(trigger('INSERT INTO f(docid, body) VALUES (NEW.rowid, NEW.b)'), 'f')).toBe('rowid');
    expect(numberedBy(trigger('INSERT INTO f(body) VALUES (NEW.b)'), 'f')).toBe('');
    expect(numberedBy(trigger('INSERT INTO f2(rowid) VALUES (NEW.id)'), 'f')).toBe(undefined);
  });
});
