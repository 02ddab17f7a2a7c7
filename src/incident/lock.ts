import { link, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, syncFolder } from '../engine/durable.ts';
import { TenantDrError } from '../errors.ts';
import { z } from '../zod.ts';
import type { Actor } from './facts.ts';
import { actor, time } from './facts.ts';
import { unwritable } from './journal.ts';
import { lifeOf, ownIdentity, processIdentity } from './process.ts';

/**
 * One writer per incident. `lock/` holds one numbered file per writer the incident has had; the number is the
 * fence, and the highest one holds the lock until it says it was released. A number can be created only once
 * (link(2) refuses an existing name), so of two processes that reach for it one wins; nothing is ever deleted,
 * so no race around deleting exists. A writer whose number is no longer the highest has been fenced off.
 */
const lockFile = z.object({
  fence: z.number().int().positive(),
  process: processIdentity,
  actor,
  since: time,
  releasedAt: time.nullable(),
});
export type LockFile = z.infer<typeof lockFile>;

export type LockStatus =
  | { state: 'free'; last: LockFile | null }
  /** `held`: alive here. `dead`: its process is gone. `unclear`: on another host or container. */
  | { state: 'held' | 'dead' | 'unclear'; last: LockFile };

/** Who holds the lock of an incident, without touching it. */
export async function lockStatus(incidentDir: string): Promise<LockStatus> {
  const folder = join(incidentDir, 'lock');
  const fence = await highestFence(folder);
  if (fence === 0) return { state: 'free', last: null };
  const last = await readLock(folder, fence);
  if (last.releasedAt) return { state: 'free', last };
  const life = await lifeOf(last.process);
  return { state: ({ alive: 'held', gone: 'dead', elsewhere: 'unclear' } as const)[life], last };
}

export interface Acquired {
  lock: IncidentLock;
  /** The holder that was replaced without having released. */
  replaced: LockFile | null;
}

export class IncidentLock {
  readonly fence: number;
  #folder: string;
  #content: LockFile;

  private constructor(folder: string, content: LockFile) {
    this.fence = content.fence;
    this.#folder = folder;
    this.#content = content;
  }

  /**
   * Takes the lock when it is free or its holder is dead; with `takeOver` whoever holds it.
   * Rejects with incident-locked naming the holder, or journal-unwritable.
   */
  static async acquire(
    incidentDir: string,
    who: Actor,
    now: () => number,
    takeOver = false,
  ): Promise<Acquired> {
    const folder = join(incidentDir, 'lock');
    await makeFolder(folder).catch((cause) => {
      throw unwritable(folder, cause);
    });
    const status = await lockStatus(incidentDir);
    if ((status.state === 'held' || status.state === 'unclear') && !takeOver) throw held(status.last);
    const content: LockFile = {
      fence: (status.last?.fence ?? 0) + 1,
      process: await ownIdentity(),
      actor: who,
      since: new Date(now()).toISOString(),
      releasedAt: null,
    };
    await claim(folder, content);
    const replaced = status.state === 'free' ? null : status.last;
    return { lock: new IncidentLock(folder, content), replaced };
  }

  /** Rejects with fenced-off when somebody took over. Reads the disk each time. */
  async assertFence(): Promise<void> {
    if (!(await exists(lockPath(this.#folder, this.fence + 1)))) return;
    const successor = await readLock(this.#folder, this.fence + 1);
    throw new TenantDrError(
      'fenced-off',
      `${successor.actor.name} on ${successor.actor.host} has taken over this incident; this process starts and writes nothing more.`,
      { hint: 'Look on with "tenant-dr watch", and agree with them before taking it back.' },
    );
  }

  /** Lets the next one in. Harmless when somebody already took over. */
  async release(now: () => number): Promise<void> {
    const content = { ...this.#content, releasedAt: new Date(now()).toISOString() };
    const temporary = await writeTemporary(this.#folder, content);
    await rename(temporary, lockPath(this.#folder, this.fence));
    await syncFolder(this.#folder);
  }
}

async function claim(folder: string, content: LockFile): Promise<void> {
  const temporary = await writeTemporary(folder, content);
  try {
    await link(temporary, lockPath(folder, content.fence));
    await syncFolder(folder);
  } catch (cause) {
    if (!isCode(cause, 'EEXIST')) throw unwritable(folder, cause);
    throw held(await readLock(folder, content.fence));
  } finally {
    await unlink(temporary);
  }
}

async function writeTemporary(folder: string, content: LockFile): Promise<string> {
  const path = join(folder, `.${content.fence}-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(content, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return path;
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

async function highestFence(folder: string): Promise<number> {
  const names = await readdir(folder).catch((error) => {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  });
  return Math.max(
    0,
    ...names.map((name) => /^(\d+)\.json$/.exec(name)).map((match) => Number(match?.[1] ?? 0)),
  );
}

async function readLock(folder: string, fence: number): Promise<LockFile> {
  const path = lockPath(folder, fence);
  try {
    return lockFile.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new TenantDrError('journal-damaged', `The lock file ${path} cannot be read.`, {
      hint: 'When you are sure that nobody works on this incident, remove that file and resume.',
      cause,
    });
  }
}

function held(by: LockFile): TenantDrError {
  const who = `${by.actor.name} on ${by.process.host} (process ${by.process.pid}, since ${by.since})`;
  return new TenantDrError(
    'incident-locked',
    `This incident is in the hands of ${who}. Nothing was changed.`,
    {
      hint: 'Look on with "tenant-dr watch". If they cannot go on, continue with "tenant-dr resume --take-over", which asks for a reason.',
      facts: { host: by.process.host, pid: by.process.pid, since: by.since },
    },
  );
}

function lockPath(folder: string, fence: number): string {
  return join(folder, `${fence}.json`);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error) => {
      if (isCode(error, 'ENOENT')) return false;
      throw error;
    },
  );
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
