/**
 * The database of the demo: a chatbot platform as multi-tenant-backup-dr.md describes it. Its nine tables carry
 * `tenant_id`; more belong to a tenant only through keys, some to nobody.
 */
export const demoSchema = `
CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL);
CREATE TABLE plans (code TEXT PRIMARY KEY, name TEXT NOT NULL, monthly_cents INTEGER NOT NULL);
CREATE TABLE models (name TEXT PRIMARY KEY, provider TEXT NOT NULL, context_tokens INTEGER NOT NULL);
CREATE TABLE tenants (
  id INTEGER PRIMARY KEY AUTOINCREMENT, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  plan_code TEXT NOT NULL REFERENCES plans(code), settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  billing_email TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE admin_users (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  email TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL, role TEXT NOT NULL, password_hash TEXT NOT NULL,
  last_login_at TEXT, created_at TEXT NOT NULL
);
CREATE TABLE admin_api_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL REFERENCES admin_users(id) ON DELETE CASCADE,
  name TEXT NOT NULL, key_hash TEXT NOT NULL UNIQUE, revoked_at TEXT, created_at TEXT NOT NULL
);
CREATE TABLE prompts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  name TEXT NOT NULL, description TEXT, updated_at TEXT NOT NULL, UNIQUE (tenant_id, name)
);
CREATE TABLE prompt_versions (
  prompt_id INTEGER NOT NULL REFERENCES prompts(id) ON DELETE CASCADE, version INTEGER NOT NULL, body TEXT NOT NULL,
  created_at TEXT NOT NULL, PRIMARY KEY (prompt_id, version)
) WITHOUT ROWID;
CREATE TABLE vector_stores (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  name TEXT NOT NULL, status TEXT NOT NULL, created_at TEXT NOT NULL
);
CREATE TABLE vector_store_files (
  id INTEGER PRIMARY KEY AUTOINCREMENT, vector_store_id INTEGER NOT NULL REFERENCES vector_stores(id) ON DELETE CASCADE,
  path TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 BLOB NOT NULL, UNIQUE (vector_store_id, path)
);
CREATE TABLE agents (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  name TEXT NOT NULL, model TEXT NOT NULL REFERENCES models(name), prompt_id INTEGER REFERENCES prompts(id) ON DELETE SET NULL,
  vector_store_id INTEGER REFERENCES vector_stores(id) ON DELETE SET NULL, is_default INTEGER NOT NULL DEFAULT 0,
  temperature REAL NOT NULL DEFAULT 0.7, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE UNIQUE INDEX agents_one_default ON agents (tenant_id) WHERE is_default = 1;
CREATE TABLE agent_channels (
  agent_id INTEGER NOT NULL REFERENCES agents(id) ON DELETE CASCADE, channel TEXT NOT NULL,
  config TEXT NOT NULL DEFAULT '{}', PRIMARY KEY (agent_id, channel)
);
CREATE TABLE knowledge_articles (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  title TEXT NOT NULL, body TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE VIRTUAL TABLE knowledge_search USING fts5(title, body, content='knowledge_articles', content_rowid='id');
CREATE TABLE audit_conversations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  agent_id INTEGER REFERENCES agents(id) ON DELETE SET NULL, channel TEXT NOT NULL, started_at TEXT NOT NULL
);
CREATE INDEX audit_conversations_tenant ON audit_conversations (tenant_id, started_at);
CREATE TABLE audit_messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, conversation_id INTEGER NOT NULL REFERENCES audit_conversations(id) ON DELETE CASCADE,
  sequence INTEGER NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL, tokens INTEGER NOT NULL, created_at TEXT NOT NULL,
  UNIQUE (conversation_id, sequence)
);
CREATE TABLE channel_sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  agent_id INTEGER REFERENCES agents(id) ON DELETE CASCADE, channel TEXT NOT NULL, external_user_id TEXT NOT NULL,
  last_seen_at TEXT NOT NULL, UNIQUE (channel, external_user_id)
);
CREATE TABLE channel_messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  session_id INTEGER NOT NULL REFERENCES channel_sessions(id) ON DELETE CASCADE, direction TEXT NOT NULL,
  body TEXT NOT NULL, created_at TEXT NOT NULL
);
CREATE INDEX channel_messages_session ON channel_messages (session_id);
CREATE TABLE leads (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  conversation_id INTEGER REFERENCES audit_conversations(id) ON DELETE SET NULL, name TEXT NOT NULL, email TEXT,
  company TEXT, score REAL NOT NULL DEFAULT 0, status TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE UNIQUE INDEX leads_email ON leads (tenant_id, lower(email));
CREATE TABLE lead_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, lead_id INTEGER NOT NULL REFERENCES leads(id) ON DELETE CASCADE,
  type TEXT NOT NULL, payload TEXT, created_at TEXT NOT NULL
);
CREATE TABLE jobs (
  id TEXT PRIMARY KEY, tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE, type TEXT NOT NULL,
  payload TEXT NOT NULL, status TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, run_at TEXT NOT NULL
);
-- the job it came from is named, but no key says so
CREATE TABLE dead_letter_queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT, original_job_id TEXT NOT NULL, error TEXT NOT NULL, failed_at TEXT NOT NULL
);
CREATE TABLE subscriptions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  plan_code TEXT NOT NULL REFERENCES plans(code), status TEXT NOT NULL, started_at TEXT NOT NULL
);
CREATE TABLE invoices (
  id INTEGER PRIMARY KEY AUTOINCREMENT, subscription_id INTEGER NOT NULL REFERENCES subscriptions(id) ON DELETE CASCADE,
  number TEXT NOT NULL UNIQUE, cents INTEGER NOT NULL, vat_cents INTEGER GENERATED ALWAYS AS (cents * 19 / 100) VIRTUAL,
  status TEXT NOT NULL, issued_at TEXT NOT NULL
);
CREATE TABLE usage_daily (
  tenant_id INTEGER NOT NULL REFERENCES tenants(id) ON DELETE CASCADE, day TEXT NOT NULL, metric TEXT NOT NULL,
  amount INTEGER NOT NULL, PRIMARY KEY (tenant_id, day, metric)
) WITHOUT ROWID;
-- refers to nothing but the tenant, so that it can outlive what it tells of
CREATE TABLE audit_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id), created_at TEXT NOT NULL,
  type TEXT NOT NULL, actor TEXT NOT NULL, target TEXT
);
CREATE INDEX audit_events_tenant ON audit_events (tenant_id, created_at);
CREATE TABLE partner_links (
  from_tenant_id INTEGER NOT NULL REFERENCES tenants(id), to_tenant_id INTEGER NOT NULL REFERENCES tenants(id),
  terms TEXT NOT NULL, PRIMARY KEY (from_tenant_id, to_tenant_id)
);
`;

