import type { ActionProgress } from '../../actions/action.ts';
import type { Preview } from '../../actions/operator.ts';
import { printable } from '../../engine/printable.ts';
import type { IncidentState, StepRecord } from '../../incident/records.ts';
import type { Guide, RunnerView } from '../../runbook/view.ts';
import { bytes, count, timeOfDay } from '../format.ts';
import { bar, fit, paragraph, table } from '../layout.ts';
import { blank, type Line, line, span } from '../line.ts';
import { type EffectCounts, effectsTable } from './effects.ts';
import { type WriteSample, writesPicture } from './pictures.ts';
import type { StepState, StepView } from './steps.ts';

/** The run screen, computed from the journal's reduction and what the runner does right now. */

function stateOf(step: StepRecord, current: boolean): StepState {
  if (step.state === 'done' || step.state === 'failed' || step.state === 'skipped') return step.state;
  if (current || step.state === 'running') return 'current';
  return step.state === 'interrupted' ? 'interrupted' : 'waiting';
}

/** Seconds of the attempts that ended, and of the one under way. */
function usedBy(step: StepRecord, now: string): number | null {
  const running =
    step.state === 'running' && step.startedAt ? (Date.parse(now) - Date.parse(step.startedAt)) / 1000 : 0;
  return step.startedAt === null ? null : Math.max(0, (step.seconds ?? 0) + running);
}

function detailOf(step: StepRecord, state: IncidentState, current: string | null): string {
  if (step.error) return printable(step.error.message);
  if (step.state === 'skipped') return printable(`skipped: ${step.reason ?? ''}`);
  if (step.state === 'interrupted') {
    const begun = Object.values(state.tasks).some((task) => task.step === step.id);
    return begun ? 'was interrupted' : 'nothing of it was begun';
  }
  // What a person left out is said even where the rest of the step was done.
  const leftOut = Object.values(state.tasks).filter(
    (task) => task.step === step.id && task.state === 'skipped' && task.skippedBy === 'operator',
  );
  const parts = [
    ...leftOut.map((task) => `SKIPPED ${task.id}: ${task.reason ?? ''}`),
    ...(step.summary ? [step.summary] : []),
  ];
  if (parts.length > 0) return printable(parts.join(' · '));
  if (step.id === current) {
    const confirmation = state.confirmations
      .filter((entry) => step.tasks?.some((task) => entry.what.startsWith(`${task.id}:`)))
      .at(-1);
    return confirmation ? `confirmed ${timeOfDay(confirmation.at)}` : '';
  }
  return '';
}

/** The steps as the screen lists them. `current` is the one the runner stands at, if it runs here. */
export function stepViews(state: IncidentState, current: string | null, now: string): StepView[] {
  const at = current ?? state.currentStep;
  let counting = true;
  return state.steps.map((step, index) => {
    const counts = counting;
    if (step.usable) counting = false;
    return {
      number: index + 1,
      id: step.id,
      title: printable(step.title),
      state: stateOf(step, step.id === at && state.closed === null),
      usedSeconds: usedBy(step, now),
      // The one step of a command has no estimate.
      estimateSeconds: step.estimateSeconds || null,
      counts,
      destructive: step.effect === 'destroy',
      detail: detailOf(step, state, at),
    };
  });
}

/** `step 3/5`, for the footer. */
export function stepPlace(steps: StepView[]): string {
  const current = steps.find((step) => step.state === 'current' || step.state === 'failed');
  return current ? `step ${current.number}/${steps.length}` : '';
}

/** The table effects of the latest plan. */
export function planTables(state: IncidentState): EffectCounts[] {
  return state.plans.at(-1)?.tables ?? [];
}

const units: Record<ActionProgress['unit'], (value: number) => string> = {
  bytes,
  rows: (value) => `${count(value)} rows`,
  tables: (value) => `${count(value)} tables`,
  tenants: (value) => `${count(value)} tenants`,
  backups: (value) => `${count(value)} backups`,
  pages: (value) => `${count(value)} pages`,
  seconds: (value) => `${Math.round(value)} s`,
};

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** ` applying ▓▓▓▓▓▓▓▓░░░░ 64 %     rows of other tenants written: 0` */
export function progressLine(
  progress: ActionProgress | null,
  frame: number,
  restoring: boolean,
  width: number,
  skippable?: string,
): Line {
  const turn = spinner[frame % spinner.length] ?? '·';
  if (!progress) return fit(line(span(` ${turn} working`, 'accent')), width);
  const share = progress.total ? Math.min(1, progress.done / progress.total) : null;
  const inUnits = units[progress.unit];
  const amount =
    share === null
      ? ` ${inUnits(progress.done)}`
      : ` ${Math.floor(share * 100)} %${width >= 100 ? ` · ${inUnits(progress.done)} of ${inUnits(progress.total ?? 0)}` : ''}`;
  return fit(
    line(
      span(` ${turn} ${printable(progress.phase)} `, 'accent'),
      share === null ? null : span(bar(share, 20), 'accent'),
      amount,
      progress.about !== undefined && ` · ${printable(progress.about)}`,
      skippable !== undefined && span(`   s cuts short ${skippable}`, 'muted'),
      restoring && progress.phase === 'applying' && span('     rows of other tenants written: 0', 'good'),
    ),
    width,
  );
}

