import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder } from '../engine/durable.ts';
import type { OnProgress } from '../engine/port.ts';
import { copyLive } from './take-jobs.ts';

/** Private copies of a live database, for rehearsals. What is known of one stands in a folder of its own. */

interface Options {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * Makes a copy that may be written to and says its address; the live database is only read. `name` is what a copy
 * on a server is called. Rejects as taking a backup does, and leaves nothing behind then.
 */
export async function makeCopy(
  database: string,
  folder: string,
  name: string,
  options: Options = {},
): Promise<string> {
  await makeFolder(folder);
  if (!database.startsWith('sqlite:')) {
    const { copyDatabase } = await import('../databases/postgres/copy.ts');
    return copyDatabase(database, folder, name, options);
  }
  const copy = fileIn(folder, database);
  const fresh = path.join(folder, 'fresh');
  await rm(fresh, { force: true });
  await copyLive(database.slice('sqlite:'.length), fresh, options);
  await rename(fresh, copy);
  return `sqlite:${copy}`;
}

/** Address of the copy made before; null when there is none. */
export async function findCopy(database: string, folder: string): Promise<string | null> {
  if (!(await exists(folder))) return null;
  if (!database.startsWith('sqlite:')) {
    const { databaseCopy } = await import('../databases/postgres/copy.ts');
    return databaseCopy(database, folder);
  }
  const copy = fileIn(folder, database);
  return (await exists(copy)) ? `sqlite:${copy}` : null;
}

/** Removes the copy: it holds everybody's data. Harmless when there is none. */
export async function removeCopyIn(database: string, folder: string): Promise<void> {
  if (!(await exists(folder))) return;
  if (!database.startsWith('sqlite:')) {
    const { dropDatabaseCopy } = await import('../databases/postgres/copy.ts');
    await dropDatabaseCopy(database, folder);
  }
  await rm(folder, { recursive: true, force: true });
}

function fileIn(folder: string, database: string): string {
  return path.join(folder, path.basename(database.slice('sqlite:'.length)));
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
