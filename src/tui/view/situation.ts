import { printable } from '../../engine/printable.ts';
import type { Entry } from '../../incident/events.ts';
import type { History } from '../../incident/history.ts';
import type { IncidentState } from '../../incident/records.ts';
import { hourMinuteZone, timeOfDay } from '../format.ts';
import { paragraph } from '../layout.ts';
import { blank, type Line } from '../line.ts';
import { etaSentence, openTooSentences, riskLines } from './commander.ts';

/**
 * The situation in a few lines, for whoever takes over: what, where, how far, what next, what to watch. It is kept as it
 * is, and read where clocks may show another zone.
 */
export function situationText(state: IncidentState, now: Date, history: History): string {
  const { opened } = state;
  const who = state.tenants.map((tenant) => `${tenant.name} (${tenant.slug}, ${tenant.tier})`).join(', ');
  const done = state.steps.filter((step) => step.state === 'done').map((step) => step.title);
  const next = state.steps.find((step) => step.state !== 'done' && step.state !== 'skipped');
  const suspended = state.suspensions.filter((one) => one.reactivatedAt === null).length;
  const message = state.messages.at(-1);
  return [
    `${opened.title}: ${who || 'no tenant'} in ${opened.database.name} (${opened.environment}, ${opened.mode}).`,
    `Detected ${hourMinuteZone(opened.detectedAt)}${opened.damagedAt ? `, damaged ${hourMinuteZone(opened.damagedAt)}` : ''}. ${suspended > 0 ? 'The tenant is suspended.' : 'The tenant is not suspended.'}`,
    `Done: ${done.join(', ') || 'nothing yet'}. Next: ${next?.title ?? 'nothing is left'}.`,
    state.backup ? `Backup chosen: ${state.backup.ref}.` : 'No backup chosen yet.',
    etaSentence(state, now, history),
    message
      ? `Last message: ${message.kind} to ${message.audience}, ${message.state} ${hourMinuteZone(message.at)}.`
      : 'No message was sent yet.',
    ...riskLines(state, now, history).slice(0, 4),
  ].join('\n');
}

/** What whoever takes up an incident reads before anything else; null when there is nothing. */
export function readFirstLines(
  state: IncidentState,
  entries: readonly Entry[],
  width: number,
): Line[] | null {
  const others = openTooLines(state, width);
  const left = handedOverLines(entries, width);
  if (others.length === 0) return left;
  return left ? [...others, blank, ...left] : others;
}

function openTooLines(state: IncidentState, width: number): Line[] {
  const [first] = state.openToo;
  if (first === undefined) return [];
  return [
    ...openTooSentences(state).flatMap((text) => paragraph(printable(text), width - 2, 'warning', 1)),
    ...paragraph(
      `\`tenant-dr watch ${printable(first)}\` looks on; \`tenant-dr resume ${printable(first)}\` goes on with it. To go on here: enter.`,
      width - 2,
      'plain',
      1,
    ),
  ];
}

/** What the last person left behind, for the first one who takes it up; null for everybody after. */
export function handedOverLines(entries: readonly Entry[], width: number): Line[] | null {
  const at = entries.findLastIndex((entry) => entry.event === 'handed-over');
  const left = entries[at];
  const takenUp = entries.slice(at).filter((entry) => entry.event === 'lock.acquired').length;
  if (left?.event !== 'handed-over' || takenUp > 1) return null;
  return [
    ...paragraph(
      `${printable(left.actor.name)} handed this over at ${timeOfDay(left.at)}:`,
      width - 2,
      'muted',
      1,
    ),
    ...paragraph(printable(left.note), width - 2, 'strong', 1),
    blank,
    ...left.situation.split('\n').flatMap((text) => paragraph(printable(text), width - 2, 'plain', 1)),
  ];
}