/** The application's own triggers: they stamp, count, log and keep full-text search in step. */
export const demoTriggers = `
CREATE TRIGGER agents_stamp AFTER UPDATE ON agents WHEN NEW.updated_at IS OLD.updated_at BEGIN
  UPDATE agents SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE id = NEW.id; END;
CREATE TRIGGER prompts_stamp AFTER UPDATE ON prompts WHEN NEW.updated_at IS OLD.updated_at BEGIN
  UPDATE prompts SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE id = NEW.id; END;
CREATE TRIGGER leads_stamp AFTER UPDATE ON leads WHEN NEW.updated_at IS OLD.updated_at BEGIN
  UPDATE leads SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE id = NEW.id; END;
CREATE TRIGGER messages_counted AFTER INSERT ON audit_messages BEGIN
  INSERT INTO usage_daily (tenant_id, day, metric, amount)
    SELECT tenant_id, substr(NEW.created_at, 1, 10), 'messages', 1 FROM audit_conversations WHERE id = NEW.conversation_id
    ON CONFLICT (tenant_id, day, metric) DO UPDATE SET amount = amount + 1; END;
CREATE TRIGGER prompts_gone AFTER DELETE ON prompts BEGIN
  INSERT INTO audit_events (tenant_id, created_at, type, actor, target)
    VALUES (OLD.tenant_id, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), 'prompt.deleted', 'database', OLD.name); END;
CREATE TRIGGER knowledge_added AFTER INSERT ON knowledge_articles BEGIN
  INSERT INTO knowledge_search (rowid, title, body) VALUES (NEW.id, NEW.title, NEW.body); END;
CREATE TRIGGER knowledge_gone AFTER DELETE ON knowledge_articles BEGIN
  INSERT INTO knowledge_search (knowledge_search, rowid, title, body) VALUES ('delete', OLD.id, OLD.title, OLD.body); END;
CREATE TRIGGER knowledge_changed AFTER UPDATE OF title, body ON knowledge_articles BEGIN
  INSERT INTO knowledge_search (knowledge_search, rowid, title, body) VALUES ('delete', OLD.id, OLD.title, OLD.body);
  INSERT INTO knowledge_search (rowid, title, body) VALUES (NEW.id, NEW.title, NEW.body); END;
`;
