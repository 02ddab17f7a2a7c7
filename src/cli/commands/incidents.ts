import { printable } from '../../engine/printable.ts';
import { clocksOf, type RtoVerdict } from '../../incident/clocks.ts';
import { unprobedTenants } from '../../incident/state.ts';
import { type IncidentSummary, listIncidents } from '../../incident/store.ts';
import { fewWords, slugOf, timeWords } from '../../incident/words.ts';
import { command } from '../command.ts';
import { durationText, textTable } from '../format.ts';
import { flag } from '../parameters.ts';

export default command({
  effect: 'read',
  options: { open: flag('only those not closed yet') },
  examples: ['tenant-dr incidents', 'tenant-dr incidents --open --json | jq -r .incidents[].id'],
  async run(context, { open }) {
    const config = await context.config();
    const all = await listIncidents(config.state);
    const shown = all.filter(({ state }) => !open || !state?.closed);
    const now = context.clock().getTime();
    return {
      document: { incidents: shown.map((summary) => documentOf(summary, now)) },
      text: textOf(shown, all.length, now, context.output.tableWidth),
    };
  },
});

function documentOf({ id, dir, lock, state, damage }: IncidentSummary, now: number): Record<string, unknown> {
  const damaged = damage ? { line: damage.facts.line ?? null, message: damage.message } : null;
  if (!state) return { id, dir, lock, damage: damaged };
  const { opened } = state;
  const { limitSeconds, usedSeconds, met } = clocksOf(state, now).rto;
  return {
    id,
    dir,
    kind: opened.kind,
    title: opened.title,
    mode: opened.mode,
    environment: opened.environment,
    database: opened.database,
    tenants: state.tenants.map((tenant) => ({ id: tenant.id.text, slug: tenant.slug, tier: tenant.tier })),
    openedAt: opened.at,
    closedAt: state.closed?.at ?? null,
    outcome: state.closed?.outcome ?? 'open',
    step: state.currentStep,
    operators: state.operators,
    lock,
    unprobed: unprobedTenants(state).map((tenant) => slugOf(state, tenant)),
    rto: { limitSeconds, usedSeconds, met },
    damage: damaged,
  };
}

function textOf(shown: IncidentSummary[], total: number, now: number, width: number): string {
  if (shown.length === 0) return total === 0 ? 'No incidents yet.' : `No open incidents; ${total} closed.`;
  const columns = ['incident', 'state', 'tenants', 'what', 'opened', 'RTO'].map((title) => ({ title }));
  const rows = shown.map((summary) => {
    const { id, state } = summary;
    if (!state) return [id, 'DAMAGED', '', '', '', ''];
    const tenants = fewWords(state.tenants.map((tenant) => printable(tenant.slug)));
    const mode = state.opened.mode === 'live' ? '' : ` (${state.opened.mode})`;
    return [
      id,
      situationOf(summary),
      tenants,
      `${state.opened.title}${mode}`,
      timeWords(state.opened.at),
      rtoOf(summary, now),
    ];
  });
  const notes = shown.flatMap(noteOf);
  return [textTable(columns, rows, width), ...notes].join('\n');
}

/** In one word where it stands and, when it is open, whether somebody works on it. */
function situationOf({ state, lock, damage }: IncidentSummary): string {
  if (damage) return 'DAMAGED';
  if (state?.closed) return state.closed.outcome;
  return { held: 'open, in hand', free: 'open', dead: 'open, killed', unclear: 'open, elsewhere' }[lock];
}

const verdictWords: Record<RtoVerdict, string> = {
  'on-track': 'running',
  late: 'running',
  over: 'running',
  met: 'met',
  missed: 'missed',
  unreached: 'not reached',
  unlimited: 'none',
};

function rtoOf({ state }: IncidentSummary, now: number): string {
  if (!state) return '';
  const { limitSeconds, usedSeconds, verdict } = clocksOf(state, now).rto;
  if (limitSeconds === null) return 'none';
  return `${verdictWords[verdict]} ${durationText(usedSeconds)} of ${durationText(limitSeconds)}`;
}

function noteOf({ id, state, damage }: IncidentSummary): string[] {
  if (damage) return [`${id}: ${printable(damage.message)}`];
  const unprobed = state ? unprobedTenants(state) : [];
  if (!state || unprobed.length === 0) return [];
  const slugs = fewWords(unprobed.map((tenant) => printable(slugOf(state, tenant))));
  return [
    `${id}: nobody knows yet whether the restore of ${slugs} happened; tenant-dr resume ${id} finds out.`,
  ];
}
