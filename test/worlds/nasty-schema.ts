import type { TableFacts } from './world.ts';

export interface NastyOptions {
  ids: 'integer' | 'text' | 'blob';
  /** Name of the tenant column. */
  column: string;
}

/** Everything in "Must be handled" (engine-facts.md) that SQLite has, in one schema. */
export function nastySchema({ ids, column }: NastyOptions): string {
  const id = ids.toUpperCase();
  const t = `"${column}"`;
  return `
CREATE TABLE countries (code TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at TEXT);
CREATE TABLE tenants (
  id ${id} PRIMARY KEY NOT NULL, slug TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT, status TEXT NOT NULL DEFAULT 'active',
  settings TEXT, country TEXT REFERENCES countries(code), owner_id INTEGER REFERENCES users(id) ON DELETE SET NULL
);
-- the tenant may be NULL: such users belong to nobody
CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT, ${t} ${id} REFERENCES tenants(id) ON DELETE CASCADE,
  email TEXT NOT NULL COLLATE NOCASE, role TEXT, data, updated_at TEXT, UNIQUE (email)
);
CREATE UNIQUE INDEX one_owner ON users (${t}) WHERE role = 'owner';
CREATE UNIQUE INDEX login_name ON users (${t}, lower(substr(email, 1, instr(email, '@') - 1)));
-- a reserved name, an own counter, generated columns, unique per tenant and unique everywhere
CREATE TABLE "Order" (
  id INTEGER PRIMARY KEY AUTOINCREMENT, ${t} ${id} NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  "select" TEXT NOT NULL UNIQUE, number INTEGER NOT NULL, buyer_id INTEGER REFERENCES users(id) ON DELETE SET NULL,
  cents INTEGER NOT NULL DEFAULT 0 CHECK (cents >= 0), gross INTEGER GENERATED ALWAYS AS (cents * 119 / 100) VIRTUAL,
  label TEXT GENERATED ALWAYS AS (number || '/' || "select") STORED, updated_at TEXT,
  UNIQUE (${t}, number)
);
-- belongs to the tenant only through its order; composite key, no rowid
CREATE TABLE "order lines" (
  order_id INTEGER NOT NULL REFERENCES "Order"(id) ON DELETE CASCADE, "line no" INTEGER NOT NULL, item TEXT, qty REAL, data,
  PRIMARY KEY (order_id, "line no")
) WITHOUT ROWID;
CREATE TABLE line_notes (
  id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, line_no INTEGER NOT NULL, note,
  FOREIGN KEY (order_id, line_no) REFERENCES "order lines" (order_id, "line no") ON DELETE CASCADE
);
-- a key that refers to a unique column which is not the primary key
CREATE TABLE shipments (
  code TEXT PRIMARY KEY, order_code TEXT NOT NULL REFERENCES "Order"("select") ON UPDATE CASCADE ON DELETE CASCADE, weight REAL
);
CREATE TABLE shipment_events (id INTEGER PRIMARY KEY, shipment TEXT NOT NULL REFERENCES shipments, at TEXT, data);
-- a row that refers to another row of its own table
CREATE TABLE categories (
  id INTEGER PRIMARY KEY, ${t} ${id} NOT NULL REFERENCES tenants(id), parent_id INTEGER REFERENCES categories(id) ON DELETE CASCADE,
  name TEXT NOT NULL, position INTEGER NOT NULL, UNIQUE (${t}, position)
);
-- two tables that refer to each other; only one of them has the tenant column
CREATE TABLE agents (
  id INTEGER PRIMARY KEY, ${t} ${id} NOT NULL REFERENCES tenants(id), name TEXT NOT NULL,
  current_version INTEGER REFERENCES agent_versions(id) DEFERRABLE INITIALLY DEFERRED, updated_at TEXT
);
CREATE TABLE agent_versions (
  id INTEGER PRIMARY KEY, agent_id INTEGER NOT NULL REFERENCES agents(id) ON DELETE CASCADE, body TEXT
);
-- several paths to the tenant
CREATE TABLE order_categories (
  order_id INTEGER NOT NULL REFERENCES "Order"(id) ON DELETE CASCADE,
  category_id INTEGER NOT NULL REFERENCES categories(id) ON DELETE CASCADE, PRIMARY KEY (order_id, category_id)
);
CREATE TABLE reviews (
  id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES "Order"(id), user_id INTEGER REFERENCES users(id), stars INTEGER
);
-- no primary key at all: rows may repeat
CREATE TABLE notes (${t} ${id} REFERENCES tenants(id), body, amount);
CREATE TABLE order_log (order_id INTEGER REFERENCES "Order"(id), what TEXT, data);
CREATE TABLE measures (
  id INT PRIMARY KEY NOT NULL, ${t} ${id} NOT NULL, n INTEGER, r REAL, s TEXT, b BLOB, a ANY
) STRICT;
-- a key compared without case, and one that may be NULL (SQLite allows it)
CREATE TABLE kv (${t} ${id} NOT NULL, k TEXT COLLATE NOCASE NOT NULL, v, PRIMARY KEY (${t}, k)) WITHOUT ROWID;
CREATE TABLE null_keys (k TEXT PRIMARY KEY, ${t} ${id}, v);
-- conflict clauses in the schema that delete other rows silently
CREATE TABLE seats (
  id INTEGER PRIMARY KEY ON CONFLICT REPLACE, ${t} ${id} NOT NULL REFERENCES tenants(id),
  place TEXT NOT NULL UNIQUE ON CONFLICT REPLACE, holder TEXT UNIQUE ON CONFLICT IGNORE
);
CREATE TABLE "we""ird ta'ble; --" (
  "a b" INTEGER PRIMARY KEY, "${column.toUpperCase()}" ${id} NOT NULL REFERENCES tenants(id), "col ""q""" TEXT, "Größe" REAL
);
CREATE TABLE "MixedCase" ("Id" INTEGER PRIMARY KEY, ${t} ${id} NOT NULL REFERENCES TENANTS(ID), "group" TEXT, "rowid" TEXT);
-- full text over a table (kept in step by triggers), and one with content of its own
CREATE TABLE articles (id INTEGER PRIMARY KEY, ${t} ${id} NOT NULL REFERENCES tenants(id), title TEXT, body TEXT, updated_at TEXT);
CREATE VIRTUAL TABLE articles_fts USING fts5(title, body, content='articles', content_rowid='id');
CREATE TABLE memos (id INTEGER PRIMARY KEY, ${t} ${id} NOT NULL REFERENCES tenants(id), body TEXT);
CREATE VIRTUAL TABLE memo_search USING fts5(body);
-- written by triggers
CREATE TABLE tenant_stats (${t} ${id} PRIMARY KEY REFERENCES tenants(id) ON DELETE CASCADE, orders INTEGER NOT NULL DEFAULT 0, seen TEXT);
CREATE TABLE audit_log (id INTEGER PRIMARY KEY AUTOINCREMENT, ${t} ${id}, at TEXT, what TEXT, who INTEGER);
CREATE TABLE partner_links (a ${id} NOT NULL REFERENCES tenants(id), b ${id} NOT NULL REFERENCES tenants(id), terms TEXT, PRIMARY KEY (a, b));
CREATE VIEW open_orders AS SELECT * FROM "Order" WHERE cents > 0;
`;
}

