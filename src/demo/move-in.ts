import type { DemoStore } from '../databases/demo/store.ts';
import type { Character } from './cast.ts';
import { isoTime } from './time.ts';
import type { Words } from './words.ts';

/** A tenant in the database, with the keys later rows refer to. */
export interface Resident {
  id: number;
  character: Character;
  /** E-mail of the person who complains. */
  owner: string;
  ownerName: string;
  agents: number[];
  prompts: { id: number; version: number }[];
  sessions: number[];
}

/** Inserts a tenant with users, prompts, agents, knowledge and a subscription. */
export function moveIn(store: DemoStore, words: Words, character: Character, at: Date): Resident {
  const { random } = words;
  const when = isoTime(at);
  const size = Math.max(1, Math.round(character.weight * 220));
  const owner = words.person();
  const email = `${owner.mailbox}@${character.slug}.example`;
  const id = store.insert('tenants', {
    slug: character.slug,
    name: character.name,
    plan_code: character.tier,
    settings: JSON.stringify({
      tier: character.tier,
      locale: random.pick(['en', 'de', 'pt-BR']),
    }),
    billing_email: email,
    created_at: when,
    updated_at: when,
  });
  const resident: Resident = {
    id,
    character,
    owner: email,
    ownerName: owner.name,
    agents: [],
    prompts: [],
    sessions: [],
  };
  people(store, words, resident, when, 1 + Math.ceil(size / 6));
  for (let n = 0; n < size; n++) prompt(store, words, resident, when, n);
  const library = store.insert('vector_stores', {
    tenant_id: id,
    name: 'Knowledge',
    status: 'ready',
    created_at: when,
  });
  for (let n = 0; n < size; n++) {
    const sha256 = Buffer.from(words.hex(32), 'hex');
    store.insert('vector_store_files', {
      vector_store_id: library,
      path: `manuals/${n}.pdf`,
      bytes: random.between(900, 900_000),
      sha256,
    });
    const body = `${words.topic()}: ${words.answer(character.trade)} ${words.answer(character.trade)}`;
    store.insert('knowledge_articles', {
      tenant_id: id,
      title: `${words.topic()} (${n + 1})`,
      body,
      updated_at: when,
    });
  }
  for (let n = 0; n < size; n++) agent(store, words, resident, when, n, library);
  const subscription = store.insert('subscriptions', {
    tenant_id: id,
    plan_code: character.tier,
    status: 'active',
    started_at: when,
  });
  if (character.tier !== 'free') {
    for (let month = 1; month <= 6; month++) {
      const number = `${character.slug.toUpperCase()}-${String(month).padStart(4, '0')}`;
      store.insert('invoices', {
        subscription_id: subscription,
        number,
        cents: 4_900 * month,
        status: 'paid',
        issued_at: when,
      });
    }
  }
  store.insert('audit_events', {
    tenant_id: id,
    created_at: when,
    type: 'tenant.created',
    actor: email,
    target: character.slug,
  });
  return resident;
}

function people(store: DemoStore, words: Words, resident: Resident, when: string, count: number): void {
  for (let n = 0; n < count; n++) {
    const { name, mailbox } = n === 0 ? { name: resident.ownerName, mailbox: '' } : words.person();
    const email = n === 0 ? resident.owner : `${mailbox}.${n}@${resident.character.slug}.example`;
    const role = n === 0 ? 'owner' : words.random.pick(['admin', 'viewer', 'viewer']);
    const user = store.insert('admin_users', {
      tenant_id: resident.id,
      email,
      name,
      role,
      password_hash: `scrypt$${words.hex(24)}`,
      last_login_at: when,
      created_at: when,
    });
    if (role !== 'viewer')
      store.insert('admin_api_keys', {
        user_id: user,
        name: 'default',
        key_hash: words.hex(20),
        created_at: when,
      });
  }
}

function prompt(store: DemoStore, words: Words, resident: Resident, when: string, n: number): void {
  const { name, trade } = resident.character;
  const id = store.insert('prompts', {
    tenant_id: resident.id,
    name: `${words.agent(n)} prompt`,
    description: words.topic(),
    updated_at: when,
  });
  const version = words.random.between(1, 3);
  for (let v = 1; v <= version; v++) {
    store.insert('prompt_versions', {
      prompt_id: id,
      version: v,
      body: words.instruction(name, trade),
      created_at: when,
    });
  }
  resident.prompts.push({ id, version });
}

function agent(
  store: DemoStore,
  words: Words,
  resident: Resident,
  when: string,
  n: number,
  library: number,
): void {
  const { random } = words;
  const id = store.insert('agents', {
    tenant_id: resident.id,
    name: words.agent(n),
    model: random.pick(['small-1', 'medium-2', 'large-3']),
    prompt_id: resident.prompts[n]?.id ?? null,
    vector_store_id: random.chance(0.5) ? library : null,
    is_default: n === 0 ? 1 : 0,
    temperature: random.between(0, 10) / 10,
    created_at: when,
    updated_at: when,
  });
  store.insert('agent_channels', {
    agent_id: id,
    channel: 'web',
    config: '{"colour":"#0a7"}',
  });
  if (random.chance(0.5)) store.insert('agent_channels', { agent_id: id, channel: 'whatsapp' });
  resident.agents.push(id);
}
