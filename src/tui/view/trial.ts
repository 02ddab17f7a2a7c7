import { printable } from '../../engine/printable.ts';
import type { IncidentState } from '../../incident/records.ts';
import { clock, inWords, limit } from '../format.ts';
import { fit, pad, paragraph, widthOf } from '../layout.ts';
import { blank, type Line, line, span } from '../line.ts';
import { effectsReading, effectsTable } from './effects.ts';

/** What came of a run that changed nothing live: what a dry run would do, how long a rehearsal took. */

export function trialLines(state: IncidentState, width: number): Line[] {
  switch (state.opened.mode) {
    case 'dry-run':
      return dryRunLines(state, width);
    case 'rehearsal':
    case 'drill':
      return timingLines(state, width);
    default:
      return [];
  }
}

/** Every task that was only shown, in the words of its preview, and the plan table by table. */
function dryRunLines(state: IncidentState, width: number): Line[] {
  const lines: Line[] = [blank, line(span(' What would happen', 'strong'))];
  for (const [index, step] of state.steps.entries()) {
    for (const task of step.tasks ?? []) {
      const note = state.taskNotes.findLast(
        (one) => one.task === task.id && one.data?.commands !== undefined,
      );
      if (!note) continue;
      lines.push(
        ...paragraph(`${index + 1} ${printable(task.title)}: ${printable(note.text)}`, width - 2, 'plain', 1),
      );
    }
  }
  const plan = state.plans.at(-1);
  if (plan && plan.tables.length > 0) {
    lines.push(
      blank,
      ...paragraph(
        `The plan, from ${printable(plan.from)}: ${effectsReading(plan.tables)}.`,
        width - 2,
        'strong',
        1,
      ),
      ...effectsTable(plan.tables, width, 12),
    );
  }
  return [...lines, ...timingLines(state, width)];
}

/** Estimate against what it took, step by step; what a dry run left out took no time and says nothing. */
function timingLines(state: IncidentState, width: number): Line[] {
  const timed = state.steps.filter((step) => step.seconds !== null && step.state === 'done');
  if (timed.length === 0) return [];
  const name = Math.min(34, Math.max(...timed.map((step) => widthOf(printable(step.title)))));
  const took = timed.reduce((sum, step) => sum + (step.seconds ?? 0), 0);
  const estimate = timed.reduce((sum, step) => sum + step.estimateSeconds, 0);
  const dry = state.opened.mode === 'dry-run';
  return [
    blank,
    line(span(' How long it took', 'strong'), span(dry ? ' (only what a dry run really does)' : '', 'muted')),
    ...timed.map((step) =>
      fit(
        line(
          ` ${pad(printable(step.title), name)}  ${pad(clock(step.seconds ?? 0), 8, 'left')}`,
          span(`  estimate ${limit(step.estimateSeconds)}`, 'muted'),
        ),
        width,
      ),
    ),
    ...paragraph(
      `Together ${inWords(took)}, estimated ${inWords(estimate)}.${dry ? '' : ' The next incident’s projection uses these times.'}`,
      width - 2,
      'plain',
      1,
    ),
  ];
}
