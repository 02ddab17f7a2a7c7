import { clock, limit } from '../format.ts';
import { fill, fit, pad } from '../layout.ts';
import { type Line, line, span, type Tone } from '../line.ts';

/** The steps of a run: done, current, waiting. */

export type StepState = 'waiting' | 'current' | 'done' | 'failed' | 'skipped' | 'interrupted';

export interface StepView {
  number: number;
  id: string;
  title: string;
  state: StepState;
  /** Seconds used so far; null before it starts. */
  usedSeconds: number | null;
  estimateSeconds: number | null;
  /** Counted against the RTO. */
  counts: boolean;
  destructive: boolean;
  /** What to know about it, in a few words. */
  detail: string;
}

const marks: Record<StepState, { mark: string; tone: Tone; word: string }> = {
  waiting: { mark: '○', tone: 'muted', word: 'waiting' },
  current: { mark: '▶', tone: 'accent', word: 'current' },
  done: { mark: '✓', tone: 'good', word: 'done' },
  failed: { mark: '✗', tone: 'bad', word: 'failed' },
  skipped: { mark: '⊘', tone: 'warning', word: 'skipped' },
  interrupted: { mark: '!', tone: 'warning', word: 'interrupted' },
};

/** ` ▶ 3 Restore tenant data    1:02 of 30m  DESTRUCTIVE · confirmed 06:12:39` */
export function stepLine(step: StepView, width: number): Line {
  const { mark, tone } = marks[step.state];
  const titleWidth = width >= 100 ? 34 : 23;
  const budget = step.estimateSeconds === null ? '' : limit(step.estimateSeconds);
  const time =
    step.usedSeconds === null
      ? budget
      : budget
        ? `${clock(step.usedSeconds)} of ${budget}`
        : clock(step.usedSeconds);
  const over =
    step.usedSeconds !== null && step.estimateSeconds !== null && step.usedSeconds > step.estimateSeconds;
  return fit(
    line(
      ' ',
      span(mark, tone),
      span(` ${step.number} ${pad(step.title, titleWidth)} `, step.state === 'current' ? 'strong' : 'plain'),
      span(pad(time, 12, 'left'), over ? 'warning' : 'muted'),
      '  ',
      step.destructive && step.state !== 'done' && span('DESTRUCTIVE', 'bad'),
      step.destructive && step.state !== 'done' && step.detail !== '' && ' · ',
      span(step.detail, step.state === 'failed' ? 'bad' : 'muted'),
    ),
    width,
  );
}

/**
 * The steps that fit into so many rows, always with the current one: what was done goes out of sight before
 * what is still to come, and a line says how many are not shown.
 */
export function stepLines(steps: StepView[], width: number, rows: number): Line[] {
  if (steps.length <= rows) return steps.map((step) => stepLine(step, width));
  const current = Math.max(
    0,
    steps.findIndex((step) => step.state === 'current' || step.state === 'failed'),
  );
  const start = Math.min(Math.max(0, current - 1), steps.length - rows);
  return steps.slice(start, start + rows).map((step) => stepLine(step, width));
}

/** For the left column of a wide screen: two lines a step. */
export function stepColumn(steps: StepView[], width: number): Line[] {
  return steps.flatMap((step) => {
    const { mark, tone } = marks[step.state];
    const used = step.usedSeconds === null ? '' : `${clock(step.usedSeconds)} of `;
    const budget = step.estimateSeconds === null ? '' : limit(step.estimateSeconds);
    return [
      fill(
        line(
          ' ',
          span(mark, tone),
          span(` ${step.number} ${step.title}`, step.state === 'current' ? 'strong' : 'plain'),
        ),
        width,
      ),
      fit(
        line(
          span(`     ${used}${budget}`, 'muted'),
          step.destructive && step.state !== 'done' && span('  DESTRUCTIVE', 'bad'),
          span(step.detail && `  ${step.detail}`, 'muted'),
        ),
        width,
      ),
    ];
  });
}

/** One sentence a step. */
export function stepReading(step: StepView): string {
  const detail = step.detail ? `, ${step.detail}` : '';
  return `Step ${step.number}, ${step.title}: ${marks[step.state].word}${step.destructive ? ', destructive' : ''}${detail}.`;
}
