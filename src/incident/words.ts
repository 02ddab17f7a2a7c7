import type { TenantId } from '../engine/tenant.ts';
import { type Audience, type MessageKind, planReview } from './facts.ts';
import type { IncidentState } from './records.ts';

/** How an incident's facts are put into words; shared by timeline, report and messages. */

/** 0:13, 8:41, 1:02:03 */
export function durationWords(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = String(Math.floor((whole % 3600) / 60));
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${minutes.padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** 40 s, 52 min, 6 h 5 min, 3 d 2 h: to read aloud. */
export function spanWords(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** 2026-11-23 06:05:12 UTC */
export function timeWords(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** 06:05 UTC on 2026-11-23, for messages: nobody outside needs the seconds. */
export function minuteWords(iso: string): string {
  return `${iso.slice(11, 16)} UTC on ${iso.slice(0, 10)}`;
}

/** The slug of a tenant of this incident, or its id when the incident does not know it. */
export function slugOf(state: IncidentState, id: TenantId): string {
  const known = state.tenants.find((tenant) => tenant.id.type === id.type && tenant.id.text === id.text);
  return known?.slug ?? `id ${id.text}`;
}

const namedAtMost = 3;

/** `a, b, c and 297 more`: in a list of many, the first few tell which it is. */
export function fewWords(names: string[]): string {
  const more = names.length - namedAtMost;
  return `${names.slice(0, namedAtMost).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

export function titleOf(state: IncidentState, step: string): string {
  return state.steps.find((one) => one.id === step)?.title ?? step;
}

/** The title of a task; its id when the runbook does not name it. */
export function taskTitle(state: IncidentState, { step, task }: { step: string; task: string }): string {
  const tasks = state.steps.find((one) => one.id === step)?.tasks;
  return tasks?.find((one) => one.id === task)?.title ?? task;
}

export function rowsWords(tables: { insert: number; update: number; delete: number }[]): string {
  const sum = (pick: (table: { insert: number; update: number; delete: number }) => number) =>
    tables.reduce((total, table) => total + pick(table), 0);
  return `${sum((table) => table.insert)} added, ${sum((table) => table.update)} changed back, ${sum((table) => table.delete)} deleted`;
}

const kindWords: Record<MessageKind, string> = {
  'first-notice': 'first notice',
  update: 'update',
  resolved: 'resolved',
};
const audienceWords: Record<Audience, string> = {
  tenant: 'the tenant',
  'status-page': 'the status page',
  internal: 'the team',
};

/** first notice to the tenant */
export function messageWords(message: { kind: MessageKind; audience: Audience }): string {
  return `${kindWords[message.kind]} to ${audienceWords[message.audience]}`;
}

/** What a person answered, as people say it: `all of the plan`, `the plan without leads, and 2 rows`. */
export function answerWords(answer: unknown): string {
  if (typeof answer === 'string') return answer;
  const review = planReview.safeParse(answer);
  if (!review.success) return JSON.stringify(answer);
  const { withoutTables, withoutRows, revivals } = review.data;
  const rows = Object.values(withoutRows).reduce((sum, keys) => sum + keys.length, 0);
  const left = [...withoutTables, ...(rows > 0 ? [`${rows} single rows`] : [])];
  const decided = Object.entries(revivals).map(([table, decision]) => `, ${table}: ${decision}`);
  return `${left.length === 0 ? 'all of the plan' : `the plan without ${left.join(', ')}`}${decided.join('')}`;
}
