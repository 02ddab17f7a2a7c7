import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sameId, type TenantId } from '../engine/tenant.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { IncidentEvent } from './events.ts';
import type { Actor } from './facts.ts';
import { Incident, journalName, type Opened } from './incident.ts';
import { JournalWriter, syncFolder, unwritable } from './journal.ts';
import { type Acquired, IncidentLock, type LockStatus, lockStatus } from './lock.ts';
import type { IncidentState } from './records.ts';
import { unprobedTenants } from './state.ts';

/** Where incidents are kept, and who works on them. */
export interface Store {
  /** The state folder; incidents are in `incidents/` below it. */
  stateDir: string;
  /** A second place for journals and safety copies. */
  mirrorDir?: string | null;
  actor: Actor;
  /** Milliseconds since 1970. */
  now?: () => number;
}

type OpeningEvent = Extract<IncidentEvent, { event: 'incident.opened' }>;
/** What the caller knows about a new incident; its id is given here. */
export type NewIncident = Omit<OpeningEvent, 'event' | 'id'>;

const lastWordsMilliseconds = 100;

export function incidentsDir(stateDir: string): string {
  return join(stateDir, 'incidents');
}

/**
 * Begins an incident: folder, lock, journal with `incident.opened`. Rejects with incident-unprobed or
 * incident-locked when one of its tenants is in the middle of something on the same database, and with
 * journal-unwritable when the state folder takes no files.
 */
export async function createIncident(store: Store, facts: NewIncident): Promise<Incident> {
  const now = store.now ?? Date.now;
  if (facts.mode === 'live') await assertTenantsFree(store.stateDir, facts);
  const dir = await newFolder(store.stateDir, now());
  try {
    const { lock } = await IncidentLock.acquire(dir, store.actor, now);
    const journal = await JournalWriter.create(join(dir, journalName), {
      actor: store.actor,
      fence: lock.fence,
      now,
      guard: () => lock.assertFence(),
    });
    await journal.append({ event: 'incident.opened', ...facts, id: idOf(dir) });
    return Incident.writing(dir, journal, lock, now, store.mirrorDir ?? null);
  } catch (cause) {
    throw cause instanceof TenantDrError ? cause : unwritable(dir, cause);
  }
}

/**
 * Opens an incident to look on: never writes, can be followed. Rejects with incident-unknown or journal-damaged.
 */
export async function readIncident(stateDir: string, id: string): Promise<Opened> {
  return Incident.reading(await incidentFolder(stateDir, id));
}

/**
 * Opens an incident to go on with it. A lock whose process is gone is taken silently, any other only with a
 * reason in `takeOver`. Rejects with incident-locked, journal-damaged, journal-unwritable, or usage when the
 * incident was closed.
 */
export async function resumeIncident(
  store: Store,
  id: string,
  takeOver?: { reason: string },
): Promise<Opened> {
  const now = store.now ?? Date.now;
  const dir = await incidentFolder(store.stateDir, id);
  // an incident that cannot be continued is not taken from anybody
  if (takeOver) assertOpen((await Incident.reading(dir)).incident.state);
  const acquired = await IncidentLock.acquire(dir, store.actor, now, takeOver !== undefined);
  const { lock, replaced } = acquired;
  try {
    // a process that is still alive may be between its last look at the fence and its last line
    if (replaced && takeOver) await sleep(lastWordsMilliseconds);
    const { writer, torn } = await JournalWriter.open(join(dir, journalName), {
      actor: store.actor,
      fence: lock.fence,
      now,
      guard: () => lock.assertFence(),
    });
    const state = writer.journal.begun();
    if (state.closed) await writer.close();
    assertOpen(state);
    const incident = Incident.writing(dir, writer, lock, now, store.mirrorDir ?? null);
    await incident.append(takenOver(acquired, takeOver));
    return { incident, torn };
  } catch (error) {
    await lock.release(now);
    throw error;
  }
}

function takenOver({ replaced }: Acquired, takeOver: { reason: string } | undefined): IncidentEvent {
  if (!replaced) return { event: 'lock.acquired', pid: process.pid };
  return {
    event: 'taken-over',
    reason: takeOver?.reason ?? `process ${replaced.process.pid} is gone`,
    from: { name: replaced.actor.name, host: replaced.process.host, pid: replaced.process.pid },
    automatic: takeOver === undefined,
  };
}

export interface IncidentSummary {
  id: string;
  dir: string;
  lock: LockStatus['state'];
  /** null when nothing of the journal can be read. */
  state: IncidentState | null;
  /** What is wrong with the journal; `state` then says what the lines before the damage say. */
  damage: TenantDrError | null;
}

/** All incidents, newest first. A folder whose journal never began is left out. */
export async function listIncidents(stateDir: string): Promise<IncidentSummary[]> {
  const folder = incidentsDir(stateDir);
  const names = await readdir(folder).catch((error): string[] => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw new TenantDrError('permission-denied', `The incidents cannot be listed: ${reasonOf(error)}.`, {
      hint: 'Check the state folder (--state).',
      cause: error,
    });
  });
  const summaries: IncidentSummary[] = [];
  for (const id of names.filter((name) => name.startsWith('INC-'))) {
    const summary = await summaryOf(folder, id);
    if (summary) summaries.push(summary);
  }
  return summaries.sort(
    (a, b) => startOf(b).localeCompare(startOf(a)) || b.id.localeCompare(a.id, 'en', { numeric: true }),
  );
}

