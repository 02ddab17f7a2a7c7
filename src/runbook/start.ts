import { readFile } from 'node:fs/promises';
import { shellLine } from '../actions/command.ts';
import type { Config } from '../config/schema.ts';
import { version } from '../config/version.ts';
import { writeDurably } from '../engine/durable.ts';
import type { Database, DatabaseIdentity } from '../engine/port.ts';
import type { Tenant } from '../engine/tenant.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { StepSpec } from '../incident/facts.ts';
import type { Incident } from '../incident/incident.ts';
import type { RunMode } from '../incident/mode.ts';
import { createIncident, type NewIncident, type Store } from '../incident/store.ts';
import { effectivePolicy } from '../policy/policy.ts';
import { byTier } from '../policy/tiers.ts';
import { parseRunbook } from './parse.ts';
import { effectOf, type Runbook, stepEffect } from './runbook.ts';

/** What a new incident is about. */
export interface Opening {
  kind: NewIncident['kind'];
  runbook: Runbook;
  config: Config;
  /** The live database. In a rehearsal too: the incident is about what was rehearsed. */
  database: Database;
  tenant: Tenant | null;
  /** All tenants of one change for many; `tenant` is null then. */
  tenants?: Tenant[];
  /** Known already when the database is open; otherwise it is opened to ask. */
  identity?: DatabaseIdentity;
  mode: RunMode;
  /** RTO runs from here. */
  detectedAt: Date;
  damagedAt: Date | null;
  /** The incident an undo takes back. */
  of?: string;
  /** What flags said, by action id; kept for whoever resumes the run. */
  input?: Record<string, Record<string, unknown>>;
}

const copyName = 'runbook.yaml';

/**
 * Opens an incident and puts a copy of the runbook into its folder: a file edited meanwhile changes nothing for an
 * incident under way. Rejects as `createIncident` does, and when the database cannot be opened.
 */
export async function startIncident(store: Store, opening: Opening): Promise<Incident> {
  const { runbook, config, tenant, mode } = opening;
  const { name, location, kind } = opening.identity ?? (await identityOf(opening.database));
  const tenants = opening.tenants ?? (tenant ? [tenant] : []);
  const highest = [...tenants].sort(byTier)[0];
  const policy = highest ? effectivePolicy(config.policy)[highest.tier] : null;
  const incident = await createIncident(store, {
    kind: opening.kind,
    title: runbook.title,
    version,
    runbook: { name: runbook.id, hash: runbook.hash },
    steps: stepSpecs(runbook, tenant?.slug),
    database: { name, location, kind },
    environment: config.environment,
    mode,
    tenants: tenants.map(({ id, slug, name: called, tier }) => ({ id, slug, name: called, tier })),
    detectedAt: opening.detectedAt.toISOString(),
    damagedAt: opening.damagedAt?.toISOString() ?? null,
    rtoSeconds: policy?.rtoSeconds ?? null,
    rpoSeconds: policy?.rpoSeconds ?? null,
    ...(opening.of ? { of: opening.of } : {}),
    ...(opening.input ? { input: opening.input } : {}),
  });
  await writeDurably(incident.path(copyName), runbook.text);
  return incident;
}

async function identityOf(database: Database): Promise<DatabaseIdentity> {
  const session = await database.open({ mode: 'read' });
  await session.close();
  return session.identity;
}

/** The runbook an incident was started with. Rejects when the copy in its folder is gone or was changed. */
export async function runbookOf(incident: Incident): Promise<Runbook> {
  const file = incident.path(copyName);
  const planned = incident.state.runbook;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new TenantDrError(
      'runbook-invalid',
      `The incident's copy of its runbook cannot be read: ${reasonOf(error)}`,
      {
        hint: `Put the runbook back as ${file}. Nothing was changed.`,
        cause: error,
      },
    );
  }
  const runbook = parseRunbook(text, copyName, {
    origin: incident.state.opened.kind === 'runbook' ? 'own' : 'built-in',
  });
  if (planned && planned.hash !== runbook.hash) {
    throw new TenantDrError(
      'runbook-invalid',
      `The incident's copy of its runbook was changed since it began: ${file}.`,
      {
        hint: `Put back the text whose sha256 is ${planned.hash}. Nothing was changed.`,
      },
    );
  }
  return runbook;
}

/** The steps as the journal keeps them: the report needs nothing but the journal. */
function stepSpecs(runbook: Runbook, slug: string | undefined): StepSpec[] {
  return runbook.steps.map((step) => {
    const [only] = step.tasks;
    const bodies = step.tasks.map((task) => task.body);
    return {
      id: step.id,
      title: step.title,
      estimateSeconds: step.estimateSeconds,
      effect: stepEffect(step),
      ...(step.usable ? { usable: true } : {}),
      ...(step.tasks.length === 1 && only?.body.kind === 'action' ? { uses: only.body.action.id } : {}),
      command: bodies
        .flatMap((body) => commandsOf(body))
        .map((line) => (slug ? line.replaceAll(/<(tenant|slug)>/g, () => shellLine([slug])) : line))
        .join('\n'),
      tasks: step.tasks.map((task) => ({
        id: task.id,
        title: task.title,
        kind: task.body.kind,
        effect: effectOf(task.body),
        ...(task.body.kind === 'action' ? { action: task.body.action.id } : {}),
      })),
    };
  });
}

/** Commands that do what a body does, as shell lines. */
export function commandsOf(body: Runbook['steps'][number]['tasks'][number]['body']): string[] {
  if (body.kind === 'action') return body.action.commands(body.input);
  return body.kind === 'run' ? [shellLine(body.spec.command)] : [];
}
