/** A small shop: two tenants, one shared table, every kind of ownership. */
export const shop = `
CREATE TABLE plans (id int PRIMARY KEY, name text);
INSERT INTO plans VALUES (1, 'basic'), (2, 'gold');
CREATE TABLE tenants (id int PRIMARY KEY, slug text UNIQUE, status text DEFAULT 'active', plan_id int REFERENCES plans);
CREATE TABLE items (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, sku text UNIQUE, price numeric(10,2), updated_at timestamp DEFAULT '2026-01-01');
CREATE TABLE sales (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item_id int NOT NULL REFERENCES items, amount int);
CREATE TABLE links (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, item_id int REFERENCES items ON DELETE SET NULL);
INSERT INTO tenants VALUES (1, 'one', 'active', 1), (2, 'two', 'active', 2);
INSERT INTO items SELECT i, 1 + i % 2, 'sku-' || i, i * 1.5 FROM generate_series(1, 20) i;
INSERT INTO sales (item_id, amount) SELECT 1 + i % 20, i FROM generate_series(1, 100) i;
INSERT INTO links SELECT i, 1 + i % 2, 1 + i % 20 FROM generate_series(2, 9) i;
UPDATE links SET item_id = NULL WHERE (SELECT tenant_id FROM items WHERE items.id = item_id) <> tenant_id;
`;

export const shopTables = ['plans', 'tenants', 'items', 'sales', 'links'];

/** Enough rows that a restore takes a moment. */
export const largeShop = `${shop} INSERT INTO sales (item_id, amount) SELECT 1 + i % 20, i FROM generate_series(1, 40000) i;`;
