import { printable } from '../../engine/printable.ts';
import { describe } from '../../incident/describe.ts';
import type { Entry } from '../../incident/events.ts';
import type { History } from '../../incident/history.ts';
import type { Source } from '../../incident/projection.ts';
import type { IncidentState } from '../../incident/records.ts';
import { hourMinute, inWords, timeOfDay, zone } from '../format.ts';
import { fit, pad, paragraph } from '../layout.ts';
import { blank, type Line, line, span } from '../line.ts';
import { clocksAt } from './incident.ts';
import { budgetPicture, timeLine, writesPicture } from './pictures.ts';

/** The commander's view: an ETA sentence to read aloud, risks, pictures, the time line so far. */

const sources: Record<Source, string> = {
  progress: 'live progress',
  past: 'past runs',
  measured: 'measured size',
  estimate: 'the estimate',
};

/** One or two sentences that can be read out as they are, and promise no more than is known. */
export function etaSentence(state: IncidentState, now: Date, history: History): string {
  const { rto, projection, steps } = clocksAt(state, now, history);
  const who = state.tenants.map((tenant) => printable(tenant.name)).join(', ') || 'The tenant';
  if (rto.usableAt) {
    const verdict =
      rto.met === null
        ? ''
        : rto.met
          ? ', within the promised time'
          : `, ${inWords(rto.overSeconds)} later than promised`;
    return `${who} could work again at ${hourMinute(rto.usableAt)} ${zone(rto.usableAt)}, ${inWords(rto.usedSeconds)} after detection${verdict}.`;
  }
  if (!projection)
    return `The incident was closed after ${inWords(rto.usedSeconds)} without the tenant being reactivated.`;
  const promise =
    rto.leftSeconds === null
      ? 'There is no promised limit.'
      : rto.overSeconds > 0
        ? `The promised time is over since ${inWords(rto.overSeconds)}.`
        : `${inWords(rto.leftSeconds)} of the promised time are left.`;
  const used = new Set(steps.flatMap((step) => (step.counts && step.source ? [sources[step.source]] : [])));
  return `We expect ${who} to be able to work again at about ${hourMinute(projection.usableAt)} ${zone(projection.usableAt)}, in ${inWords(projection.remainingSeconds)}. ${promise} This rests on ${[...used].join(', ') || 'nothing measured yet'}; verification may still find something.`;
}

/** Somebody may be in the middle of something with the same tenants. */
export function openTooSentences({ openToo, tenants }: IncidentState): string[] {
  const whose = tenants.length === 1 ? 'this tenant' : 'one of these tenants';
  return openToo.map((id) => `${id} about ${whose} is open too: agree with whoever works on it.`);
}

/** What may still go wrong or was out of the ordinary. */
export function riskLines(state: IncidentState, now: Date, history: History): string[] {
  const clocks = clocksAt(state, now, history);
  const risks = openTooSentences(state);
  if (clocks.rto.verdict === 'late') risks.push('The projection ends after the promised time.');
  if (clocks.rto.verdict === 'over') risks.push('The promised time is over.');
  if (clocks.projection?.estimatesExceed) risks.push('The estimates alone are more than the promised time.');
  if (clocks.rpo?.met === false) risks.push('The chosen backup is outside the RPO.');
  if (clocks.atStake && clocks.atStake.rows > 0)
    risks.push(
      `${clocks.atStake.rows} rows newer than the backup are at stake; they stay in the safety copy.`,
    );
  for (const suspension of state.suspensions) {
    if (suspension.settled && !suspension.settled.quiet)
      risks.push(
        `Writes went on after the suspension: ${printable(suspension.settled.reason ?? 'no reason given')}.`,
      );
  }
  for (const step of state.steps.filter((one) => one.state === 'skipped'))
    risks.push(`${printable(step.title)} was skipped: ${printable(step.reason ?? '')}.`);
  for (const reason of state.reasons) risks.push(`${printable(reason.what)}: ${printable(reason.text)}.`);
  if (state.restores.some((restore) => restore.state === 'intended' || restore.state === 'unknown'))
    risks.push('Nobody knows yet whether the last restore happened.');
  if (state.mirrorFailure)
    risks.push(`The second copy of the journal is not up to date: ${printable(state.mirrorFailure)}.`);
  if (state.clock.setBackSeconds > 0)
    risks.push(
      `The wall clock was set back by ${inWords(state.clock.setBackSeconds)}; the clocks here do not follow it.`,
    );
  if (clocks.nextUpdate && clocks.nextUpdate.inSeconds < 0)
    risks.push(`The next message is ${inWords(-clocks.nextUpdate.inSeconds)} late.`);
  return risks;
}

export interface CommanderModel {
  state: IncidentState;
  entries: readonly Entry[];
  now: Date;
  history: History;
}

/** Sentence, risks, pictures, and the newest entries of the journal first. */
export function commanderLines({ state, entries, now, history }: CommanderModel, width: number): Line[] {
  const heading = (text: string): Line => line(span(` ${text}`, 'strong'));
  const risks = riskLines(state, now, history);
  const clocks = clocksAt(state, now, history);
  const { opened } = state;
  const moments = timeLine(
    {
      backupAt: state.backup?.takenAt ?? null,
      damagedAt: opened.damagedAt ?? opened.detectedAt,
      detectedAt: opened.detectedAt,
      now: now.toISOString(),
      elapsedSeconds: clocks.elapsedSeconds,
      rpoSeconds: opened.rpoSeconds,
    },
    width - 2,
  );
  const parts = clocks.steps
    .filter((step) => step.counts)
    .map((step) => ({
      title: printable(step.title),
      seconds: step.usedSeconds + step.remainingSeconds,
      done: step.remainingSeconds === 0,
    }));
  const budget = parts.length > 0 ? budgetPicture(parts, opened.rtoSeconds, width - 2) : null;
  return [
    heading('To read aloud'),
    ...paragraph(etaSentence(state, now, history), width - 3, 'plain', 2),
    blank,
    heading(risks.length > 0 ? 'Risks' : 'No risks known'),
    ...risks.flatMap((risk) => paragraph(`! ${risk}`, width - 3, 'warning', 2)),
    blank,
    heading('Time line'),
    ...moments.lines,
    ...paragraph(moments.reading, width - 3, 'muted', 2),
    blank,
    ...(budget
      ? [heading('RTO budget'), ...budget.lines, ...paragraph(budget.reading, width - 3, 'muted', 2), blank]
      : []),
    ...writesLines(state, width),
    heading('What happened, newest first'),
    ...entries
      .toReversed()
      .slice(0, 200)
      .map((entry) =>
        fit(
          line(
            span(`  ${timeOfDay(entry.at)} `, 'muted'),
            span(pad(printable(entry.actor.name), 10), 'muted'),
            ` ${printable(describe(entry, state))}`,
          ),
          width,
        ),
      ),
  ];
}

/** Writes per interval after the suspension, falling to zero. */
function writesLines(state: IncidentState, width: number): Line[] {
  const samples = state.suspensions.at(-1)?.settled?.samples ?? [];
  if (samples.length === 0) return [];
  const picture = writesPicture(samples, width - 2);
  return [
    line(span(' Writes after the suspension', 'strong')),
    ...picture.lines,
    ...paragraph(picture.reading, width - 3, 'muted', 2),
    blank,
  ];
}
