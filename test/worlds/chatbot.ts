import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sqliteDemo } from '../../src/databases/sqlite/demo/store.ts';
import { buildDemo } from '../../src/demo/build.ts';
import type { Scenario } from '../../src/demo/scenario.ts';
import { demoConfig, demoContacts } from '../../src/demo/settings.ts';
import type { Facts, TableFacts, World } from './world.ts';

/** The demo's platform as a world: forty tenants, and the last good backup as a plain file. */
export async function chatbot(dir: string, scenario: Scenario = 'deleted', seed = 1): Promise<World> {
  mkdirSync(join(dir, 'data', 'backups'), { recursive: true });
  const database = join(dir, 'data', 'admin.db');
  const taken: { at: Date; path: string }[] = [];
  const demo = await buildDemo({
    database: sqliteDemo(database),
    scenario,
    seed,
    now: new Date('2026-11-23T06:05:00Z'),
    backup: async (at) => {
      const path = join(dir, 'data', 'backups', `admin_sqlite_${stamp(at)}.db`);
      if (at.getTime() > Date.parse('2026-11-23T00:00:00Z')) copyFileSync(database, path);
      taken.push({ at, path });
      return path;
    },
  });
  const good = taken.filter(({ at }) => at < demo.misfortune.damagedAt).at(-1);
  const configPath = join(dir, 'tenant-dr.config.yaml');
  const factsPath = join(dir, 'facts.json');
  writeFileSync(configPath, demoConfig('sqlite:./data/admin.db', false).replace('settle: 3s', 'settle: 0s'), {
    mode: 0o600,
  });
  writeFileSync(join(dir, 'contacts.yaml'), demoContacts(), { mode: 0o600 });
  writeFileSync(factsPath, JSON.stringify(facts, null, 2));
  return {
    name: `chatbot ${scenario} ${seed}`,
    dir,
    dbPath: database,
    backupPath: good?.path ?? '',
    configPath,
    statePath: join(dir, 'state'),
    factsPath,
    facts,
    slugs: [demo.misfortune.victim.character.slug],
    victim: demo.misfortune.victim.character.slug,
    exit: 0,
  };
}

function stamp(at: Date): string {
  return at.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_');
}

const direct = (...key: string[]): TableFacts => ({
  rule: { via: 'column', column: 'tenant_id' },
  key,
});
const shared: TableFacts = { rule: { via: 'shared' } };
const through = (column: string, parent: string, ...key: string[]): TableFacts => ({
  rule: {
    via: 'links',
    links: [{ columns: [column], parent, parentColumns: ['id'] }],
  },
  key,
});

const facts: Facts = {
  tenants: { table: 'tenants', id: 'id', slug: 'slug', suspended: 'suspended' },
  fullText: [
    {
      table: 'knowledge_search',
      source: 'knowledge_articles',
      columns: ['title', 'body'],
    },
  ],
  tables: {
    schema_migrations: shared,
    plans: shared,
    models: shared,
    partner_links: shared,
    tenants: {
      rule: { via: 'identity', column: 'id' },
      key: ['id'],
      untouched: ['status'],
    },
    admin_users: direct('id'),
    admin_api_keys: through('user_id', 'admin_users', 'id'),
    prompts: direct('id'),
    prompt_versions: through('prompt_id', 'prompts', 'prompt_id', 'version'),
    vector_stores: direct('id'),
    vector_store_files: through('vector_store_id', 'vector_stores', 'id'),
    agents: direct('id'),
    agent_channels: through('agent_id', 'agents', 'agent_id', 'channel'),
    knowledge_articles: direct('id'),
    audit_conversations: direct('id'),
    audit_messages: through('conversation_id', 'audit_conversations', 'id'),
    channel_sessions: direct('id'),
    channel_messages: direct('id'),
    leads: direct('id'),
    lead_events: through('lead_id', 'leads', 'id'),
    jobs: direct('id'),
    dead_letter_queue: through('original_job_id', 'jobs', 'id'),
    subscriptions: direct('id'),
    invoices: through('subscription_id', 'subscriptions', 'id'),
    usage_daily: direct('tenant_id', 'day', 'metric'),
    audit_events: { ...direct('id'), restore: 'missing' },
  },
};
