import { printable } from '../../engine/printable.ts';
import type { TenantDrError } from '../../errors.ts';
import { type Tier, tiers } from '../../policy/tiers.ts';
import { count, dateTime, inWords } from '../format.ts';
import { fit, pad, paragraph } from '../layout.ts';
import { type Line, line, span, type Tone } from '../line.ts';

/** The home screen: incidents to resume, scenarios to start, and how the backups stand against the RPO. */

export interface IncidentSummary {
  id: string;
  title: string;
  /** Tenant name, or what the incident is about. */
  subject: string;
  /** `step 3/5`, `held by alice on db1`, … */
  state: string;
  /** Time left, or over, in words; '' without a limit. */
  time: string;
  tone: Tone;
}

export interface ScenarioSummary {
  id: string;
  title: string;
  estimateSeconds: number;
  /** How it shows, what it touches, and the titles of its steps: for who has to tell whether it fits. */
  symptoms: string[];
  impact: string[];
  steps: string[];
  origin: string;
  /** Why it cannot be started; its file is broken. */
  problem: TenantDrError | null;
}

export interface Health {
  tier: Tier;
  tenants: number;
  withinRpo: number;
}

/** Something read in the background: not there yet, there, or why not. */
export type Loaded<T> =
  | { state: 'reading' }
  | { state: 'ready'; value: T }
  | { state: 'failed'; message: string; hint?: string };

export const reading: Loaded<never> = { state: 'reading' };

export interface TenantsSummary {
  total: number;
  health: Health[];
}

export interface BackupsSummary {
  total: number;
  newest: { takenAt: string | null; verified: boolean | null } | null;
}

export interface HomeModel {
  incidents: Loaded<IncidentSummary[]>;
  scenarios: Loaded<ScenarioSummary[]>;
  tenants: Loaded<TenantsSummary>;
  backups: Loaded<BackupsSummary>;
  /** What just came in; only in the demo. */
  story: string;
  now: string;
}

export type HomeChoice =
  | { kind: 'resume'; id: string }
  | { kind: 'start'; runbook: string }
  | { kind: 'broken'; error: TenantDrError }
  | { kind: 'tenants' }
  | { kind: 'backups' };

export interface HomeItem {
  key: string;
  value: HomeChoice;
  label: Line;
}

const kindWidth = 8;
const kind = (text: string, tone: Tone): ReturnType<typeof span> => span(pad(text, kindWidth), tone);

/** What can be opened, most urgent first. */
export function homeItems(model: HomeModel): HomeItem[] {
  const incidents = model.incidents.state === 'ready' ? model.incidents.value : [];
  const scenarios = model.scenarios.state === 'ready' ? model.scenarios.value : [];
  return [
    ...incidents.map(
      (incident): HomeItem => ({
        key: incident.id,
        value: { kind: 'resume', id: incident.id },
        label: line(
          kind('resume', 'bad'),
          span(printable(incident.subject), 'strong'),
          ` · ${printable(incident.title)} · ${printable(incident.state)}`,
          incident.time ? span(` · ${incident.time}`, incident.tone) : null,
          span(` · ${incident.id}`, 'muted'),
        ),
      }),
    ),
    ...scenarios.map(
      (scenario): HomeItem => ({
        key: `start-${scenario.id}`,
        value: scenario.problem
          ? { kind: 'broken', error: scenario.problem }
          : { kind: 'start', runbook: scenario.id },
        label: line(
          kind('start', 'accent'),
          printable(scenario.title),
          scenario.problem
            ? span(' · cannot be used: its file has a mistake', 'bad')
            : span(
                ` · about ${inWords(scenario.estimateSeconds)}${scenario.origin === 'shipped' ? '' : ` · ${scenario.origin}`}`,
                'muted',
              ),
        ),
      }),
    ),
    {
      key: 'tenants',
      value: { kind: 'tenants' },
      label: line(kind('look', 'plain'), 'Tenants', ...tenantsLabel(model.tenants)),
    },
    {
      key: 'backups',
      value: { kind: 'backups' },
      label: line(kind('look', 'plain'), 'Backups', ...backupsLabel(model.backups, model.now)),
    },
  ];
}

