import { readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { TenantDrError } from '../errors.ts';
import { isAlive } from './processes.ts';
import { copyName, markerPrefix, nothingThere, partialPrefix, recordName } from './staging-record.ts';

/** Staged copies are whole databases: personal data that must expire, and gigabytes. */
const maxBytes = 20 * 2 ** 30;
const maxShareOfFree = 0.3;
const maxAgeSeconds = 7 * 86_400;

interface Aged {
  folder: string;
  bytes: number;
  usedAt: number;
}

/**
 * Removes what is too old, half written by a dead process, or too much with `bytes` more; entries in use stay.
 * Rejects with disk-full when the disk cannot take `bytes`; nothing was written then.
 */
export async function makeRoom(folder: string, bytes: number): Promise<void> {
  const entries = await inspect(folder);
  const free = await freeBytes(folder);
  const cached = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const limit = Math.min(maxBytes, (free + cached) * maxShareOfFree);
  let total = cached + bytes;
  const oldest = Date.now() - maxAgeSeconds * 1000;
  for (const entry of entries.sort((a, b) => a.usedAt - b.usedAt)) {
    if (entry.usedAt >= oldest && total <= limit) continue;
    if (await evict(folder, entry.folder)) total -= entry.bytes;
  }
  const left = await freeBytes(folder);
  if (bytes > left) {
    throw new TenantDrError(
      'disk-full',
      `Staging needs ${bytes} bytes in ${folder}; ${left} are free. Nothing was written.`,
      {
        hint: 'free some space, or name another state folder with --state',
        facts: { needed: bytes, free: left },
      },
    );
  }
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

async function inspect(folder: string): Promise<Aged[]> {
  const entries: Aged[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.startsWith(partialPrefix)) {
      const maker = Number(name.slice(partialPrefix.length).split('-')[0]);
      if (!isAlive(maker) || (await isOld(path))) await rm(path, { recursive: true, force: true });
      continue;
    }
    // Another process may have removed it, and a file that lies about is no entry.
    const copy = await stat(join(path, copyName)).catch(nothingThere);
    const record = await stat(join(path, recordName)).catch(nothingThere);
    entries.push({ folder: path, bytes: copy?.size ?? 0, usedAt: copy && record ? record.mtimeMs : 0 });
  }
  return entries;
}

/** False when a living process uses the entry. */
async function evict(folder: string, entry: string): Promise<boolean> {
  if (await inUse(entry)) return false;
  const trash = join(folder, `${partialPrefix}${process.pid}-${basename(entry).slice(-8)}`);
  const moved = await rename(entry, trash).then(() => true, nothingThere);
  // Another process that makes room was faster.
  if (!moved) return true;
  // Somebody may have put a marker between the look and the rename.
  if (await inUse(trash)) {
    await rename(trash, entry);
    return false;
  }
  await rm(trash, { recursive: true, force: true });
  return true;
}

async function inUse(entry: string): Promise<boolean> {
  for (const name of (await readdir(entry).catch(nothingThere)) ?? []) {
    if (!name.startsWith(markerPrefix) || !isAlive(Number(name.split('.')[1]))) continue;
    if (!(await isOld(join(entry, name)))) return true;
  }
  return false;
}

/** Process ids are used again: what is older than any entry may be was left by somebody else. */
async function isOld(path: string): Promise<boolean> {
  const file = await stat(path).catch(nothingThere);
  return file === null || Date.now() - file.mtimeMs > maxAgeSeconds * 1000;
}
