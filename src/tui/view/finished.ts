import { printable } from '../../engine/printable.ts';
import type { TenantDrError } from '../../errors.ts';
import { onCopy } from '../../incident/mode.ts';
import type { IncidentState } from '../../incident/records.ts';
import { isTakenOver, type RunResult } from '../../runbook/view.ts';
import { inWords, limit } from '../format.ts';
import { fit, paragraph } from '../layout.ts';
import { blank, type Line, line, plain, span, type Tone } from '../line.ts';
import { type HeaderModel, rtoReading } from './header.ts';
import { changedSeveral, restoredLines } from './restored.ts';
import { stepViews } from './run.ts';
import { stepLine } from './steps.ts';
import { trialLines } from './trial.ts';

/** What came of a run: on the finished screen, and printed to the terminal after it. */

const headlines: Record<RunResult['outcome'], { text: string; tone: Tone }> = {
  completed: { text: 'Done.', tone: 'good' },
  stopped: { text: 'Stopped at a safe point. The incident stays open.', tone: 'warning' },
  failed: { text: 'The run failed. The incident stays open.', tone: 'bad' },
};

/** No failure of the run: it goes on elsewhere. */
export const takenOver = 'Somebody else goes on with this incident.';

/** While what runs here comes to its end. */
export function lostLines({ message, hint }: TenantDrError, width: number): Line[] {
  return [
    ...paragraph(printable(message), width - 2, 'warning', 1),
    ...paragraph('What runs here is brought to its end.', width - 2, 'plain', 1),
    ...paragraph(printable(hint ?? ''), width - 2, 'plain', 1),
  ];
}

const handedOver = {
  text: 'Handed over. The incident is free for whoever resumes it.',
  tone: 'good' as const,
};

function headlineOf(state: IncidentState, { outcome, error }: RunResult): { text: string; tone: Tone } {
  if (isTakenOver({ outcome, error })) return { text: takenOver, tone: 'warning' };
  const free = outcome === 'stopped' && error === null && state.handOver !== null;
  return free ? handedOver : headlines[outcome];
}

const modeWords: Record<HeaderModel['mode'], string> = {
  live: '',
  look: '',
  'dry-run': ' A dry run: nothing was changed.',
  rehearsal: ' A rehearsal on a copy: the live database was not changed.',
  drill: ' A drill on a copy: the live database was not changed.',
};

export function finishedLines(
  state: IncidentState,
  model: HeaderModel,
  outcome: RunResult,
  width: number,
): Line[] {
  const headline = headlineOf(state, outcome);
  const lines: Line[] = [
    fit(line(span(` ${headline.text}`, headline.tone), span(modeWords[model.mode], 'good')), width),
  ];
  if (outcome.error && outcome.outcome !== 'completed') {
    lines.push(
      ...paragraph(
        printable(outcome.error.message),
        width - 2,
        outcome.outcome === 'failed' ? 'bad' : 'plain',
        1,
      ),
    );
    if (outcome.error.hint) lines.push(...paragraph(printable(outcome.error.hint), width - 2, 'plain', 1));
  }
  lines.push(blank, ...stepViews(state, null, state.last.at).map((step) => stepLine(step, width)), blank);
  if (model.rto) lines.push(...paragraph(rtoReading(model.rto), width - 2, rtoTone(model), 1));
  if (model.rpo?.ageSeconds != null) {
    const { limitSeconds, ageSeconds, met } = model.rpo;
    lines.push(
      ...paragraph(
        `RPO ${limit(limitSeconds)} ${met ? 'met' : 'missed'}: the backup was ${inWords(Math.abs(ageSeconds))} ${ageSeconds < 0 ? 'younger' : 'older'} than the damage.`,
        width - 2,
        met ? 'good' : 'bad',
        1,
      ),
    );
  }
  lines.push(...restoredLines(state, width));
  lines.push(...trialLines(state, width), ...messageLines(state, width), ...nextLines(state, outcome, width));
  return lines;
}

/** What became of the messages: one that was only written is still to be sent by hand. */
function messageLines(state: IncidentState, width: number): Line[] {
  return state.messages.flatMap(({ kind, audience, state: sent, file }) => {
    if (sent === 'sent') return [];
    const where = sent === 'written' && file ? `, not sent: ${printable(file)} in the incident’s folder` : '';
    return paragraph(`Message ${kind} for ${audience}: ${sent}${where}.`, width - 2, 'warning', 1);
  });
}

function rtoTone(model: HeaderModel): Tone {
  const { rto } = model;
  if (!rto || rto.limitSeconds === null) return 'plain';
  if (rto.usedSeconds > rto.limitSeconds) return 'bad';
  return rto.end === 'closed' ? 'warning' : 'good';
}

function nextLines(state: IncidentState, outcome: RunResult, width: number): Line[] {
  const commands =
    outcome.outcome === 'completed'
      ? [
          `tenant-dr report ${state.id}`,
          ...(!onCopy(state.opened.mode) && state.restores.some((restore) => restore.finished)
            ? [`tenant-dr undo ${state.id}${changedSeveral(state) ? ' --tenant <slug>' : ''}`]
            : []),
        ]
      : [
          `tenant-dr ${isTakenOver(outcome) ? 'watch' : 'resume'} ${state.id}`,
          `tenant-dr report ${state.id}`,
        ];
  return commands.map((command) => fit(line(span('   ', 'plain'), span(command, 'accent')), width));
}

/** The same summary as plain text, for the terminal after the screen is gone. */
export function closingSummary(
  state: IncidentState,
  model: HeaderModel,
  outcome: RunResult,
  width: number,
): string {
  const who = model.tenant ? `${model.tenant.name} (${model.tenant.slug}), ` : '';
  const head = `${state.id}: ${who}${model.database.name}, ${model.environment}`;
  return [head, ...finishedLines(state, model, outcome, width).map(plain)].join('\n');
}
