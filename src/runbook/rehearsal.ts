import { join } from 'node:path';
import { findCopy, makeCopy, removeCopyIn } from '../backups/private-copy.ts';
import type { Config } from '../config/schema.ts';
import { databaseAt } from '../databases/open.ts';
import type { Database, OnProgress } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';
import type { Incident } from '../incident/incident.ts';
import { listIncidents } from '../incident/list.ts';

interface Options {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

const copyIn = (incidentFolder: string): string => join(incidentFolder, 'copy');

/**
 * The private copy a rehearsal works on. It is made once, from a snapshot that writes nothing to the live database;
 * a rehearsal that is resumed goes on with it. Rejects as taking a backup does, and with usage when a rehearsal
 * under way has lost its copy.
 */
export async function rehearsalCopy(config: Config, incident: Incident, options: Options): Promise<Database> {
  const live = config.database ?? '';
  const folder = copyIn(incident.dir);
  const there = await findCopy(live, folder);
  if (there) return databaseAt(there);
  if (Object.keys(incident.state.tasks).length > 0) {
    throw new TenantDrError('usage', `The copy that ${incident.id} worked on is gone. Nothing was changed.`, {
      hint: 'Start another rehearsal: the next one drops what an interrupted one left behind.',
    });
  }
  await dropAbandoned(config, incident);
  const name = `tdr_rehearsal_${incident.id.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`;
  return databaseAt(await makeCopy(live, folder, name, options));
}

/** Removes the copy: it holds everybody's data, and a finished rehearsal needs it no more. */
export async function removeCopy(config: Config, incident: Incident): Promise<void> {
  await removeCopyIn(config.database ?? '', copyIn(incident.dir));
}

/** Copies of rehearsals that died: nobody may come to resume them. */
async function dropAbandoned(config: Config, own: Incident): Promise<void> {
  const { location } = own.state.opened.database;
  for (const { dir, lock, state } of await listIncidents(config.state, { except: own.id })) {
    const ours = state?.opened.mode === 'rehearsal' && state.opened.database.location === location;
    const abandoned = lock === 'free' || lock === 'dead';
    if (ours && abandoned) await removeCopyIn(config.database ?? '', copyIn(dir));
  }
}
