import { chooseBackup } from '../actions/choose-backup.ts';
import { messages } from '../actions/messages.ts';
import type { Operator } from '../actions/operator.ts';
import { restore } from '../actions/restore.ts';
import { restoreMany } from '../actions/restore-many.ts';
import { undo } from '../actions/undo.ts';
import { listBackups } from '../backups/catalogue.ts';
import { holdBackups, releaseHolds } from '../backups/holds.ts';
import type { Config } from '../config/schema.ts';
import type { RestoreMode } from '../engine/plan.ts';
import type { Database, OnProgress } from '../engine/port.ts';
import { printable } from '../engine/printable.ts';
import { sameId, type Tenant } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import { loadContacts } from '../incident/contacts.ts';
import type { Incident } from '../incident/incident.ts';
import type { RunMode } from '../incident/mode.ts';
import { readIncident, resumeIncident, type Store } from '../incident/store.ts';
import { systemClock } from './clock.ts';
import { findTenant } from './find-tenant.ts';
import {
  type GivenBackup,
  givenOf,
  goOnWith,
  requireOneThatHelps,
  soundBackup,
  withBackup,
} from './given-backup.ts';
import { loadRunbook } from './load.ts';
import { rehearsalCopy, removeCopy } from './rehearsal.ts';
import type { RunOptions } from './run.ts';
import type { Runbook } from './runbook.ts';
import { Runner } from './runner.ts';
import { runbookOf, startIncident } from './start.ts';