/** A preview in full: why, summary, lines, table, what success and failure mean, the equivalent commands. */
export function previewLines(preview: Preview, guide: Guide | null, width: number): Line[] {
  const lines = [
    ...(guide ? paragraph(printable(guide.why), width - 2, 'muted', 1) : []),
    ...paragraph(printable(preview.summary), width - 2, 'strong', 1),
    ...preview.lines.flatMap((text) => paragraph(printable(text), width - 2, 'plain', 1)),
  ];
  if (preview.table && preview.table.rows.length > 0) {
    const { columns, rows } = preview.table;
    const numeric = columns.map((_, index) => rows.every((row) => typeof row[index] === 'number'));
    lines.push(
      blank,
      ...table(
        columns.map((title, index) => ({
          title,
          align: numeric[index] ? ('right' as const) : ('left' as const),
          grows: index === 0,
        })),
        rows.map((row) => row.map((cell) => printable(typeof cell === 'number' ? count(cell) : cell))),
        width - 2,
      ).map((row) => line(' ', ...row)),
    );
  } else if (preview.stakes && preview.stakes.tables.length > 0) {
    lines.push(blank, ...effectsTable(preview.stakes.tables, width, 12));
  }
  if (guide) lines.push(...guideLines(guide, width));
  if (preview.commands.length > 0) {
    lines.push(
      blank,
      line(
        span(
          preview.commands.length === 1 ? ' The same by hand:' : ' The same by hand, one after the other:',
          'muted',
        ),
      ),
      ...preview.commands.flatMap((command) => paragraph(printable(command), width - 4, 'accent', 3)),
    );
  }
  return lines;
}

/** How to see that it worked, and what to do if it did not. */
function guideLines({ success, ifItFails }: Guide, width: number): Line[] {
  const labelled = (label: string, texts: readonly string[]): Line[] =>
    texts.flatMap((text, index) => {
      const wrapped = paragraph(printable(text), width - 14, 'plain');
      return wrapped.map((part, row) =>
        line(span(index === 0 && row === 0 ? label : ' '.repeat(label.length), 'muted'), ...part),
      );
    });
  return [...labelled(' success     ', success), ...labelled(' if it fails ', ifItFails)];
}

/** What fills the screen below the steps. */
export function detailLines(view: RunnerView, state: IncidentState, width: number, rows: number): Line[] {
  const { question } = view;
  if (question?.kind === 'choose' && question.view?.kind === 'proceed') {
    return trimmed(
      [
        line(span(` ${printable(question.title)}`, 'strong')),
        ...previewLines(question.view.preview, view.guide, width),
      ],
      rows,
    );
  }
  if (view.phase === 'probing') {
    const told = view.output.slice(-Math.max(0, rows - 1));
    return [
      line(span(' It was interrupted: finding out what became of it …', 'muted')),
      ...told.map((text) => fit(line(` ${printable(text)}`), width)),
    ];
  }
  if (view.phase === 'previewing') return [line(span(' Working out what this step will do …', 'muted'))];
  if (view.phase === 'stopping')
    return [line(span(' Stopping: what runs is brought to its end, nothing new is started.', 'warning'))];
  const tables = planTables(state);
  const task = view.task ? state.tasks[view.task] : undefined;
  const restoring = task?.action?.startsWith('restore') === true;
  const samples = samplesIn(view.output);
  const top: Line[] = [];
  if (restoring && tables.length > 0) {
    top.push(...effectsTable(tables, width, Math.max(3, rows - Math.min(3, view.output.length))));
  } else {
    const title = titleOf(view, state);
    if (title) top.push(line(span(` ${title}`, 'strong')));
    if (view.guide) top.push(...paragraph(printable(view.guide.why), width - 2, 'muted', 1));
    if (samples.length > 1) top.push(...writesPicture(samples, width).lines);
    else if (view.preview) top.push(...paragraph(printable(view.preview.summary), width - 2, 'muted', 1));
  }
  const room = Math.max(0, rows - top.length);
  const output =
    room === 0 ? [] : view.output.slice(-room).map((text) => fit(line(` ${printable(text)}`), width));
  return [...top, ...output].slice(0, rows);
}

/** The title of the task under way. */
function titleOf(view: RunnerView, state: IncidentState): string {
  const step = state.steps.find((one) => one.id === view.step);
  const title = step?.tasks?.find((one) => one.id === view.task)?.title ?? step?.title ?? '';
  return printable(title);
}

/** What the settle action says of an interval: `4.2 s: still`, `6.2 s: 12 writes in jobs, leads`. */
const interval = /^[\d.]+ s: (?:still|(\d+) writes in (.+))$/;

/** The samples in an action's output; none for other actions. */
export function samplesIn(output: readonly string[]): WriteSample[] {
  return output.flatMap((text) => {
    const match = interval.exec(text);
    if (!match) return [];
    return [{ writes: Number(match[1] ?? 0), tables: match[2]?.split(', ') ?? [] }];
  });
}

/** Cuts a text that does not fit and says how much is missing. */
export function trimmed(lines: Line[], rows: number): Line[] {
  if (lines.length <= rows) return lines;
  const shown = lines.slice(0, Math.max(0, rows - 1));
  return [...shown, line(span(`   … ${lines.length - shown.length} more lines: p shows all`, 'muted'))];
}

/** The last line above the footer: what enter does now. */
export function proposalLine(view: RunnerView, width: number): Line {
  const { question } = view;
  if (question?.kind === 'choose' && question.view?.kind === 'proceed') {
    const go = question.options.find((option) => option.value === 'go');
    if (go?.disabled) return fit(line(span(` ${printable(go.disabled)}`, 'warning')), width);
    return fit(
      line(
        span(' enter ', 'selected'),
        ` ${printable(go?.label ?? 'starts this step')}${go?.detail ? `: ${printable(go.detail)}` : ''}`,
      ),
      width,
    );
  }
  return blank;
}
