import { join } from 'node:path';
import { writeDurably } from '../engine/durable.ts';
import { byTier, type Tier } from '../policy/tiers.ts';
import { type Contacts, recipientsOf } from './contacts.ts';
import type { Audience, MessageKind } from './facts.ts';
import type { History } from './history.ts';
import type { Incident } from './incident.ts';
import { knowledgeOf } from './knowledge.ts';
import { bodyOf, subjectOf } from './message-text.ts';
import type { IncidentState } from './records.ts';

/** A message as drafted: the operator may change subject and body before it goes out. */
export interface Draft {
  /** Names the message in the journal and its file. */
  id: string;
  audience: Audience;
  kind: MessageKind;
  /** Recipients from the contacts file; empty when it names none. */
  to: string[];
  subject: string;
  body: string;
  /** When the next update is due once this one is out; null after the last. ISO 8601. */
  nextUpdateDueAt: string | null;
  /** What the draft is not allowed to claim yet, for the operator to see before sending. */
  unproven: string[];
  /** A person changed the words. */
  edited?: true;
}

/** A draft as one text to edit: the subject in the first line. */
export function editableText({ subject, body }: Pick<Draft, 'subject' | 'body'>): string {
  return `Subject: ${subject}\n\n${body}`;
}

/** What is wrong with an edited text, or null. */
export function checkEdited(text: string): string | null {
  const { subject, body } = partsOf(text);
  if (subject === '') return 'the first line must be "Subject: " and a subject';
  return body === '' ? 'the message is empty' : null;
}

/** The draft with the words of an edited text. */
export function withEdited(draft: Draft, text: string): Draft {
  const { subject, body } = partsOf(text);
  if (subject === draft.subject && body === draft.body.trim()) return draft;
  return { ...draft, subject, body, edited: true };
}

function partsOf(text: string): { subject: string; body: string } {
  const [first = '', ...rest] = text.split('\n');
  const subject = /^Subject:(.*)$/u.exec(first)?.[1]?.trim() ?? '';
  return { subject, body: rest.join('\n').trim() };
}

/** How often somebody waiting hears from us; overridable in the contacts file. Seconds. */
const updateEvery: Record<Tier, number | null> = {
  enterprise: 30 * 60,
  pro: 60 * 60,
  starter: 4 * 3600,
  free: null,
};

/** Fills in a message from what the journal shows at this moment. `now`: milliseconds since 1970. */
export function draftMessage(
  state: IncidentState,
  contacts: Contacts,
  request: { audience: Audience; kind: MessageKind; now: number; history?: History },
): Draft {
  const { audience, kind, now } = request;
  const knowledge = knowledgeOf(state, now, request.history);
  const nextUpdateDueAt = nextUpdate(state, contacts, kind, now);
  const facts = { state, contacts, audience, kind, knowledge, nextUpdateDueAt };
  return {
    id: newId(state, audience, kind),
    audience,
    kind,
    to: recipientsOf(contacts, audience, state.tenants),
    subject: subjectOf(facts),
    body: bodyOf(facts),
    nextUpdateDueAt,
    unproven: kind === 'resolved' ? unprovenOf(knowledge) : [],
  };
}

function unprovenOf({ usableAt, verification, restoredAt }: ReturnType<typeof knowledgeOf>): string[] {
  const unproven: string[] = [];
  if (restoredAt && verification !== 'passed')
    unproven.push('The restored data has not passed verification.');
  if (!usableAt) unproven.push('The tenant cannot work again yet.');
  return unproven;
}

/** Messages that a live incident of a runbook owes before it is closed: told at the start, told at the end. */
export function owedMessages(state: IncidentState): { audience: Audience; kind: MessageKind }[] {
  if (state.opened.mode !== 'live' || state.opened.kind !== 'runbook' || state.tenants.length === 0)
    return [];
  const settled = (audience: Audience, kind: MessageKind) =>
    state.messages.some((one) => one.audience === audience && one.kind === kind && one.state !== 'drafted');
  const owed = [
    { audience: 'tenant', kind: 'first-notice' },
    { audience: 'tenant', kind: 'resolved' },
  ] as const;
  return owed.filter(({ audience, kind }) => !settled(audience, kind));
}

/** The file a message is kept in, as text with recipients and subject above; returns its path in the incident. */
export async function writeMessage(incident: Incident, draft: Draft): Promise<string> {
  const file = join('messages', `${draft.id}.txt`);
  const to = draft.to.length > 0 ? draft.to.join(', ') : '(no contact known)';
  await writeDurably(incident.path(file), `To: ${to}\nSubject: ${draft.subject}\n\n${draft.body}\n`);
  return file;
}

function newId(state: IncidentState, audience: Audience, kind: MessageKind): string {
  const before = state.messages.filter((one) => one.id.startsWith(`${kind}-${audience}`)).length;
  return before === 0 ? `${kind}-${audience}-1` : `${kind}-${audience}-${before + 1}`;
}

function nextUpdate(state: IncidentState, contacts: Contacts, kind: MessageKind, now: number): string | null {
  const tier = state.tenants.toSorted(byTier)[0]?.tier;
  if (kind === 'resolved' || !tier) return null;
  const configured = contacts.updateEvery[tier];
  const seconds = configured === undefined ? updateEvery[tier] : configured;
  return seconds === null ? null : new Date(now + seconds * 1000).toISOString();
}
