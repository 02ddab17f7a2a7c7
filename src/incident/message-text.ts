import { printable } from '../engine/printable.ts';
import type { Contacts } from './contacts.ts';
import type { Audience, MessageKind } from './facts.ts';
import type { Knowledge } from './knowledge.ts';
import type { IncidentState } from './records.ts';
import { minuteWords, rowsWords, spanWords, timeWords } from './words.ts';

/**
 * The words of a message. Three readers: the tenant hears about its own data; the public hears that some
 * customers are affected, never which; the team gets every number. What is believed is said as believed.
 */
export interface MessageFacts {
  state: IncidentState;
  contacts: Contacts;
  audience: Audience;
  kind: MessageKind;
  knowledge: Knowledge;
  nextUpdateDueAt: string | null;
}

export function subjectOf({ state, audience, kind, knowledge }: MessageFacts): string {
  const about =
    audience === 'status-page' ? 'Data problem for some customers' : `Data problem: ${namesOf(state)}`;
  const suffix = { 'first-notice': 'we are working on it', update: 'update', resolved: endWords(knowledge) }[
    kind
  ];
  return audience === 'internal' ? `[${state.id}] ${about}: ${suffix}` : `${about}: ${suffix}`;
}

/** "resolved" is a claim: it is made only once the tenant can work and the data was checked. */
function endWords(knowledge: Knowledge): string {
  return isResolved(knowledge) ? 'resolved' : 'not yet confirmed as resolved';
}

function isResolved({ usableAt, restoredAt, verification }: Knowledge): boolean {
  return usableAt !== null && (restoredAt === null || verification === 'passed');
}

export function bodyOf(facts: MessageFacts): string {
  const paragraphs = facts.audience === 'internal' ? internal(facts) : outside(facts);
  return paragraphs.filter((paragraph) => paragraph !== '').join('\n\n');
}

function outside(facts: MessageFacts): string[] {
  const { kind, audience, state, contacts, knowledge } = facts;
  const greeting = audience === 'tenant' ? `Dear ${namesOf(state)} team,` : '';
  const statusPage =
    audience === 'tenant' && contacts.statusPage && kind !== 'resolved'
      ? `Status page: ${contacts.statusPage}`
      : '';
  return [
    greeting,
    whatHappened(facts),
    serviceNow(facts),
    dataNow(facts),
    audience === 'tenant' ? setAside(knowledge) : '',
    nextWords(facts),
    statusPage,
    contacts.signature ?? '',
  ];
}

function whatHappened({ audience, kind, knowledge }: MessageFacts): string {
  const whose = audience === 'tenant' ? 'your data' : 'the data of some customers';
  const since = knowledge.damagedAt
    ? ` We believe it began at about ${minuteWords(knowledge.damagedAt)}.`
    : ' We do not know yet when it began.';
  const found = `At ${minuteWords(knowledge.detectedAt)} we were alerted to missing or changed entries in ${whose}.`;
  const others =
    audience === 'status-page' && kind === 'first-notice' ? ' The service as a whole is running.' : '';
  return `${found}${since}${others}`;
}

function serviceNow({ audience, knowledge }: MessageFacts): string {
  const account = audience === 'tenant' ? 'Your account' : 'Access for those customers';
  if (knowledge.usableAt)
    return `${account} has been available again since ${minuteWords(knowledge.usableAt)}.`;
  if (knowledge.suspendedSince) {
    return `${account} has been paused since ${minuteWords(knowledge.suspendedSince)}, so that nothing changes while we repair the data.`;
  }
  return '';
}