async function summaryOf(folder: string, id: string): Promise<IncidentSummary | null> {
  const dir = join(folder, id);
  const lock = (await lockStatus(dir)).state;
  try {
    const found = await Incident.lookAt(dir);
    return found ? { id, dir, lock, ...found } : null;
  } catch (error) {
    if (error instanceof TenantDrError && error.code === 'incident-unknown') return null;
    throw error;
  }
}

function startOf(summary: IncidentSummary): string {
  return summary.state?.opened.at ?? '';
}

/** Incidents not closed yet that concern this tenant of this database. */
export async function openIncidentsFor(
  stateDir: string,
  location: string,
  tenant: TenantId,
): Promise<IncidentSummary[]> {
  const all = await listIncidents(stateDir);
  return all.filter(
    ({ state }) =>
      state !== null &&
      state.closed === null &&
      state.opened.database.location === location &&
      state.tenants.some((other) => sameId(other.id, tenant)),
  );
}

/**
 * The live incident whose restore of this tenant has no known outcome yet, if there is one. A rehearsal carries the
 * live location too, but works on a copy.
 */
export async function unprobedRestore(
  stateDir: string,
  location: string,
  tenant: TenantId,
): Promise<IncidentSummary | null> {
  const all = await listIncidents(stateDir);
  const holds = ({ state, damage }: IncidentSummary) =>
    state?.opened.mode === 'live' &&
    state.opened.database.location === location &&
    (unprobedTenants(state).some((other) => sameId(other, tenant)) ||
      // a damaged journal may have lost the line that says a restore began
      (damage !== null && state.closed === null && state.tenants.some((other) => sameId(other.id, tenant))));
  return all.find(holds) ?? null;
}

async function assertTenantsFree(stateDir: string, facts: NewIncident): Promise<void> {
  for (const tenant of facts.tenants) {
    const unprobed = await unprobedRestore(stateDir, facts.database.location, tenant.id);
    if (unprobed) throw unprobedError(unprobed, tenant.slug);
    const open = await openIncidentsFor(stateDir, facts.database.location, tenant.id);
    const busy = open.find((other) => other.lock === 'held' && other.state?.opened.mode === 'live');
    if (busy) {
      throw new TenantDrError(
        'incident-locked',
        `${tenant.slug} is being worked on in ${busy.id}. Nothing was changed.`,
        {
          hint: `Look on with "tenant-dr watch ${busy.id}".`,
          facts: { incident: busy.id },
        },
      );
    }
  }
}

/** Why nothing new may start for a tenant. */
export function unprobedError(summary: IncidentSummary, slug: string): TenantDrError {
  const why = summary.damage
    ? `its journal is damaged, so nobody knows whether a restore of ${slug} was under way`
    : `a restore of ${slug} was interrupted and nobody knows yet whether it happened`;
  return new TenantDrError('incident-unprobed', `${summary.id} comes first: ${why}. Nothing was changed.`, {
    hint: summary.damage
      ? `Compare the tenant with its safety copies in ${summary.dir}/safety (tenant-dr diff), then move that folder away.`
      : `Run "tenant-dr resume ${summary.id}": it finds out.`,
    facts: { incident: summary.id },
  });
}

function assertOpen({ id, closed }: IncidentState): void {
  if (!closed) return;
  throw new TenantDrError('usage', `${id} was closed at ${closed.at}. Nothing was changed.`, {
    hint: `Read it with "tenant-dr report ${id}"; to take its change back: "tenant-dr undo ${id}".`,
  });
}

/** The folder of an incident. Rejects with incident-unknown. */
export async function incidentFolder(stateDir: string, id: string): Promise<string> {
  const names = await readdir(incidentsDir(stateDir)).catch((): string[] => []);
  if (names.includes(id)) return join(incidentsDir(stateDir), id);
  throw new TenantDrError(
    'incident-unknown',
    `There is no incident "${id}" in ${stateDir}. Nothing was changed.`,
    {
      hint: 'List them with "tenant-dr incidents", and check --state.',
    },
  );
}

/** `INC-20261123-0605`, then `INC-20261123-0605-2` and so on: making the folder is what takes the name. */
async function newFolder(stateDir: string, now: number): Promise<string> {
  const folder = incidentsDir(stateDir);
  const stamp = new Date(now).toISOString().slice(0, 16).replace(/[-:]/g, '').replace('T', '-');
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (let count = 1; ; count++) {
      const dir = join(folder, count === 1 ? `INC-${stamp}` : `INC-${stamp}-${count}`);
      if (!(await takeName(dir))) continue;
      for (const name of ['safety', 'messages']) await mkdir(join(dir, name), { mode: 0o700 });
      await syncFolder(dir);
      await syncFolder(folder);
      return dir;
    }
  } catch (cause) {
    throw unwritable(folder, cause);
  }
}

async function takeName(dir: string): Promise<boolean> {
  try {
    await mkdir(dir, { mode: 0o700 });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function idOf(dir: string): string {
  return dir.slice(dir.lastIndexOf('INC-'));
}
