import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sqliteDemo } from '../../src/databases/sqlite/demo/store.ts';
import { buildDemo } from '../../src/demo/build.ts';
import type { Scenario } from '../../src/demo/scenario.ts';
import { demoConfig, demoContacts } from '../../src/demo/settings.ts';
import { madeOnce } from '../once.ts';
import type { Facts, TableFacts, World } from './world.ts';

/** The demo's platform as a world: forty tenants, and the last good backup as a plain file. */
export async function chatbot(dir: string, scenario: Scenario = 'deleted', seed = 1): Promise<World> {
  const original = await madeOnce(`chatbot-${scenario}-${seed}`, (made) => make(made, scenario, seed));
  cpSync(original, dir, { recursive: true, preserveTimestamps: true });
  const { good, victim } = JSON.parse(readFileSync(join(dir, about), 'utf8')) as About;
  return {
    name: `chatbot ${scenario} ${seed}`,
    dir,
    dbPath: join(dir, database),
    backupPath: good === undefined ? '' : join(dir, good),
    configPath: join(dir, 'tenant-dr.config.yaml'),
    statePath: join(dir, 'state'),
    factsPath: join(dir, 'facts.json'),
    facts,
    slugs: [victim],
    victim,
    exit: 0,
  };
}

/** What only the making of a world knows, and the file it is kept in. */
interface About {
  victim: string;
  good?: string | undefined;
}
const about = 'about.json';
const database = join('data', 'admin.db');

async function make(dir: string, scenario: Scenario, seed: number): Promise<void> {
  mkdirSync(join(dir, 'data', 'backups'), { recursive: true });
  const taken: { at: Date; path: string }[] = [];
  const demo = await buildDemo({
    store: await sqliteDemo(join(dir, database)),
    scenario,
    seed,
    now: new Date('2026-11-23T06:05:00Z'),
    backup: async (at) => {
      const path = join('data', 'backups', `admin_sqlite_${stamp(at)}.db`);
      if (at.getTime() > Date.parse('2026-11-23T00:00:00Z'))
        copyFileSync(join(dir, database), join(dir, path));
      taken.push({ at, path });
      return join(dir, path);
    },
  });
  const { damagedAt, victim } = demo.misfortune;
  const good = taken.filter(({ at }) => at < damagedAt).at(-1)?.path;
  const config = demoConfig('sqlite:./data/admin.db', false).replace('settle: 3s', 'settle: 0s');
  writeFileSync(join(dir, 'tenant-dr.config.yaml'), config, { mode: 0o600 });
  writeFileSync(join(dir, 'contacts.yaml'), demoContacts(), { mode: 0o600 });
  writeFileSync(join(dir, 'facts.json'), JSON.stringify(facts, null, 2));
  writeFileSync(join(dir, about), JSON.stringify({ victim: victim.character.slug, good } satisfies About));
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
