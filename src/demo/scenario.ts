import { deleteMost, mergeWrongTenant, overwriteMost, remains } from '../databases/demo/damage.ts';
import type { DemoStore } from '../databases/demo/store.ts';
import type { Resident } from './move-in.ts';
import type { Random } from './random.ts';
import { isoTime, minutesBefore } from './time.ts';

export const scenarios = ['deleted', 'overwritten', 'wrong-tenant-merge', 'bad-latest'] as const;
export type Scenario = (typeof scenarios)[number];

export interface Misfortune {
  scenario: Scenario;
  victim: Resident;
  damagedAt: Date;
  detectedAt: Date;
}

/** Chooses the tenant it happens to: one with something to lose, so that the clocks matter. */
export function misfortune(scenario: Scenario, residents: Resident[], random: Random, now: Date): Misfortune {
  const large = residents.filter(({ agents }) => agents.length >= 5);
  return {
    scenario,
    victim: random.pick(large),
    // Found late, the damage is already in the newest backups.
    damagedAt: minutesBefore(now, scenario === 'bad-latest' ? 208 : 28),
    detectedAt: minutesBefore(now, 6),
  };
}

/** Does the damage. The tenant's people go on working with what is left. */
export async function strike(
  store: DemoStore,
  { scenario, victim, damagedAt }: Misfortune,
  residents: Resident[],
): Promise<void> {
  const at = isoTime(damagedAt);
  await store.together(() => {
    if (scenario === 'deleted' || scenario === 'bad-latest') deleteMost(store, victim.id, at);
    if (scenario === 'overwritten') overwriteMost(store, victim.id, at);
    if (scenario === 'wrong-tenant-merge')
      mergeWrongTenant(store, victim.id, neighbour(victim, residents).id, at);
  });
  const left = await remains(store, victim.id);
  victim.agents = left.agents;
  victim.sessions = left.sessions;
  victim.prompts = left.prompts.map(
    (id) => victim.prompts.find((prompt) => prompt.id === id) ?? { id, version: 0 },
  );
}

/** The account that support mistook for another of the customer's. */
function neighbour(victim: Resident, residents: Resident[]): Resident {
  const others = residents.filter(({ id, character }) => id !== victim.id && character.tier === 'pro');
  return others[victim.id % others.length] ?? victim;
}

/** The e-mail that started it all, as it reached support. */
export function complaint({ scenario, victim, damagedAt, detectedAt }: Misfortune): string {
  const name = victim.character.name;
  const since = `${isoTime(damagedAt).slice(11, 16)} UTC`;
  const body: Record<Scenario, string> = {
    deleted: `Most of our agents are gone and the conversations with them.\nSince about ${since} visitors only reach the default one. Nobody here deleted\nanything. Please get everything back, but keep what came in since if you can.`,
    overwritten: `All our leads suddenly carry their company as a name, and every prompt\nsays "{{ template.body }}". It started around ${since}, when the CRM sync ran.\nOur agents are talking nonsense to customers right now.`,
    'wrong-tenant-merge': `We see leads and prompts of a company we have never heard of in our\naccount, marked "merged", and many leads of ours are missing. Your support was\nworking on our account around ${since}. Can they see our data, too?!`,
    'bad-latest': `Agents and conversations are missing. A colleague says it looked odd\nalready before lunch, maybe since ${since}; we only found out now. You do have\nbackups, don't you?`,
  };
  return [
    `From:    ${victim.ownerName} <${victim.owner}>`,
    'To:      support',
    `Date:    ${isoTime(detectedAt)}`,
    `Subject: URGENT, ${name}`,
    '',
    body[scenario],
    '',
    victim.ownerName,
    name,
  ].join('\n');
}