function tenantsLabel(tenants: Loaded<TenantsSummary>): Line {
  if (tenants.state === 'reading') return line(span(' · reading …', 'muted'));
  if (tenants.state === 'failed') return line(span(` · ${tenants.message}`, 'bad'));
  const outside = tenants.value.health.reduce((sum, tier) => sum + tier.tenants - tier.withinRpo, 0);
  return line(
    ` · ${count(tenants.value.total)}`,
    outside > 0
      ? span(` · ${count(outside)} outside their RPO`, 'bad')
      : span(' · all within their RPO', 'good'),
  );
}

function backupsLabel(backups: Loaded<BackupsSummary>, now: string): Line {
  if (backups.state === 'reading') return line(span(' · reading …', 'muted'));
  if (backups.state === 'failed') return line(span(` · ${backups.message}`, 'bad'));
  const { total, newest } = backups.value;
  if (total === 0 || !newest) return line(span(' · none found', 'bad'));
  const age = newest.takenAt
    ? `${dateTime(newest.takenAt)}, ${inWords((Date.parse(now) - Date.parse(newest.takenAt)) / 1000)} old`
    : 'of unknown age';
  const verified =
    newest.verified === null ? 'not verified' : newest.verified ? 'verified' : 'verification FAILED';
  return line(
    ` · ${count(total)} · newest ${age}, `,
    span(verified, newest.verified ? 'good' : newest.verified === null ? 'warning' : 'bad'),
  );
}

/** The complaint that began it all, in the demo. */
export function storyLines(story: string, width: number): Line[] {
  if (story === '') return [];
  return [
    fit(
      line(span(' This just came in.', 'strong'), ' What now? Start the scenario above: it guides you.'),
      width,
    ),
    ...story.split('\n').flatMap((text) => paragraph(printable(text), width - 1, 'accent', 1)),
  ];
}

/** RPO health by tier, and what could not be read. */
export function homeNotes(model: HomeModel, width: number): Line[] {
  const lines: Line[] = [];
  if (model.tenants.state === 'ready') {
    const byTier = new Map(model.tenants.value.health.map((health) => [health.tier, health]));
    const pieces = tiers.flatMap((tier): Line => {
      const health = byTier.get(tier);
      if (!health || health.tenants === 0) return [];
      const outside = health.tenants - health.withinRpo;
      return [span(` · ${tier} ${health.withinRpo} of ${health.tenants}`, outside > 0 ? 'bad' : 'good')];
    });
    lines.push(fit(line(span(' within RPO', 'muted'), ...pieces), width));
  }
  for (const loaded of [model.incidents, model.scenarios, model.tenants, model.backups]) {
    if (loaded.state !== 'failed') continue;
    lines.push(fit(line(span(` ${loaded.message}`, 'bad')), width));
    if (loaded.hint) lines.push(fit(line(span(`   ${loaded.hint}`, 'muted')), width));
  }
  return lines;
}

/** What a scenario is for, before it is started: `seen when`, `touches`, `steps`. */
export function scenarioLines(scenario: ScenarioSummary | undefined, width: number): Line[] {
  if (!scenario) return [];
  const part = (label: string, texts: string[]): Line[] =>
    texts.flatMap((text, index) =>
      paragraph(printable(text), width - 14).map((piece, row) =>
        line(span(` ${pad(index === 0 && row === 0 ? label : '', 11)}`, 'muted'), ...piece),
      ),
    );
  return [
    ...part('seen when', scenario.symptoms),
    ...part('touches', scenario.impact),
    ...part('steps', [scenario.steps.map((title, index) => `${index + 1} ${title}`).join(', ')]),
  ];
}
