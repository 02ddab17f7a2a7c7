import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { EntryOf } from './events.ts';
import { Incident, journalName } from './incident.ts';
import { type LockStatus, lockStatus } from './lock.ts';
import { readOpening } from './reader.ts';
import type { IncidentState } from './records.ts';

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
  about?: (opened: Pick<EntryOf<'incident.opened'>, 'database' | 'tenants'>) => boolean;
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
  const summaries: IncidentSummary[] = [];
  for (const id of names.filter((name) => name.startsWith('INC-') && name !== which.except)) {
    const summary = await summaryOf(folder, id, which);
    if (summary) summaries.push(summary);
  }
  return summaries.sort(
    (a, b) => startOf(b).localeCompare(startOf(a)) || b.id.localeCompare(a.id, 'en', { numeric: true }),
  );
}

async function summaryOf(folder: string, id: string, { about }: Which): Promise<IncidentSummary | null> {
  const dir = join(folder, id);
  try {
    const opened = about ? await readOpening(join(dir, journalName)) : null;
    if (opened && !about?.(opened)) return null;
    const lock = (await lockStatus(dir)).state;
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