function dataNow({ kind, knowledge }: MessageFacts): string {
  const from = knowledge.backupTakenAt ? ` of ${minuteWords(knowledge.backupTakenAt)}` : '';
  if (knowledge.restoredAt) {
    const put = `The data was put back from the backup${from} at ${minuteWords(knowledge.restoredAt)}.`;
    if (knowledge.verification === 'passed') return `${put} Our checks of it have passed.`;
    if (knowledge.verification === 'failed')
      return `${put} Our checks have found differences, which we are looking into.`;
    return `${put} We have not finished checking it.`;
  }
  if (kind === 'first-notice') return 'We are finding out what is affected.';
  if (knowledge.backupTakenAt)
    return `We have found a backup${from} and are preparing to restore from it. Nothing has been restored yet.`;
  return 'We are finding out what is affected. Nothing has been restored yet.';
}

function setAside({ restoredAt, rowsSetAside, backupTakenAt }: Knowledge): string {
  if (!restoredAt || !backupTakenAt) return '';
  const span = `Entries made or changed after ${minuteWords(backupTakenAt)} may not be in the restored data.`;
  if (rowsSetAside === 0) return span;
  return `${span} ${rowsSetAside} newer entries were set aside; we keep them and can bring them back on request.`;
}

function nextWords({ kind, knowledge, nextUpdateDueAt }: MessageFacts): string {
  const expected = knowledge.expectedAt
    ? `We expect the repair to be finished at about ${minuteWords(knowledge.expectedAt)}; this is an estimate and may change.`
    : '';
  const next = nextUpdateDueAt ? `You will hear from us again by ${minuteWords(nextUpdateDueAt)}.` : '';
  const asks = kind === 'resolved' ? 'Please tell us if you still find anything missing or wrong.' : '';
  return [expected, next, asks].filter((sentence) => sentence !== '').join(' ');
}

function internal({ state, knowledge, nextUpdateDueAt, contacts }: MessageFacts): string[] {
  const { opened } = state;
  const restored = state.restores.flatMap((restore) => restore.finished ?? []);
  const unknown = state.restores.some((one) => one.state === 'intended' || one.state === 'unknown');
  const lines = [
    `Incident: ${state.id}, ${printable(opened.title)} (${opened.mode})`,
    `Database: ${printable(opened.database.name)}, ${printable(opened.environment)}`,
    `Tenants: ${state.tenants.map((one) => `${printable(one.slug)} (${one.tier})`).join(', ') || 'none'}`,
    `Detected: ${timeWords(opened.detectedAt)}; damage: ${opened.damagedAt ? `${timeWords(opened.damagedAt)}, as reported` : 'time unknown'}`,
    `Suspended: ${knowledge.suspendedSince ? `since ${timeWords(knowledge.suspendedSince)}` : 'no'}`,
    `Backup: ${state.backup ? `${printable(state.backup.ref)}${state.backup.takenAt ? `, taken ${timeWords(state.backup.takenAt)}` : ''}` : 'not chosen yet'}`,
    `Restore: ${unknown ? 'outcome NOT KNOWN, to be probed' : restored.length > 0 ? `committed, ${rowsWords(restored.flatMap((one) => one.tables))}` : 'not done'}`,
    `Verification: ${knowledge.verification.replace('-', ' ')}`,
    `Usable: ${usableWords(knowledge)}`,
    `Steps: ${state.steps.map((step) => `${printable(step.title)} ${step.state}`).join('; ')}`,
  ];
  const rto = opened.rtoSeconds === null ? 'no RTO' : `RTO ${spanWords(opened.rtoSeconds)} from detection`;
  const next = nextUpdateDueAt ? `Next update due ${timeWords(nextUpdateDueAt)}.` : '';
  return [lines.join('\n'), `${rto}. ${next}`.trim(), contacts.signature ?? ''];
}

function usableWords({ usableAt, expectedAt, onlyEstimates }: Knowledge): string {
  if (usableAt) return `since ${timeWords(usableAt)}`;
  if (!expectedAt) return 'no';
  return `no; projected ${timeWords(expectedAt)}${onlyEstimates ? ', from estimates alone' : ''}`;
}

function namesOf(state: IncidentState): string {
  return state.tenants.map((tenant) => printable(tenant.name)).join(', ') || 'customer';
}