interface Surroundings {
  config: Config;
  /** The live database. */
  database: Database;
  store: Store;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export interface BeginRequest extends Surroundings, Partial<GivenBackup> {
  /** Id of a runbook, or the path of its file. */
  runbook: string;
  /** Id or slug. */
  tenant: string | null;
  mode: Exclude<RunMode, 'drill'>;
  detectedAt: Date;
  damagedAt: Date | null;
  restoreMode?: RestoreMode | undefined;
  /** Nobody will be there to choose a backup. */
  unattended?: boolean | undefined;
  disableTriggers?: boolean | undefined;
}

export interface ResumeRequest extends Surroundings, Partial<GivenBackup> {
  id: string;
  takeOver?: { reason: string } | undefined;
  disableTriggers?: boolean | undefined;
}

/** An incident opened for a run, by this process. */
export interface Begun {
  incident: Incident;
  runbook: Runbook;
  tenant: Tenant | null;
  /** A journal line cut short by a crash was taken off; shown to the operator. */
  torn: { line: number; bytes: number } | null;
  runner(operator: Operator, signal: AbortSignal): Runner;
  /** Lets go of the incident; what an ended one no longer needs goes with it. */
  close(): Promise<void>;
}

/** Everything that comes before the first step. Whatever is wrong is found before an incident is opened. */
export async function beginRun(request: BeginRequest): Promise<Begun> {
  const { config, database, store, mode, detectedAt, damagedAt } = request;
  const runbook = await loadRunbook(request.runbook, config.runbooks);
  checkTimes(detectedAt, damagedAt);
  const tenant =
    request.tenant === null
      ? null
      : await findTenant(request.tenant, { config, database, from: request.from });
  const actions = runbook.steps.flatMap((step) =>
    step.tasks.flatMap(({ body }) => (body.kind === 'action' ? [body.action.id] : [])),
  );
  // Contacts that cannot be read must not stop a run whose tenant has been suspended already.
  if (config.contacts && actions.includes(messages.id)) await loadContacts(config.contacts);
  if (!tenant && actions.length > 0) {
    throw new TenantDrError(
      'usage',
      `The runbook "${runbook.id}" is about one tenant, and none was named. Nothing was started.`,
      {
        hint: 'Give --tenant <id or slug>.',
      },
    );
  }
  const input = await inputOf(request, tenant);
  const choosing = request.unattended && input[chooseBackup.id] === undefined && choosesBackup(runbook);
  if (tenant && choosing && mode !== 'dry-run') await requireOneThatHelps(tenant, request);
  const incident = await startIncident(store, {
    kind: 'runbook',
    runbook,
    config,
    database,
    tenant,
    mode,
    detectedAt,
    damagedAt,
    input,
  });
  try {
    if (mode === 'live') await holdRecent(config, incident, damagedAt ?? detectedAt);
    return await begun(request, incident, runbook, tenant, input);
  } catch (error) {
    await incident.append({ event: 'closed', outcome: 'failed', reason: 'it could not begin' });
    await removeCopy(config, incident);
    await incident.close();
    throw error;
  }
}

/**
 * Goes on with an incident, whatever began it. Rejects as `resumeIncident` and `runbookOf` do, and with usage when it
 * is about another database: one state folder may serve several, and their tenants have the same ids.
 */
export async function resumeRun(request: ResumeRequest): Promise<Begun> {
  await requireItsDatabase(request);
  const given = givenOf(request);
  const { incident, torn } = await resumeIncident(request.store, request.id, request.takeOver);
  try {
    const runbook = await runbookOf(incident);
    const tenant = await tenantNow(request, incident);
    if (given) await goOnWith(given, incident, tenant, request);
    return { ...(await begun(request, incident, runbook, tenant, incident.state.input)), torn };
  } catch (error) {
    await incident.close();
    throw error;
  }
}

async function requireItsDatabase({ database, store, id }: ResumeRequest): Promise<void> {
  const { incident } = await readIncident(store.stateDir, id);
  const { location } = incident.state.opened.database;
  await incident.close();
  if (location === database.location) return;
  throw new TenantDrError(
    'usage',
    `${id} is about ${printable(location)}, and the database here is ${printable(database.location)}. Nothing was changed.`,
    {
      hint: `Go on from the folder of its config, or name its database with --config or --database. If it has moved to this address, begin anew here: \`safety:${id}\` still names the rows as they were before ${id} changed any.`,
    },
  );
}

/** The incident's tenant. Found by id, which stays: a new name or slug is noted and used from now on. */
async function tenantNow({ config, database }: Surroundings, incident: Incident): Promise<Tenant | null> {
  const [known, ...others] = incident.state.tenants;
  if (!known || others.length > 0) return null;
  const session = await database.open({ mode: 'read' });
  try {
    const now = (await session.tenants(config.tenants)).find((one) => sameId(one.id, known.id));
    if (!now) return { ...known, status: null };
    const { slug, name, status } = now;
    if (slug !== known.slug || name !== known.name) {
      await incident.append({ event: 'tenant.renamed', tenant: known.id, slug, name });
    }
    return { ...known, slug, name, status };
  } finally {
    await session.close();
  }
}

async function begun(
  surroundings: Surroundings & { disableTriggers?: boolean | undefined },
  incident: Incident,
  runbook: Runbook,
  tenant: Tenant | null,
  chosen: Input,
): Promise<Begun> {
  const { config, signal, onProgress } = surroundings;
  // Consent counts for the process it was given to: it is asked for again after a crash.
  const input = surroundings.disableTriggers ? withConsent(chosen) : chosen;
  const { mode } = incident.state.opened;
  const database =
    mode === 'rehearsal'
      ? await rehearsalCopy(config, incident, { signal, onProgress })
      : surroundings.database;
  return {
    incident,
    runbook,
    tenant,
    torn: null,
    runner: (operator, stop) =>
      new Runner({
        runbook,
        incident,
        config,
        database,
        tenant,
        mode,
        operator,
        clock: systemClock,
        signal: stop,
        input,
      }),
    close: async () => {
      if (incident.state.closed) {
        await releaseHolds(config, incident.id);
        await removeCopy(config, incident);
      }
      await incident.close();
    },
  };
}

/** Has it a step in which a backup is chosen, not named? */
function choosesBackup(runbook: Runbook): boolean {
  const tasks = runbook.steps.flatMap((step) => step.tasks);
  return tasks.some(
    ({ body }) =>
      body.kind === 'action' && body.action.id === chooseBackup.id && body.input.from === undefined,
  );
}

type Input = NonNullable<RunOptions['input']>;

/** Consent to disabled triggers, for every action that changes rows. */
function withConsent(chosen: Input): Input {
  const changing = [restore.id, restoreMany.id, undo.id];
  return {
    ...chosen,
    ...Object.fromEntries(changing.map((id) => [id, { ...chosen[id], disableTriggers: true }])),
  };
}

/** What flags chose. It is kept for whoever resumes, maybe in another folder and after another backup was taken. */
async function inputOf(request: BeginRequest, tenant: Tenant | null): Promise<Input> {
  const { restoreMode } = request;
  const given = givenOf(request);
  const chosen: Input = restoreMode ? { [restore.id]: { mode: restoreMode } } : {};
  return given && tenant ? withBackup(chosen, await soundBackup(given, tenant, request)) : chosen;
}

function checkTimes(detectedAt: Date, damagedAt: Date | null): void {
  const now = systemClock.now();
  const later = [detectedAt, damagedAt].find((time) => time && time.getTime() > now.getTime() + 60_000);
  if (later) {
    throw new TenantDrError('usage', `${later.toISOString()} is in the future. Nothing was started.`, {
      hint: 'Check the zone of --detected-at and --damaged-at.',
    });
  }
  if (damagedAt && damagedAt.getTime() > detectedAt.getTime()) {
    throw new TenantDrError('usage', 'The damage cannot be later than its detection. Nothing was started.', {
      hint: 'Check --damaged-at and --detected-at.',
    });
  }
}

/** As many backups as the operator may fall back on are kept from being pruned. */
const heldBackups = 5;

async function holdRecent(config: Config, incident: Incident, damaged: Date): Promise<void> {
  const entries = (await listBackups(config)).filter((entry) => entry.takenAt.getTime() <= damaged.getTime());
  const held = entries
    .slice(0, heldBackups)
    .map(({ path, manifest }) => ({ path, sha256: manifest?.sha256 ?? null }));
  if (held.length === 0) return;
  await holdBackups(config, incident.id, held);
  await incident.append({ event: 'backup.held', backups: held.map((one) => one.path) });
}
