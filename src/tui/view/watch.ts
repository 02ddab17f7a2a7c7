import { printable } from '../../engine/printable.ts';
import { describe } from '../../incident/describe.ts';
import { timeOfDay } from '../format.ts';
import { bar, fit, rule } from '../layout.ts';
import { blank, type Line, line, span } from '../line.ts';
import type { CommanderModel } from './commander.ts';
import { effectsTable } from './effects.ts';
import { planTables, stepViews } from './run.ts';
import { stepLine } from './steps.ts';

/** What an onlooker sees of a run: everything comes from the journal. */
export function watchedLines({ state, entries, now }: CommanderModel, width: number): Line[] {
  const steps = stepViews(state, null, now.toISOString());
  const running = state.steps.find((step) => step.state === 'running');
  const progress = running?.progress;
  const share = progress?.total ? Math.min(1, progress.done / progress.total) : null;
  const tables = planTables(state);
  return [
    ...steps.map((step) => stepLine(step, width)),
    line(' ', ...rule(width - 2)),
    progress
      ? fit(
          line(
            ` ${printable(progress.phase)} `,
            share === null ? null : span(`${bar(share, 20)} ${Math.floor(share * 100)} %`, 'accent'),
          ),
          width,
        )
      : state.closed
        ? line(span(` The incident was closed: ${state.closed.outcome}.`, 'good'))
        : state.stopped
          ? fit(line(span(` Stopped: ${printable(state.stopped.message)}`, 'warning')), width)
          : blank,
    ...(tables.length > 0 ? [...effectsTable(tables, width, 8), blank] : []),
    ...entries
      .slice(-100)
      .toReversed()
      .map((entry) =>
        fit(line(span(` ${timeOfDay(entry.at)} `, 'muted'), printable(describe(entry, state))), width),
      ),
  ];
}
