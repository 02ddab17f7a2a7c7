import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inBatches } from '../engine/batches.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import { Incident } from './incident.ts';
import { type LockStatus, lockStatus } from './lock.ts';
import type { Opening } from './reader.ts';
import type { IncidentState } from './records.ts';
import { unprobedTenants } from './state.ts';

export function incidentsDir(stateDir: string): string {
  return join(stateDir, 'incidents');
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

export interface Which {
  /** Not this one. */
  except?: string | undefined;
  /** Only those whose opening says so: the others' journals need not be read any further. */
  about?: (opened: Pick<Opening, 'database' | 'tenants'>) => boolean;
  /** Only those with something left to do or to find out. */
  unsettled?: boolean;
}

/** Incidents, newest first. A folder whose journal never began is left out. */
export async function listIncidents(stateDir: string, which: Which = {}): Promise<IncidentSummary[]> {
  const folder = incidentsDir(stateDir);
  const names = await readdir(folder).catch((error): string[] => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw new TenantDrError('permission-denied', `The incidents cannot be listed: ${reasonOf(error)}.`, {
      hint: 'Check the state folder (--state).',
      cause: error,
    });
  });
  const ids = names.filter((name) => name.startsWith('INC-') && name !== which.except);
  const found = await inBatches(ids, (id) => summaryOf(folder, id, which));
  const summaries = found.filter((summary) => summary !== null);
  return summaries.sort(
    (a, b) => startOf(b).localeCompare(startOf(a)) || b.id.localeCompare(a.id, 'en', { numeric: true }),
  );
}

async function summaryOf(folder: string, id: string, which: Which): Promise<IncidentSummary | null> {
  const dir = join(folder, id);
  try {
    if (which.unsettled && (await isSettled(dir, which.about))) return null;
    // The lock first: what its holder wrote before letting go is in the journal then.
    const lock = (await lockStatus(dir)).state;
    const found = await Incident.lookAt(dir, which.about);
    return found ? { id, dir, lock, ...found } : null;
  } catch (error) {
    if (error instanceof TenantDrError && error.code === 'incident-unknown') return null;
    throw error;
  }
}

/** Closed and whole, and the outcome of every restore is known: nobody can do anything in it any more. */
async function isSettled(dir: string, about: Which['about']): Promise<boolean> {
  const found = await Incident.lookAt(dir, about);
  if (!found) return true;
  const { state, damage } = found;
  return damage === null && state !== null && state.closed !== null && unprobedTenants(state).length === 0;
}

function startOf(summary: IncidentSummary): string {
  return summary.state?.opened.at ?? '';
}
