import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { copyLive } from '../backups/take-jobs.ts';
import type { Config } from '../config/schema.ts';
import { databaseAt } from '../databases/open.ts';
import { makeFolder } from '../engine/durable.ts';
import type { Database, OnProgress } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';
import type { Incident } from '../incident/incident.ts';

interface Options {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * The private copy a rehearsal works on, in the incident's folder. It is made once, from a snapshot that writes
 * nothing to the live database; a rehearsal that is resumed goes on with it. Rejects as taking a backup does.
 */
export async function rehearsalCopy(config: Config, incident: Incident, options: Options): Promise<Database> {
  const live = config.database ?? '';
  if (!live.startsWith('sqlite:')) {
    throw new TenantDrError(
      'usage',
      'A rehearsal on a copy is possible on SQLite only. Nothing was changed.',
      {
        hint: 'Restore a backup into a scratch database and run against that with --database.',
      },
    );
  }
  const source = live.slice('sqlite:'.length);
  const folder = incident.path('copy');
  const copy = path.join(folder, path.basename(source));
  if (!(await exists(copy))) {
    await makeFolder(folder);
    const fresh = path.join(folder, 'fresh');
    await rm(fresh, { force: true });
    await copyLive(source, fresh, options);
    await rename(fresh, copy);
  }
  return databaseAt(`sqlite:${copy}`);
}

/** Removes the copy: it holds everybody's data, and a finished rehearsal needs it no more. */
export async function removeCopy(incident: Incident): Promise<void> {
  await rm(incident.path('copy'), { recursive: true, force: true });
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
