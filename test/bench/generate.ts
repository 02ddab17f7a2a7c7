import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { seeded } from '../../src/demo/random.ts';

/** Rows per tenant in all its tables together: small, typical and large, as measured in engine-facts.md. */
export const sizes = { s: 743, m: 12_377, l: 185_443 } as const;

export interface Scale {
  name: 'full' | 'small';
  tenants: number;
  typical: number;
  large: number;
  /** Divides the rows of every tenant. */
  shrink: number;
}
export const scales: Record<Scale['name'], Scale> = {
  full: { name: 'full', tenants: 1000, typical: 100, large: 185_443, shrink: 1 },
  small: { name: 'small', tenants: 150, typical: 5, large: 18_544, shrink: 10 },
};

const schema = `
CREATE TABLE tenants (id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL, status TEXT NOT NULL, settings TEXT);
CREATE TABLE agents (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id), name TEXT, instructions TEXT);
CREATE INDEX agents_tenant ON agents (tenant_id);
CREATE TABLE leads (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id), email TEXT, score REAL, notes TEXT);
CREATE INDEX leads_tenant ON leads (tenant_id);
CREATE TABLE audit_conversations (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id),
  agent_id INTEGER REFERENCES agents(id), started_at TEXT);
CREATE INDEX audit_conversations_tenant ON audit_conversations (tenant_id);
CREATE TABLE audit_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, conversation_id INTEGER NOT NULL REFERENCES audit_conversations(id), role TEXT, content TEXT);
CREATE INDEX audit_messages_conversation ON audit_messages (conversation_id);
CREATE TABLE channel_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL REFERENCES tenants(id), direction TEXT, body TEXT, created_at TEXT);
CREATE INDEX channel_messages_tenant ON channel_messages (tenant_id);
CREATE TABLE jobs (id TEXT PRIMARY KEY, tenant_id INTEGER NOT NULL REFERENCES tenants(id), status TEXT, payload TEXT);
CREATE INDEX jobs_tenant ON jobs (tenant_id);
CREATE TABLE plans (code TEXT PRIMARY KEY, cents INTEGER);
`;

/** Slugs by size: one large tenant, some typical ones, the rest small. */
export function slugsOf(scale: Scale): { l: string; m: string[]; s: string[] } {
  const name = (n: number) => `tenant-${n}`;
  const all = Array.from({ length: scale.tenants }, (_, n) => name(n + 1));
  return { l: name(1), m: all.slice(1, 1 + scale.typical), s: all.slice(1 + scale.typical) };
}

/** Makes `<dir>/<scale>/pristine.db` and its config once; later runs find them. Returns the folder. */
export function generate(dir: string, scale: Scale): string {
  const home = join(dir, scale.name);
  const pristine = join(home, 'pristine.db');
  if (existsSync(pristine)) return home;
  mkdirSync(join(home, 'backups'), { recursive: true });
  const draft = `${pristine}.draft`;
  const db = new Database(draft);
  db.pragma('journal_mode = OFF');
  db.pragma('synchronous = OFF');
  db.exec(schema);
  db.exec("INSERT INTO plans VALUES ('free', 0), ('pro', 9900)");
  const text = prose();
  const insert = statements(db);
  db.transaction(() => {
    const left = Array.from({ length: scale.tenants }, (_, n) => rowsOf(n, scale));
    left.forEach((_, n) => {
      const tier = n === 0 ? 'enterprise' : n <= scale.typical ? 'pro' : 'free';
      insert.tenant.run(n + 1, `tenant-${n + 1}`, `Tenant ${n + 1}`, 'active', JSON.stringify({ tier }));
      for (let agent = 0; agent < 10; agent++) insert.agent.run(n + 1, `Agent ${agent}`, text(300));
    });
    // Everybody writes a little at a time, so that tenants' rows lie scattered over the pages.
    for (let busy = true; busy; ) {
      busy = false;
      for (const [n, rows] of left.entries()) {
        if (rows <= 0) continue;
        left[n] = rows - burst(insert, n + 1, Math.min(rows, Math.max(20, Math.ceil(rows / 40))), text);
        busy = true;
      }
    }
  })();
  db.pragma('journal_mode = WAL');
  db.close();
  writeFileSync(join(home, 'tenant-dr.config.yaml'), config, { mode: 0o600 });
  renameSync(draft, pristine);
  return home;
}

const config = `database: sqlite:./live.db
environment: bench
backups: ./backups
state: ./state
tenants: { name: name, slug: slug, status: { column: status }, tier: { column: settings, json: $.tier }, settle: 0 }
ownership: { tables: { plans: shared } }
`;

function rowsOf(n: number, scale: Scale): number {
  const size = n === 0 ? sizes.l : n <= scale.typical ? sizes.m : sizes.s;
  return Math.round(size / scale.shrink) - 11;
}

function statements(db: Database.Database) {
  return {
    tenant: db.prepare('INSERT INTO tenants VALUES (?, ?, ?, ?, ?)'),
    agent: db.prepare('INSERT INTO agents (tenant_id, name, instructions) VALUES (?, ?, ?)'),
    lead: db.prepare('INSERT INTO leads (tenant_id, email, score, notes) VALUES (?, ?, ?, ?)'),
    conversation: db.prepare(
      'INSERT INTO audit_conversations (tenant_id, agent_id, started_at) VALUES (?, ?, ?)',
    ),
    message: db.prepare('INSERT INTO audit_messages (conversation_id, role, content) VALUES (?, ?, ?)'),
    channel: db.prepare(
      'INSERT INTO channel_messages (tenant_id, direction, body, created_at) VALUES (?, ?, ?, ?)',
    ),
    job: db.prepare('INSERT INTO jobs VALUES (?, ?, ?, ?)'),
  };
}

let jobs = 0;

/** Inserts exactly `count` rows of a tenant, in the proportions of a chatbot platform. */
function burst(
  insert: ReturnType<typeof statements>,
  tenant: number,
  count: number,
  text: (length: number) => string,
): number {
  const time = new Date(1_760_000_000_000 + jobs * 1000).toISOString();
  let done = 0;
  const conversation = insert.conversation.run(
    tenant,
    (tenant - 1) * 10 + 1 + (done % 10),
    time,
  ).lastInsertRowid;
  for (done = 1; done < count; done++) {
    const kind = done % 10;
    if (kind < 5) insert.message.run(conversation, kind % 2 === 0 ? 'user' : 'assistant', text(490));
    else if (kind < 8) insert.channel.run(tenant, 'in', text(430), time);
    else if (kind === 8) insert.lead.run(tenant, `${text(8)}@example.org`, done / 7, text(200));
    else insert.job.run(`job-${++jobs}`, tenant, 'done', text(250));
  }
  return done;
}

/** Cuts pieces of the wanted length out of made-up prose that compresses about as English does. */
function prose(): (length: number) => string {
  const random = seeded(3);
  const letters = 'etaoinshrdlucmfwypvbgkqjxz';
  const word = () =>
    Array.from({ length: random.between(2, 9) }, () => letters[Math.floor(random.next() ** 2 * 26)]).join('');
  const words = Array.from({ length: 3000 }, word);
  const pool = Array.from({ length: 2_500_000 }, () => words[Math.floor(random.next() ** 3 * 3000)]).join(
    ' ',
  );
  return (length) => {
    const from = random.between(0, pool.length - length - 1);
    return pool.slice(from, from + random.between(Math.ceil(length * 0.6), Math.ceil(length * 1.4)));
  };
}
