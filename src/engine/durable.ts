import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TenantDrError } from '../errors.ts';

/**
 * Writes a file so that, whatever happens, the name holds the old content or the new: temporary name beside it,
 * fsync, rename, fsync of the folder. Mode 0600. With `exclusive` an existing file is left alone and the
 * promise rejects with the system's EEXIST.
 */
export async function writeDurably(
  path: string,
  content: string | Uint8Array,
  options: { exclusive?: boolean } = {},
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.partial`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    if (options.exclusive) await link(temporary, path);
    else await rename(temporary, path);
  } finally {
    await unlink(temporary).catch(ignoreMissing);
  }
  await syncFolder(dirname(path));
}

/**
 * Makes a folder (0700) and those above it that are missing. Throws usage where a file is in the way, else the
 * system's error. Step by step, because the recursive `mkdir` of Node never returns where the system says ENOENT
 * although the parent exists, as /proc does.
 */
export async function makeFolder(path: string): Promise<void> {
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error.code === 'ENOTDIR' ? noFolder(dirname(path)) : error;
  });
  if (there?.isDirectory()) return;
  if (there) throw noFolder(path);
  await makeFolder(dirname(path));
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    // Another process may have been faster.
    if (error.code !== 'EEXIST') throw error;
  });
}

function noFolder(path: string): TenantDrError {
  return new TenantDrError('usage', `${path} is not a folder. Nothing was changed.`, {
    hint: 'name another folder, or move the file away',
  });
}

/** Makes a new or renamed name in this folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** For `.catch` where a file or folder may be missing: then there is nothing. Any other error stays one. */
export function nothingIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
