import { build, type TableFacts, type World } from './world.ts';

/** One peculiarity of real schemas at a time; small enough to read. The victim is `alfa` (1), its neighbour `bravo` (2). */
interface Quirk {
  /** Statements after the tenants table is there. */
  schema: string;
  rows: string;
  damage: string;
  tables: Record<string, TableFacts>;
  /** More of `ownership.tables`. */
  rules?: Record<string, unknown>;
  exit?: number;
}

const own = (...key: string[]): TableFacts => ({ rule: { via: 'column', column: 'tenant_id' }, key });
const through = (column: string, parent: string, parentColumn: string, ...key: string[]): TableFacts => ({
  rule: { via: 'links', links: [{ columns: [column], parent, parentColumns: [parentColumn] }] },
  key,
});

export const quirks: Record<string, Quirk> = {
  'all names of the rowid are taken by columns': {
    schema: 'CREATE TABLE t (tenant_id INTEGER REFERENCES tenants(id), rowid TEXT, _rowid_ TEXT, oid TEXT)',
    rows: `INSERT INTO t VALUES (1, 'a', 'b', 'c'), (1, 'a', 'b', 'c'), (2, 'a', 'b', 'c'), (1, 'd', NULL, 'e')`,
    damage: `UPDATE t SET oid = 'x' WHERE tenant_id = 1 AND "rowid" = 'a'; INSERT INTO t VALUES (1, 'n', 'n', 'n')`,
    tables: { t: { rule: { via: 'column', column: 'tenant_id' } } },
    // Without a key and without a rowid to name, a row cannot be addressed: refused with the table's name.
    exit: 2,
  },
  'a key that refers to a table which does not exist': {
    schema:
      'CREATE TABLE t (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), gone_id INTEGER REFERENCES gone(id), v)',
    rows: 'INSERT INTO t VALUES (1, 1, NULL, 1), (2, 2, NULL, 2), (3, 1, 7, 3)',
    damage: 'DELETE FROM t WHERE id = 1; UPDATE t SET v = 9 WHERE id = 3',
    tables: { t: own('id') },
  },
  'a key that refers to columns which are not unique': {
    schema: `CREATE TABLE p (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), code TEXT);
      CREATE TABLE t (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), code TEXT REFERENCES p(code), v)`,
    rows: `INSERT INTO p VALUES (1, 1, 'x'), (2, 2, 'x'); INSERT INTO t VALUES (1, 1, 'x', 1), (2, 2, 'x', 2)`,
    damage: 'DELETE FROM t WHERE id = 1; UPDATE p SET code = NULL WHERE id = 1',
    tables: { p: own('id'), t: own('id') },
  },
  'text where the parent has integers': {
    schema: `CREATE TABLE p (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id));
      CREATE TABLE t (id INTEGER PRIMARY KEY, p_id TEXT REFERENCES p(id), v)`,
    rows: `INSERT INTO p VALUES (11, 1), (12, 2); INSERT INTO t VALUES (1, 11, 'a'), (2, 12, 'b'), (3, 11, 'c')`,
    damage: 'DELETE FROM t WHERE id = 1; UPDATE t SET v = 0 WHERE id = 3',
    tables: { p: own('id'), t: { ...through('p_id', 'p', 'id', 'id'), loose: true } },
  },
  'a tenant column of text where tenants have integers': {
    schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, tenant_id TEXT REFERENCES tenants(id), v)',
    rows: `INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, '1', 'c')`,
    damage: 'DELETE FROM t WHERE id = 1; UPDATE t SET v = 0 WHERE id = 3',
    tables: { t: { ...own('id'), loose: true } },
  },
  'a reference that matches its parent only without case': {
    schema: `CREATE TABLE p (code TEXT PRIMARY KEY COLLATE NOCASE, tenant_id INTEGER REFERENCES tenants(id));
      CREATE TABLE t (id INTEGER PRIMARY KEY, p_code TEXT REFERENCES p(code), v)`,
    rows: `INSERT INTO p VALUES ('abc', 1), ('xyz', 2); INSERT INTO t VALUES (1, 'ABC', 'a'), (2, 'XYZ', 'b'), (3, 'abc', 'c')`,
    damage: 'DELETE FROM t WHERE id = 1; UPDATE t SET v = 0 WHERE id = 3',
    tables: { p: own('code'), t: { ...through('p_code', 'p', 'code', 'id'), loose: true } },
  },
  'no value free to park on while two rows exchange theirs': {
    schema: `CREATE TABLE t (id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL REFERENCES tenants(id),
        place INTEGER NOT NULL CHECK (place BETWEEN 1 AND 3), UNIQUE (tenant_id, place));
      CREATE TABLE c (id INTEGER PRIMARY KEY, t_id INTEGER NOT NULL REFERENCES t(id) ON DELETE CASCADE, v)`,
    rows: `INSERT INTO t VALUES (1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 1); INSERT INTO c VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 4, 'c')`,
    damage: `DELETE FROM t WHERE tenant_id = 1; INSERT INTO t VALUES (1, 1, 2), (2, 1, 3), (3, 1, 1); UPDATE c SET v = 'x' WHERE id = 2`,
    tables: { t: own('id'), c: through('t_id', 't', 'id', 'id') },
  },
  'a unique value, silently replaced by the schema, that two rows exchange': {
    schema: `CREATE TABLE t (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), place TEXT NOT NULL UNIQUE ON CONFLICT REPLACE)`,
    rows: `INSERT INTO t VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c')`,
    damage: `UPDATE t SET place = 'z' WHERE id = 1; UPDATE t SET place = 'a' WHERE id = 2; UPDATE t SET place = 'b' WHERE id = 1`,
    tables: { t: own('id') },
  },
  'the tenant column is computed': {
    schema: `CREATE TABLE t (id INTEGER PRIMARY KEY, data TEXT, tenant_id INTEGER GENERATED ALWAYS AS (json_extract(data, '$.tenant')) VIRTUAL)`,
    rows: `INSERT INTO t (id, data) VALUES (1, '{"tenant":1}'), (2, '{"tenant":2}'), (3, '{"tenant":1,"v":1}')`,
    damage: `DELETE FROM t WHERE id = 1; UPDATE t SET data = '{"tenant":1,"v":2}' WHERE id = 3`,
    tables: { t: own('id') },
  },
  'a counter that was set back': {
    schema:
      'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER REFERENCES tenants(id), v)',
    rows: 'INSERT INTO t VALUES (1, 1, 1), (2, 2, 2), (90, 1, 3)',
    damage: `DELETE FROM t WHERE id = 90; UPDATE sqlite_sequence SET seq = 5 WHERE name = 't'`,
    tables: { t: own('id') },
  },
  'an r-tree beside the table': {
    schema: `CREATE TABLE t (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), x REAL);
      CREATE VIRTUAL TABLE places USING rtree (id, x0, x1);
      CREATE TRIGGER t_i AFTER INSERT ON t BEGIN INSERT INTO places VALUES (NEW.id, NEW.x, NEW.x); END;
      CREATE TRIGGER t_d AFTER DELETE ON t BEGIN DELETE FROM places WHERE id = OLD.id; END;
      CREATE TRIGGER t_u AFTER UPDATE ON t BEGIN UPDATE places SET x0 = NEW.x, x1 = NEW.x WHERE id = NEW.id; END`,
    rows: 'INSERT INTO t VALUES (1, 1, 1.5), (2, 2, 2.5), (3, 1, 3.5)',
    damage: 'DELETE FROM t WHERE id = 1; UPDATE t SET x = 9 WHERE id = 3',
    tables: { t: own('id') },
    rules: { places: { exclude: 'kept in step by triggers' } },
  },
  'a trigger that forbids the change': {
    schema: `CREATE TABLE t (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), v)`,
    rows: 'INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)',
    damage: `UPDATE t SET v = 9 WHERE id = 1;
      CREATE TRIGGER closed BEFORE UPDATE ON t BEGIN SELECT RAISE(ABORT, 'the books are closed'); END`,
    tables: { t: own('id') },
    exit: 3,
  },
  'a trigger that calls a function of the application': {
    schema: `CREATE TABLE t (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), v)`,
    rows: 'INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)',
    damage: `UPDATE t SET v = 9 WHERE id = 1;
      CREATE TRIGGER notify AFTER UPDATE ON t BEGIN SELECT application_only(NEW.v); END`,
    tables: { t: own('id') },
    exit: 3,
  },
  'a cycle through which alone rows belong': {
    schema: `CREATE TABLE a (id INTEGER PRIMARY KEY, b_id INTEGER REFERENCES b(id), owner INTEGER REFERENCES o(id));
      CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a(id), v);
      CREATE TABLE o (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id))`,
    rows: `INSERT INTO o VALUES (1, 1), (2, 2); INSERT INTO a VALUES (1, NULL, 1), (2, 1, NULL), (3, 2, NULL), (4, NULL, 2);
      INSERT INTO b VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 4, 'z')`,
    damage: `DELETE FROM a WHERE id = 3; UPDATE b SET v = 'damaged' WHERE id IN (1, 2)`,
    tables: {
      o: own('id'),
      a: {
        rule: {
          via: 'links',
          links: [
            { columns: ['b_id'], parent: 'b', parentColumns: ['id'] },
            { columns: ['owner'], parent: 'o', parentColumns: ['id'] },
          ],
        },
        key: ['id'],
      },
      b: through('a_id', 'a', 'id', 'id'),
    },
  },
  'a partial index whose condition names its table': {
    schema: `CREATE TABLE t (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), mail TEXT, gone TEXT);
      CREATE UNIQUE INDEX t_mail ON t (lower("mail"), tenant_id) WHERE "t"."gone" IS NULL`,
    rows: `INSERT INTO t VALUES (1, 1, 'A@x', NULL), (2, 2, 'a@x', NULL), (3, 1, 'a@x', 'yes')`,
    damage: `DELETE FROM t WHERE id = 1; UPDATE t SET gone = 'no' WHERE id = 3`,
    tables: { t: own('id') },
  },
  'names that mean something to SQLite or to us': {
    schema: `CREATE TABLE staged (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), "main" TEXT);
      CREATE TABLE temp (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), "NEW" TEXT, "OLD" TEXT);
      CREATE TABLE tenant_dr_skipped (id INTEGER PRIMARY KEY, tenant_id INTEGER REFERENCES tenants(id), "%s" TEXT, "a.b" TEXT)`,
    rows: `INSERT INTO staged VALUES (1, 1, 'a'), (2, 2, 'b'); INSERT INTO temp VALUES (1, 1, 'a', 'b'), (2, 2, 'c', 'd');
      INSERT INTO tenant_dr_skipped VALUES (1, 1, 'a', 'b'), (2, 2, 'c', 'd')`,
    damage: `DELETE FROM staged WHERE id = 1; UPDATE temp SET "NEW" = 'x' WHERE id = 1; UPDATE tenant_dr_skipped SET "a.b" = 'x' WHERE id = 1`,
    tables: { staged: own('id'), temp: own('id'), tenant_dr_skipped: own('id') },
  },
};

export function quirk(dir: string, name: string): World {
  const { schema, rows, damage, tables, rules = {}, exit } = quirks[name] as Quirk;
  return build(dir, {
    name,
    slugs: ['alfa', 'bravo'],
    exit,
    facts: {
      tenants: { table: 'tenants', id: 'id', slug: 'slug', suspended: 'suspended' },
      tables: {
        tenants: { rule: { via: 'identity', column: 'id' }, key: ['id'], untouched: ['status'] },
        ...tables,
      },
      fullText: [],
    },
    config: {
      tenants: { slug: 'slug', status: { column: 'status' }, settle: 0 },
      ownership: { tables: rules },
    },
    create: (db) => {
      db.exec(
        "CREATE TABLE tenants (id INTEGER PRIMARY KEY, slug TEXT UNIQUE, status TEXT NOT NULL DEFAULT 'active')",
      );
      db.exec("INSERT INTO tenants (id, slug) VALUES (1, 'alfa'), (2, 'bravo')");
      db.exec(schema);
      db.exec(rows);
    },
    damage: (db) => {
      db.exec(damage);
    },
  });
}
