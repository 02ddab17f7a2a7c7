import type { History } from '../../incident/history.ts';
import type { IncidentState } from '../../incident/records.ts';
import { hourMinute } from '../format.ts';
import { etaSentence, riskLines } from './commander.ts';

/** The situation in a few lines, for whoever takes over: what, where, how far, what next, what to watch. */
export function situationText(state: IncidentState, now: Date, history: History): string {
  const { opened } = state;
  const who = state.tenants.map((tenant) => `${tenant.name} (${tenant.slug}, ${tenant.tier})`).join(', ');
  const done = state.steps.filter((step) => step.state === 'done').map((step) => step.title);
  const next = state.steps.find((step) => step.state !== 'done' && step.state !== 'skipped');
  const suspended = state.suspensions.filter((one) => one.reactivatedAt === null).length;
  const message = state.messages.at(-1);
  return [
    `${opened.title}: ${who || 'no tenant'} in ${opened.database.name} (${opened.environment}, ${opened.mode}).`,
    `Detected ${hourMinute(opened.detectedAt)}${opened.damagedAt ? `, damaged ${hourMinute(opened.damagedAt)}` : ''}. ${suspended > 0 ? 'The tenant is suspended.' : 'The tenant is not suspended.'}`,
    `Done: ${done.join(', ') || 'nothing yet'}. Next: ${next?.title ?? 'nothing is left'}.`,
    state.backup ? `Backup chosen: ${state.backup.ref}.` : 'No backup chosen yet.',
    etaSentence(state, now, history),
    message
      ? `Last message: ${message.kind} to ${message.audience}, ${message.state} ${hourMinute(message.at)}.`
      : 'No message was sent yet.',
    ...riskLines(state, now, history).slice(0, 4),
  ].join('\n');
}
