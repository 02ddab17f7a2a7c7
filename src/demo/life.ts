import type { DemoStore } from '../databases/demo/store.ts';
import { type Character, characters } from './cast.ts';
import { moveIn, type Resident } from './move-in.ts';
import type { Random } from './random.ts';
import { isoTime } from './time.ts';
import { Words } from './words.ts';

/** Conversations a day on the whole platform. */
const conversationsPerDay = 60;

/** Makes the platform's days go by: tenants move in, people talk, leads and jobs come and go. */
export class Life {
  readonly residents: Resident[] = [];
  private readonly store: DemoStore;
  private readonly random: Random;
  private readonly words: Words;

  constructor(store: DemoStore, random: Random) {
    this.store = store;
    this.random = random;
    this.words = new Words(random);
  }

  /** All tenants, with what they own on their first day. */
  begin(at: Date): Promise<void> {
    return this.store.together(() => {
      sharedRows(this.store, at);
      for (const character of characters()) {
        this.residents.push(moveIn(this.store, this.words, character, at));
      }
      const [a, b] = this.residents;
      if (a && b)
        this.store.insert('partner_links', {
          from_tenant_id: a.id,
          to_tenant_id: b.id,
          terms: 'referrals, 5 %',
        });
    });
  }

  /** What happened between two moments. */
  pass(from: Date, to: Date): Promise<void> {
    const days = (to.getTime() - from.getTime()) / 86_400_000;
    return this.store.together(() => {
      for (const resident of this.residents) {
        let expected = conversationsPerDay * days * resident.character.weight;
        for (; this.random.next() < expected; expected -= 1) {
          this.converse(resident, this.moment(from, to));
        }
        if (this.random.chance(days * 0.4 * (0.2 + 4 * resident.character.weight)))
          this.administer(resident, this.moment(from, to));
      }
    });
  }

  /** Visitors who come to one tenant, whatever goes on there. */
  visit(resident: Resident, from: Date, to: Date, conversations: number): Promise<void> {
    return this.store.together(() => {
      for (let n = 0; n < conversations; n++) this.converse(resident, this.moment(from, to));
    });
  }

  private moment(from: Date, to: Date): Date {
    return new Date(from.getTime() + this.random.next() * (to.getTime() - from.getTime()));
  }

  private converse(resident: Resident, at: Date): void {
    const { random, words, store } = this;
    const { trade, slug } = resident.character;
    const channel = random.pick(['web', 'web', 'whatsapp', 'telegram']);
    const agent = random.pick(resident.agents);
    const conversation = store.insert('audit_conversations', {
      tenant_id: resident.id,
      agent_id: agent,
      channel,
      started_at: isoTime(at),
    });
    const session = channel === 'web' ? null : this.sessionOf(resident, agent, channel, at);
    const turns = random.between(1, 4) * 2;
    for (let sequence = 1; sequence <= turns; sequence++) {
      const asks = sequence % 2 === 1;
      const content = asks ? words.question(trade) : words.answer(trade);
      const created_at = isoTime(new Date(at.getTime() + sequence * 20_000));
      store.insert('audit_messages', {
        conversation_id: conversation,
        sequence,
        role: asks ? 'user' : 'assistant',
        content,
        tokens: content.length >> 2,
        created_at,
      });
      if (session !== null) {
        store.insert('channel_messages', {
          tenant_id: resident.id,
          session_id: session,
          direction: asks ? 'in' : 'out',
          body: content,
          created_at,
        });
      }
    }
    if (random.chance(0.35)) this.lead(resident, conversation, at);
    if (random.chance(0.2)) this.job(resident, at, slug);
  }

  private sessionOf(resident: Resident, agent: number, channel: string, at: Date): number {
    if (resident.sessions.length > 0 && this.random.chance(0.5)) return this.random.pick(resident.sessions);
    const external_user_id = `${resident.id}-${this.words.hex(5)}`;
    const session = this.store.insert('channel_sessions', {
      tenant_id: resident.id,
      agent_id: agent,
      channel,
      external_user_id,
      last_seen_at: isoTime(at),
    });
    resident.sessions.push(session);
    return session;
  }

  private lead(resident: Resident, conversation: number, at: Date): void {
    const { name, mailbox } = this.words.person();
    const when = isoTime(at);
    const lead = this.store.insert('leads', {
      tenant_id: resident.id,
      conversation_id: conversation,
      name,
      email: `${mailbox}.${this.words.hex(2)}@example.org`,
      company: this.words.company(),
      score: this.random.between(0, 1000) / 10,
      status: this.random.pick(['new', 'contacted', 'qualified', 'lost']),
      created_at: when,
      updated_at: when,
    });
    for (const type of ['created', 'scored']) {
      this.store.insert('lead_events', {
        lead_id: lead,
        type,
        payload: JSON.stringify({ by: 'agent' }),
        created_at: when,
      });
    }
  }

  private job(resident: Resident, at: Date, slug: string): void {
    const id = `job_${this.words.hex(8)}`;
    const status = this.random.pick(['done', 'done', 'done', 'done', 'failed', 'pending']);
    const type = this.random.pick(['email.send', 'crm.push', 'webhook.call', 'index.rebuild']);
    this.store.insert('jobs', {
      id,
      tenant_id: resident.id,
      type,
      payload: JSON.stringify({ tenant: slug }),
      status,
      attempts: status === 'failed' ? 5 : 1,
      run_at: isoTime(at),
    });
    if (status === 'failed') {
      this.store.insert('dead_letter_queue', {
        original_job_id: id,
        error: 'connection refused',
        failed_at: isoTime(at),
      });
    }
  }

  /** Somebody at the tenant changes something. */
  private administer(resident: Resident, at: Date): void {
    const { random, words, store } = this;
    const prompt = random.pick(resident.prompts);
    prompt.version += 1;
    const created_at = isoTime(at);
    store.insert('prompt_versions', {
      prompt_id: prompt.id,
      version: prompt.version,
      body: words.instruction(resident.character.name, resident.character.trade),
      created_at,
    });
    if (random.chance(0.3)) {
      store.insert('knowledge_articles', {
        tenant_id: resident.id,
        title: words.topic(),
        body: words.answer(resident.character.trade),
        updated_at: created_at,
      });
    }
    store.insert('audit_events', {
      tenant_id: resident.id,
      created_at,
      type: 'prompt.updated',
      actor: resident.owner,
      target: String(prompt.id),
    });
  }
}

function sharedRows(store: DemoStore, at: Date): void {
  for (let version = 1; version <= 12; version++)
    store.insert('schema_migrations', { version, applied_at: isoTime(at) });
  const plans: [Character['tier'], number][] = [
    ['enterprise', 149_900],
    ['pro', 19_900],
    ['starter', 4_900],
    ['free', 0],
  ];
  for (const [code, monthly_cents] of plans)
    store.insert('plans', { code, name: code.toUpperCase(), monthly_cents });
  for (const name of ['small-1', 'medium-2', 'large-3'])
    store.insert('models', { name, provider: 'acme', context_tokens: 128_000 });
}