/** The application's triggers: they rewrite rows, keep counts and write into the audit log, always of the same tenant. */
export function nastyTriggers(column: string): string {
  const t = `"${column}"`;
  return `
CREATE TRIGGER order_touch AFTER UPDATE ON "Order" BEGIN UPDATE "Order" SET updated_at = 'touched' WHERE id = NEW.id; END;
CREATE TRIGGER user_touch AFTER UPDATE ON users WHEN NEW.updated_at IS OLD.updated_at BEGIN
  UPDATE users SET updated_at = 'touched' WHERE id = NEW.id; END;
CREATE TRIGGER user_audit AFTER UPDATE ON users BEGIN
  INSERT INTO audit_log (${t}, at, what, who) VALUES (NEW.${t}, 'now', 'user changed', NEW.id); END;
CREATE TRIGGER user_gone AFTER DELETE ON users BEGIN
  INSERT INTO audit_log (${t}, at, what, who) VALUES (OLD.${t}, 'now', 'user deleted', OLD.id);
  DELETE FROM reviews WHERE user_id = OLD.id; END;
CREATE TRIGGER order_counted AFTER INSERT ON "Order" BEGIN
  UPDATE tenant_stats SET orders = orders + 1, seen = 'inserted' WHERE ${t} = NEW.${t}; END;
CREATE TRIGGER order_uncounted AFTER DELETE ON "Order" BEGIN
  UPDATE tenant_stats SET orders = orders - 1, seen = 'deleted' WHERE ${t} = OLD.${t}; END;
CREATE TRIGGER memo_upper AFTER INSERT ON memos BEGIN UPDATE memos SET body = upper(body) WHERE id = NEW.id; END;
CREATE TRIGGER articles_ai AFTER INSERT ON articles BEGIN
  INSERT INTO articles_fts (rowid, title, body) VALUES (NEW.id, NEW.title, NEW.body); END;
CREATE TRIGGER articles_ad AFTER DELETE ON articles BEGIN
  INSERT INTO articles_fts (articles_fts, rowid, title, body) VALUES ('delete', OLD.id, OLD.title, OLD.body); END;
CREATE TRIGGER articles_au AFTER UPDATE OF title, body ON articles BEGIN
  INSERT INTO articles_fts (articles_fts, rowid, title, body) VALUES ('delete', OLD.id, OLD.title, OLD.body);
  INSERT INTO articles_fts (rowid, title, body) VALUES (NEW.id, NEW.title, NEW.body); END;
CREATE TRIGGER articles_touch AFTER UPDATE OF title, body ON articles WHEN NEW.updated_at IS OLD.updated_at BEGIN
  UPDATE articles SET updated_at = 'touched' WHERE id = NEW.id; END;
CREATE TRIGGER memos_ai AFTER INSERT ON memos BEGIN INSERT INTO memo_search (rowid, body) VALUES (NEW.id, NEW.body); END;
CREATE TRIGGER memos_ad AFTER DELETE ON memos BEGIN DELETE FROM memo_search WHERE rowid = OLD.id; END;
CREATE TRIGGER memos_au AFTER UPDATE ON memos BEGIN UPDATE memo_search SET body = NEW.body WHERE rowid = NEW.id; END;
`;
}

