import { connectTo } from '../../postgres/connection.ts';
import type { Throwaway } from '../../postgres/throwaway.ts';

/** Rows per tenant in all its tables together: small, typical and large, as measured in engine-facts.md. */
export const sizes = { s: 743, m: 12_377, l: 185_443 } as const;

/** The chatbot platform of the SQLite benchmark, made by the server itself. `shrink` divides every tenant's rows. */
export async function generate(server: Throwaway, database: string, shrink: number): Promise<void> {
  const admin = await connectTo(server.url('postgres'));
  await admin.query(`CREATE DATABASE ${database}`);
  await admin.end();
  const client = await connectTo(server.url(database));
  try {
    await client.query(script(shrink));
    await client.query('VACUUM ANALYZE');
  } finally {
    await client.end();
  }
}

const script = (shrink: number): string => `
CREATE TABLE tenants (id int PRIMARY KEY, slug text NOT NULL UNIQUE, name text NOT NULL, status text NOT NULL, settings jsonb);
CREATE TABLE agents (id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, name text, instructions text);
CREATE TABLE leads (id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, email text, score float8, notes text);
CREATE TABLE audit_conversations (id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, agent_id int REFERENCES agents, started_at timestamptz);
CREATE TABLE audit_messages (id serial PRIMARY KEY, conversation_id int NOT NULL REFERENCES audit_conversations, role text, content text);
CREATE TABLE channel_messages (id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, direction text, body text, created_at timestamptz);
CREATE TABLE jobs (id text PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, status text, payload text);
CREATE TABLE plans (code text PRIMARY KEY, cents int);
INSERT INTO plans VALUES ('basic', 100);
SELECT setseed(0.5);
CREATE TEMP TABLE prose AS SELECT i AS id, (SELECT string_agg(w[1 + ((random() + x * 0) * 39)::int], ' ') FROM generate_series(i, i + 109) x) AS t FROM generate_series(0, 3999) i,
  (SELECT string_to_array('the customer asked about an order and we said it would ship on monday agent please check invoice total refund again today thank you very much for waiting number address street city phone call back later regards team support ticket closed', ' ') AS w) d;
INSERT INTO tenants SELECT n, 'tenant-' || n, 'Tenant ' || n, 'active', jsonb_build_object('tier', CASE WHEN n = 1 THEN 'enterprise' WHEN n <= 100 THEN 'pro' ELSE 'free' END) FROM generate_series(1, 1000) n;
INSERT INTO agents (tenant_id, name, instructions) SELECT n, 'Agent ' || a, left(t, 300) FROM generate_series(1, 1000) n, generate_series(0, 9) a JOIN prose ON prose.id = a;
-- Everybody writes a little at a time, so that tenants' rows lie scattered over the pages.
CREATE TEMP TABLE bursts AS
  SELECT row_number() OVER (ORDER BY b, n)::int AS id, n FROM (SELECT n, generate_series(1, ceil((CASE WHEN n = 1 THEN ${sizes.l} WHEN n <= 100 THEN ${sizes.m} ELSE ${sizes.s} END) / ${shrink}.0 / 20)::int) AS b FROM generate_series(1, 1000) n) x;
INSERT INTO audit_conversations SELECT id, n, (n - 1) * 10 + 1 + id % 10, now() FROM bursts;
INSERT INTO audit_messages (conversation_id, role, content) SELECT b.id, CASE k % 2 WHEN 0 THEN 'user' ELSE 'assistant' END, left(t, 490) FROM bursts b, generate_series(1, 10) k, prose WHERE prose.id = (b.id * 7 + k * 13) % 4000 ORDER BY b.id;
INSERT INTO channel_messages (tenant_id, direction, body, created_at) SELECT n, 'in', left(t, 430), now() FROM bursts b, generate_series(1, 6) k, prose WHERE prose.id = (b.id * 11 + k * 17) % 4000 ORDER BY b.id;
INSERT INTO leads (tenant_id, email, score, notes) SELECT n, b.id || '-' || k || '@example.org', b.id / 7.0, left(t, 200) FROM bursts b, generate_series(1, 2) k, prose WHERE prose.id = (b.id * 3 + k) % 4000 ORDER BY b.id;
INSERT INTO jobs SELECT 'job-' || b.id, n, 'done', left(t, 250) FROM bursts b, prose WHERE prose.id = b.id % 4000 ORDER BY b.id;
SELECT setval('audit_conversations_id_seq', (SELECT max(id) FROM audit_conversations));
CREATE INDEX ON agents (tenant_id); CREATE INDEX ON leads (tenant_id); CREATE INDEX ON audit_conversations (tenant_id);
CREATE INDEX ON audit_messages (conversation_id); CREATE INDEX ON channel_messages (tenant_id); CREATE INDEX ON jobs (tenant_id);
`;
