import { printable } from '../engine/printable.ts';
import { clocksOf } from '../incident/clocks.ts';
import { describe } from '../incident/describe.ts';
import type { Incident } from '../incident/incident.ts';
import { readReport, writeReports } from '../incident/report/source.ts';
import type { Begun } from '../runbook/begin.ts';
import { isTakenOver, type RunResult } from '../runbook/view.ts';
import { tellProgress } from './aloud.ts';
import { inIncident } from './changed.ts';
import type { Result } from './command.ts';
import type { Context } from './context.ts';
import { durationText, textTable } from './format.ts';

/** Walks a run that was begun or resumed, on the screen or without one, and says what came of it. */
export async function walk(
  context: Context,
  begun: Begun,
  { onScreen, confirm }: { onScreen: boolean; confirm: string | undefined },
): Promise<Result> {
  const { incident } = begun;
  context.output.event('incident', { incident: incident.id });
  const result = await walked(context, begun, onScreen, confirm);
  // Letting go is in the journal too: only after it is a report one of the whole journal.
  const report = isTakenOver(result) ? null : await reportOf(context, incident);
  const ended = resultOf(context, incident, result, report);
  // On the screen the summary has been printed already; only what came after it is still to be said.
  return onScreen ? { ...ended, text: report ? `   Report: ${printable(report)}` : '' } : ended;
}

async function walked(
  context: Context,
  begun: Begun,
  onScreen: boolean,
  confirm: string | undefined,
): Promise<RunResult> {
  try {
    return onScreen ? await showRun(context, begun) : await runAlone(context, begun, confirm);
  } finally {
    await begun.close();
  }
}

async function showRun(context: Context, begun: Begun): Promise<RunResult> {
  const { runOnScreen } = await import('../tui/app.ts');
  const run = (operator: Parameters<Begun['runner']>[0], signal: AbortSignal) =>
    begun.runner(operator, AbortSignal.any([signal, context.signal]));
  return runOnScreen({ context, incident: begun.incident, run });
}

/** Nobody is there: what happens goes to stderr, a line or an event each. */
async function runAlone(context: Context, begun: Begun, confirm: string | undefined): Promise<RunResult> {
  const { absentOperator } = await import('../runbook/headless.ts');
  const { incident } = begun;
  let told = incident.entries.length;
  const unsubscribe = incident.subscribe(() => {
    for (const entry of incident.entries.slice(told)) {
      if (entry.event === 'step.progress') continue;
      if (context.output.json) context.output.event(entry.event, { ...entry });
      else context.output.note(printable(describe(entry, incident.state)));
    }
    told = incident.entries.length;
  });
  const runner = begun.runner(absentOperator(confirm), context.signal);
  const unfollow = tellProgress(context, runner);
  try {
    return await runner.run();
  } finally {
    unsubscribe();
    unfollow();
  }
}

/** The report is a convenience here: `tenant-dr report` writes it again at any time. */
async function reportOf(context: Context, incident: Incident): Promise<string | null> {
  try {
    const { report } = await readReport(incident.dir);
    const paths = await writeReports(incident.dir, report, ['md', 'html', 'json']);
    return paths[0] ?? null;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    context.output.warn(
      `The report could not be written: ${printable(why)}`,
      `tenant-dr report ${incident.id}`,
    );
    return null;
  }
}

function resultOf(context: Context, incident: Incident, result: RunResult, report: string | null): Result {
  const { state } = incident;
  const { rto, rpo } = clocksOf(state, context.clock().getTime());
  const { limitSeconds, usedSeconds, met } = rto;
  const steps = state.steps.map(({ id, state: reached, seconds }) => ({ id, state: reached, seconds }));
  const summary = {
    incident: incident.id,
    mode: state.opened.mode,
    outcome: result.outcome,
    steps,
    rto: { limitSeconds, usedSeconds, met },
    rpo: rpo ? { limitSeconds: rpo.limitSeconds, ageSeconds: rpo.ageSeconds, met: rpo.met } : null,
    report,
  };
  return {
    document: summary,
    text: textOf(incident, result, report, usedSeconds),
    ...(result.error ? { failure: inIncident(result.error, incident) } : {}),
  };
}

function textOf(
  { id, state }: Incident,
  { outcome }: RunResult,
  report: string | null,
  usedSeconds: number,
): string {
  const columns = [{ title: 'step' }, { title: 'state' }, { title: 'took', align: 'right' as const }];
  const rows = state.steps.map((step) => [
    step.title,
    step.state,
    step.seconds === null ? '' : durationText(step.seconds),
  ]);
  const limit = state.opened.rtoSeconds;
  const used = `${durationText(usedSeconds)} used${limit === null ? '' : ` of ${durationText(limit)}`}`;
  return [
    textTable(columns, rows),
    '',
    `${id}: ${outcome}. ${sentenceOf(state, used)}`,
    ...(report ? [`Report: ${printable(report)}`] : []),
    ...(outcome === 'completed' ? [] : [`Go on with: tenant-dr resume ${id}`]),
  ].join('\n');
}

function sentenceOf(state: Incident['state'], used: string): string {
  if (state.opened.mode === 'dry-run') return 'A dry run: nothing was done.';
  const where = state.opened.mode === 'live' ? '' : ' on the copy';
  return state.usable ? `The tenant can work again${where}; RTO ${used}.` : `RTO ${used}, still running.`;
}