/** Who owns what, written by hand: what the checker goes by. */
export function nastyTables(column: string): Record<string, TableFacts> {
  const own: TableFacts = { rule: { via: 'column', column } };
  const shared: TableFacts = { rule: { via: 'shared' } };
  const through = (...links: [string, string, string][]): TableFacts => ({
    rule: {
      via: 'links',
      links: links.map(([child, parent, key]) => ({
        columns: child.split(','),
        parent,
        parentColumns: key.split(','),
      })),
    },
  });
  return {
    countries: shared,
    schema_migrations: shared,
    tenants: { rule: { via: 'identity', column: 'id' }, untouched: ['status'] },
    users: { ...own, key: ['id'] },
    Order: { ...own, key: ['id'] },
    'order lines': {
      ...through(['order_id', 'Order', 'id']),
      key: ['order_id', 'line no'],
    },
    line_notes: {
      ...through(['order_id,line_no', 'order lines', 'order_id,line no']),
      key: ['id'],
    },
    shipments: { ...through(['order_code', 'Order', 'select']), key: ['code'] },
    shipment_events: {
      ...through(['shipment', 'shipments', 'code']),
      key: ['id'],
    },
    categories: { ...own, key: ['id'] },
    agents: { ...own, key: ['id'] },
    agent_versions: { ...through(['agent_id', 'agents', 'id']), key: ['id'] },
    order_categories: {
      ...through(['order_id', 'Order', 'id'], ['category_id', 'categories', 'id']),
      key: ['order_id', 'category_id'],
    },
    reviews: {
      ...through(['order_id', 'Order', 'id'], ['user_id', 'users', 'id']),
      key: ['id'],
    },
    notes: own,
    order_log: through(['order_id', 'Order', 'id']),
    measures: { ...own, key: ['id'] },
    kv: { ...own, key: [column, 'k'] },
    null_keys: { ...own, key: ['k'] },
    seats: { ...own, key: ['id'] },
    'we"ird ta\'ble; --': {
      rule: { via: 'column', column: column.toUpperCase() },
      key: ['a b'],
    },
    MixedCase: { ...own, key: ['Id'] },
    articles: { ...own, key: ['id'] },
    memos: { ...own, key: ['id'] },
    tenant_stats: { ...own, key: [column] },
    audit_log: { ...own, key: ['id'], restore: 'missing' },
    partner_links: shared,
  };
}
