import { printable } from '../../engine/printable.ts';
import { TenantDrError } from '../../errors.ts';
import { type Clocks, clocksOf } from '../../incident/clocks.ts';
import { describe } from '../../incident/describe.ts';
import type { Entry } from '../../incident/events.ts';
import { historyFor } from '../../incident/history.ts';
import type { Incident } from '../../incident/incident.ts';
import { listIncidents, readIncident } from '../../incident/store.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { durationText, textTable } from '../format.ts';
import { flag, text } from '../parameters.ts';

export default command({
  effect: 'read',
  arguments: { incident: text('incident', 'its id; default: the newest open one') },
  options: { once: flag('say how it stands now and end') },
  examples: ['tenant-dr watch', 'tenant-dr watch INC-20261123-0605 --json', 'tenant-dr watch --once'],
  async run(context, { incident: asked, once }) {
    const config = await context.config();
    const summaries = await listIncidents(config.state);
    const id =
      asked ?? newestOpen(summaries.flatMap(({ state }) => (state && !state.closed ? state.id : [])));
    const { incident } = await readIncident(config.state, id);
    const states = summaries.flatMap(({ state }) => state ?? []);
    const history = historyFor(incident.state, states);
    try {
      if (!once && context.interactive && process.stdout.isTTY) await onScreen(context, incident);
      else if (!once) await untilClosed(context, incident);
      const clocks = clocksOf(incident.state, context.clock().getTime(), { history });
      return { document: documentOf(incident, clocks), text: textOf(incident, clocks) };
    } finally {
      await incident.close();
    }
  },
});

function newestOpen([newest]: string[]): string {
  if (newest !== undefined) return newest;
  throw new TenantDrError('incident-unknown', 'There is no open incident to watch.', {
    hint: 'Name one that was closed: "tenant-dr incidents" lists them.',
  });
}

async function onScreen(context: Context, incident: Incident): Promise<void> {
  const { watchOnScreen } = await import('../../tui/app.ts');
  await watchOnScreen({ context, incident });
}

/** Prints every event there is and every one that comes, until the incident is closed. */
async function untilClosed(context: Context, incident: Incident): Promise<void> {
  const ended = Promise.withResolvers<void>();
  let shown = 0;
  const show = () => {
    for (const entry of incident.entries.slice(shown)) showEntry(context, incident, entry);
    shown = incident.entries.length;
    if (incident.state.closed) ended.resolve();
  };
  show();
  const stop = incident.subscribe(show);
  incident.follow(ended.reject);
  try {
    await ended.promise;
  } finally {
    stop();
  }
}

function showEntry(context: Context, incident: Incident, entry: Entry): void {
  const words = describe(entry, incident.state);
  const { seq, at, actor } = entry;
  if (context.output.json) {
    context.output.event('journal', { seq, at, by: actor.name, what: entry.event, text: words });
  } else if (entry.event !== 'step.progress') {
    context.output.note(`${at.slice(11, 19)} UTC  ${printable(actor.name)}  ${printable(words)}`);
  }
}

function documentOf(incident: Incident, clocks: Clocks): Record<string, unknown> {
  const { state } = incident;
  return {
    incident: state.id,
    outcome: state.closed?.outcome ?? 'open',
    step: state.currentStep,
    steps: clocks.steps.map(
      ({ id, title, state: stepState, usedSeconds, estimateSeconds, remainingSeconds, source, counts }) => ({
        id,
        title,
        state: stepState,
        seconds: usedSeconds,
        estimateSeconds,
        remainingSeconds,
        source,
        counts,
      }),
    ),
    rto: clocks.rto,
    projection: clocks.projection,
    rpo: clocks.rpo,
    atStake: clocks.atStake,
    nextUpdate: clocks.nextUpdate,
  };
}

const sourceWords = {
  progress: 'live progress',
  past: 'past runs',
  measured: 'size of the work',
  estimate: 'estimate',
};

function textOf(incident: Incident, clocks: Clocks): string {
  const { state } = incident;
  const rows = clocks.steps.map((step) => [
    step.title,
    step.state,
    durationText(step.usedSeconds),
    step.source ? `${durationText(step.remainingSeconds)} (${sourceWords[step.source]})` : '',
    step.counts ? '' : 'after the tenant is usable',
  ]);
  const columns = ['step', 'state', 'used', 'to come', ''].map((title) => ({ title }));
  return [
    `${state.id}: ${printable(state.opened.title)}, ${state.closed?.outcome ?? 'open'}`,
    etaSentence(clocks),
    '',
    textTable(columns, rows),
  ].join('\n');
}

/** One sentence to read aloud when somebody asks "when?". */
function etaSentence({ rto, projection }: Clocks): string {
  const used = durationText(rto.usedSeconds);
  const limit = rto.limitSeconds === null ? 'no RTO' : `RTO ${durationText(rto.limitSeconds)}`;
  if (rto.usableAt)
    return `Usable again since ${rto.usableAt.slice(11, 16)} UTC, after ${used}; ${limit} ${rto.met === false ? 'missed' : 'met'}.`;
  if (!projection) return `Closed without the tenant being usable again, after ${used}; ${limit}.`;
  const paper = projection.estimatesExceed ? ' The estimates alone are more than the RTO.' : '';
  const rests = projection.onlyEstimates ? ', by estimates alone' : '';
  const verdict = { 'on-track': 'on track', late: 'later than the RTO', over: 'the RTO is used up' }[
    rto.verdict as string
  ];
  return `Usable at about ${projection.usableAt.slice(11, 16)} UTC${rests}; ${used} used, ${limit}${verdict ? `, ${verdict}` : ''}.${paper}`;
}
