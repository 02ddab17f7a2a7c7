import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder, syncFolder } from '../engine/durable.ts';
import { TenantDrError } from '../errors.ts';
import { assertTenantsFree } from './claims.ts';
import type { IncidentEvent } from './events.ts';
import type { Actor } from './facts.ts';
import { Incident, journalName, type Opened } from './incident.ts';
import { JournalWriter, unwritable } from './journal.ts';
import { incidentsDir } from './list.ts';
import { type Acquired, IncidentLock } from './lock.ts';
import { onCopy } from './mode.ts';
import type { IncidentState } from './records.ts';
import { unprobedTenants } from './state.ts';

export { type IncidentSummary, listIncidents } from './list.ts';

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
export type NewIncident = Omit<OpeningEvent, 'event' | 'id' | 'openToo'>;

const lastWordsMilliseconds = 100;

/**
 * Begins an incident: folder, lock, journal with `incident.opened`. Rejects with incident-unprobed or
 * incident-locked when one of its tenants is in the middle of something on the same database, and with
 * journal-unwritable when the state folder takes no files.
 */
export async function createIncident(store: Store, facts: NewIncident): Promise<Incident> {
  const now = store.now ?? Date.now;
  const openToo = facts.mode === 'live' ? await assertTenantsFree(store.stateDir, facts) : [];
  let dir: string | null = null;
  try {
    dir = await newFolder(store.stateDir, now());
    const { lock } = await IncidentLock.acquire(dir, store.actor, now);
    const journal = await JournalWriter.create(join(dir, journalName), {
      actor: store.actor,
      fence: lock.fence,
      now,
      guard: () => lock.assertFence(),
    });
    const others = openToo.length > 0 ? { openToo } : {};
    await journal.append({ event: 'incident.opened', ...facts, ...others, id: idOf(dir) });
    return Incident.writing(dir, journal, lock, now, store.mirrorDir ?? null);
  } catch (cause) {
    // Nobody can resume what has no beginning.
    if (dir) await rm(dir, { recursive: true, force: true });
    throw notBegun(unwritable(dir ?? incidentsDir(store.stateDir), cause));
  }
}

function notBegun(error: TenantDrError): TenantDrError {
  if (error.code !== 'journal-unwritable') return error;
  return new TenantDrError(error.code, `${error.message} Nothing was changed.`, {
    hint: 'Make room or give write permission on the state folder (--state), then run the same command again.',
    cause: error,
  });
}

/**
 * Opens an incident to look on: never writes, can be followed. Rejects with incident-unknown or journal-damaged.
 */
export async function readIncident(stateDir: string, id: string): Promise<Opened> {
  return Incident.reading(await incidentFolder(stateDir, id));
}

/**
 * Opens an incident to go on with it. A lock whose process is gone is taken silently, any other only with a
 * reason in `takeOver`. Rejects with incident-locked, incident-unprobed (another incident of the tenant comes first),
 * journal-damaged, journal-unwritable, or usage when the incident was closed.
 */
export async function resumeIncident(
  store: Store,
  id: string,
  takeOver?: { reason: string },
): Promise<Opened> {
  const now = store.now ?? Date.now;
  const dir = await incidentFolder(store.stateDir, id);
  // an incident that cannot be continued is not taken from anybody
  if (takeOver) await assertGoesOn(store.stateDir, (await Incident.reading(dir)).incident.state);
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
    const openToo = await assertGoesOn(store.stateDir, writer.journal.begun()).catch(async (error) => {
      await writer.close();
      throw error;
    });
    const incident = Incident.writing(dir, writer, lock, now, store.mirrorDir ?? null);
    const others = openToo.length > 0 ? { openToo } : {};
    await incident.append({ ...takenOver(acquired, takeOver), ...others });
    return { incident, torn };
  } catch (error) {
    await lock.release(now);
    throw error;
  }
}

function takenOver(
  { replaced }: Acquired,
  takeOver: { reason: string } | undefined,
): Extract<IncidentEvent, { event: 'lock.acquired' | 'taken-over' }> {
  if (!replaced) return { event: 'lock.acquired', pid: process.pid };
  return {
    event: 'taken-over',
    reason: takeOver?.reason ?? `process ${replaced.process.pid} is gone`,
    from: { name: replaced.actor.name, host: replaced.process.host, pid: replaced.process.pid },
    automatic: takeOver === undefined,
  };
}

/** Resolves with the other incidents about its tenants that are open. */
async function assertGoesOn(stateDir: string, state: IncidentState): Promise<string[]> {
  const { id, closed, opened, tenants } = state;
  if (closed) {
    throw new TenantDrError('usage', `${id} was closed at ${closed.at}. Nothing was changed.`, {
      hint: `Read it with "tenant-dr report ${id}"${onCopy(opened.mode) ? '' : `; to take its change back: "tenant-dr undo ${id}"`}.`,
    });
  }
  // one that must be probed itself has to be let in to find out
  const probing = unprobedTenants(state).length > 0;
  if (opened.mode !== 'live' || probing) return [];
  return assertTenantsFree(stateDir, { ...opened, tenants }, id);
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
  await makeFolder(folder);
  for (let count = 1; ; count++) {
    const dir = join(folder, count === 1 ? `INC-${stamp}` : `INC-${stamp}-${count}`);
    if (!(await takeName(dir))) continue;
    for (const name of ['safety', 'messages']) await mkdir(join(dir, name), { mode: 0o700 });
    await syncFolder(dir);
    await syncFolder(folder);
    return dir;
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
