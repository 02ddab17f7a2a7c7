import type { Random } from './random.ts';

const firstNames = [
  'Ana',
  'Bjørn',
  'Chidi',
  'Dana',
  'Eleni',
  'Femi',
  'Greta',
  'Hoshi',
  'Inês',
  'Jonas',
  'Kemal',
  'Lia',
  'Mika',
  'Noor',
  'Olga',
  'Paulo',
  'Qi',
  'Rosa',
  'Søren',
  'Tereza',
];
const lastNames = [
  'Almeida',
  'Brandt',
  "D'Angelo",
  'Eriksson',
  'Fonseca',
  'García',
  'Haddad',
  'Ito',
  'Jensen',
  'Kowalski',
  'Lindqvist',
  'Müller',
  'Nakamura',
  'Okafor',
  'Pereira',
  'Quispe',
  'Rossi',
  'Şahin',
  'Tran',
  'Weiß',
];
const companies = [
  'Aurora GmbH',
  'Blue Heron Ltda.',
  'Cobalt & Co',
  'Delta Seven',
  'Estrela do Mar',
  'Foxglove AB',
  'Granite Peak',
  'Hafenkontor',
];
const questions = [
  'Do you still have {x} in stock?',
  'How much would {x} be for twelve of us?',
  'My order of {x} came with a scratch 😕',
  'Can I change the date for {x}?',
  'Who do I talk to about {x}?',
  'Is {x} open on Sundays?',
  'I’d like a quote for {x}, please.',
  'Why was I charged twice for {x}?',
];
const answers = [
  'Certainly! For {x} we answer within one working day.',
  'I found two offers for {x}; shall I send them by e-mail?',
  'I am sorry about that. A colleague will look at {x} today.',
  'We are open from 9 to 18, {x} included.',
  'Done: {x} is booked. Anything else?',
  'I passed your question about {x} to the team. 🙂',
];
const instructions = [
  'You are the friendly voice of {n}. Talk about {x} only; hand over to a person when somebody is upset.',
  'Answer questions on {x} for {n}. Never promise a price. Keep it under 80 words.',
  'You qualify leads for {n}: ask for company, date and budget before you speak of {x}.',
  'Translate what visitors say about {x} into the language of {n}, word for word.',
];
const topics = [
  'Opening hours',
  'Returns',
  'Delivery',
  'Prices',
  'Care',
  'Bookings',
  'Complaints',
  'Guarantee',
  'Gift cards',
  'Accessibility',
];
const agentNames = [
  'Concierge',
  'Sales',
  'Support',
  'Returns',
  'Night shift',
  'Onboarding',
  'Billing',
  'Events',
  'Press',
  'FAQ',
  'Português',
  'Deutsch',
];

/** Words people say, made of a few phrases and the trade they are in. */
export class Words {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  person(): { name: string; mailbox: string } {
    const [first, last] = [this.random.pick(firstNames), this.random.pick(lastNames)];
    const plain = `${first}.${last}`
      .normalize('NFD')
      .replaceAll(/[^A-Za-z.]/g, '')
      .toLowerCase();
    return {
      name: `${first} ${last}`,
      mailbox: `${plain}${this.random.between(1, 999)}`,
    };
  }

  company(): string {
    return this.random.pick(companies);
  }

  question(trade: string): string {
    return this.random.pick(questions).replace('{x}', trade);
  }

  answer(trade: string): string {
    return this.random.pick(answers).replace('{x}', trade);
  }

  instruction(name: string, trade: string): string {
    return this.random.pick(instructions).replace('{n}', name).replace('{x}', trade);
  }

  topic(): string {
    return this.random.pick(topics);
  }

  agent(n: number): string {
    const name = agentNames[n % agentNames.length] ?? 'Agent';
    return n < agentNames.length ? name : `${name} ${Math.floor(n / agentNames.length) + 1}`;
  }

  /** Bytes of a given length as lower-case hex, for made-up hashes. */
  hex(bytes: number): string {
    return Array.from({ length: bytes }, () =>
      this.random.between(0, 255).toString(16).padStart(2, '0'),
    ).join('');
  }
}
