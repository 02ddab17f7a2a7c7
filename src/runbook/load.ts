import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearestOf } from '../config/explain.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import { shipped } from '../places.ts';
import { type LoadOptions, parseRunbook } from './parse.ts';
import type { Runbook } from './runbook.ts';

/** The runbooks that come with tenant-dr: beside `src` and `dist` alike. */
export const shippedFolder = fileURLToPath(shipped('runbooks/'));

/** Where runbooks are looked for: the operators' own folder (the `runbooks:` key, absolute), then the shipped one. */
function folders(own: string | undefined): { folder: string; origin: Runbook['origin'] }[] {
  const shipped = { folder: shippedFolder, origin: 'shipped' as const };
  return own ? [{ folder: own, origin: 'own' as const }, shipped] : [shipped];
}

export interface ListedRunbook {
  id: string;
  file: string;
  origin: Runbook['origin'];
  /** A file that cannot be used is listed with what is wrong. */
  runbook: Runbook | null;
  error: TenantDrError | null;
}

/** Every runbook, own ones first; an own one with a shipped one's id takes its place. */
export async function listRunbooks(
  own: string | undefined,
  options: LoadOptions = {},
): Promise<ListedRunbook[]> {
  const found: ListedRunbook[] = [];
  for (const { folder, origin } of folders(own)) {
    for (const file of (await filesIn(folder)).filter((name) => /\.ya?ml$/.test(name))) {
      const listed = await read(path.join(folder, file), { ...options, origin });
      if (!found.some((other) => other.id === listed.id)) found.push(listed);
    }
  }
  return found;
}

/** Loads by id from the folders, or by path. Throws `runbook-invalid` or `file-missing`. */
export async function loadRunbook(
  name: string,
  own: string | undefined,
  options: LoadOptions = {},
): Promise<Runbook> {
  const isPath = /\.ya?ml$/.test(name) || name.includes(path.sep);
  const listed = isPath ? [await read(path.resolve(name), options)] : await listRunbooks(own, options);
  const match = isPath ? listed[0] : listed.find((one) => one.id === name);
  if (match?.error) throw match.error;
  if (match?.runbook) return match.runbook;
  const known = listed.map((one) => one.id);
  const near = nearestOf(name, known);
  throw new TenantDrError(
    'file-missing',
    `There is no runbook "${name}"${near ? `; did you mean ${near}?` : '.'}`,
    {
      hint: `Nothing was started. There are: ${known.join(', ')}. A file of your own is given by its path.`,
    },
  );
}

async function read(file: string, options: LoadOptions): Promise<ListedRunbook> {
  const origin = options.origin ?? 'own';
  const fallback = path.basename(file).replace(/\.ya?ml$/, '');
  try {
    const runbook = parseRunbook(await readText(file), path.basename(file), { ...options, origin });
    return { id: runbook.id, file, origin, runbook, error: null };
  } catch (error) {
    if (error instanceof TenantDrError) return { id: fallback, file, origin, runbook: null, error };
    throw error;
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new TenantDrError('file-missing', `The runbook ${file} cannot be read: ${reasonOf(error)}`, {
      hint: 'Nothing was started. `tenant-dr runbook list` shows the runbooks there are.',
      cause: error,
    });
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    throw new TenantDrError(
      'file-missing',
      `The folder of runbooks ${folder} cannot be read: ${reasonOf(error)}`,
      {
        hint: 'Correct the key "runbooks" in the configuration, or remove it.',
        cause: error,
      },
    );
  }
}
