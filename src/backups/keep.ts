import { randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { nothingIfMissing, syncFolder } from '../engine/durable.ts';
import { type Manifest, manifestPath, manifestText } from './manifest.ts';
import { isAlive } from './processes.ts';

/**
 * How a backup gets its name. Until then its file is `.taking-<pid>-….partial`. Beside that lies its intent
 * (`….partial.intent`): the name it is about to have and the manifest it puts there, so that what a killed process left
 * under that name can be told from everybody else's.
 */

/** A new name for the file while it is written. */
export function temporaryIn(folder: string): string {
  return join(folder, `.taking-${process.pid}-${randomBytes(4).toString('hex')}.partial`);
}

function intentOf(temporary: string): string {
  return `${temporary}.intent`;
}

/**
 * Gives a complete backup its manifest and its name: that of the moment it began, or of the next second that no other
 * backup has. Whoever makes the manifest's file first has the name, so that two that end together never mix.
 */
export async function keep(
  temporary: string,
  manifest: Manifest,
  pathAt: (at: Date) => string,
  began: Date,
): Promise<string> {
  const text = manifestText(manifest);
  try {
    for (let at = began; ; at = new Date(at.getTime() + 1000)) {
      const path = pathAt(at);
      if (await isTaken(path)) continue;
      await writeSynced(intentOf(temporary), `${basename(path)}\n${text}`, 'w');
      await syncFolder(join(path, '..'));
      if (!(await claim(path, text))) continue;
      try {
        await moveInto(temporary, path);
        return path;
      } catch (error) {
        await rm(manifestPath(path), { force: true });
        if (!exists(error)) throw error;
      }
    }
  } finally {
    await rm(intentOf(temporary), { force: true });
  }
}

async function isTaken(path: string): Promise<boolean> {
  return (await stat(path).catch(nothingIfMissing)) !== null;
}

/** False where a backup is about to have this name. A manifest nobody could write whole is none. */
async function claim(path: string, text: string): Promise<boolean> {
  const manifest = manifestPath(path);
  try {
    await writeSynced(manifest, text, 'wx');
    return true;
  } catch (error) {
    if (exists(error)) return false;
    await rm(manifest, { force: true });
    throw error;
  }
}

async function writeSynced(path: string, text: string, flags: 'w' | 'wx'): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Never over an existing file: rejects with the system's EEXIST. Nor is there one after any other error. */
async function moveInto(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (exists(error)) throw error;
    // Some network file systems know no hard links.
    await rename(temporary, path);
  }
  try {
    await syncFolder(join(path, '..'));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

function exists(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}

/** Removes what killed runs left in the folder: half a file, and the manifest of a backup that never got its name. */
export async function clearLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!isLeftover(name)) continue;
    const path = join(folder, name);
    // The intent goes last: without it nobody knows whose the manifest is.
    if (name.endsWith('.intent')) await withdraw(folder, path);
    await rm(path, { force: true });
  }
}

function isLeftover(name: string): boolean {
  const pid = /^\.taking-(\d+)-[0-9a-f]+\.partial/.exec(name)?.[1];
  return pid !== undefined && !isAlive(Number(pid));
}

/** Removes the manifest a dead process put under a name that its file never got. */
async function withdraw(folder: string, intent: string): Promise<void> {
  const { name, text } = await readIntent(intent);
  if (name === '') return;
  const path = join(folder, name);
  const there = await readFile(manifestPath(path), 'utf8').catch(nothingIfMissing);
  // One that was killed while it wrote left a part. Another's says another moment, or has an intent of its own.
  if (there === null || !text.startsWith(there) || (await isIntendedBySomebody(folder, name))) return;
  if (!(await isTaken(path))) await rm(manifestPath(path), { force: true });
}

async function isIntendedBySomebody(folder: string, wanted: string): Promise<boolean> {
  for (const name of await readdir(folder)) {
    if (!/^\.taking-.*\.intent$/.test(name) || isLeftover(name)) continue;
    if ((await readIntent(join(folder, name))).name === wanted) return true;
  }
  return false;
}

/** Nobody else can have put a name with a folder in it there; one that has is not followed. */
async function readIntent(path: string): Promise<{ name: string; text: string }> {
  const intent = (await readFile(path, 'utf8').catch(nothingIfMissing)) ?? '';
  const end = intent.indexOf('\n');
  const name = end < 0 ? '' : intent.slice(0, end);
  return { name: name === basename(name) ? name : '', text: intent.slice(end + 1) };
}
