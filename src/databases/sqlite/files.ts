import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { reasonOf, TenantDrError } from '../../errors.ts';

export interface LineFile {
  write(text: string): void;
  /** Flushes, fsyncs, renames to the final name. */
  finish(): void;
  abandon(): void;
}

/** A file written under a temporary name, 0600, in 64 KiB pieces; used inside the worker, where blocking is fine. */
export function createWriteStreamSync(path: string): LineFile {
  const partial = `${path}.partial`;
  rmSync(partial, { force: true });
  const descriptor = attempt(path, () => openSync(partial, 'wx', 0o600));
  let pending: string[] = [];
  let size = 0;
  const flush = (): void => {
    if (size > 0) attempt(path, () => writeSync(descriptor, pending.join('')));
    pending = [];
    size = 0;
  };
  return {
    write(text) {
      pending.push(text);
      size += text.length;
      if (size > 65536) flush();
    },
    finish() {
      flush();
      attempt(path, () => fsyncSync(descriptor));
      closeSync(descriptor);
      renameSync(partial, path);
      const folder = openSync(dirname(path), 'r');
      fsyncSync(folder);
      closeSync(folder);
    },
    abandon() {
      closeSync(descriptor);
      rmSync(partial, { force: true });
    },
  };
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new TenantDrError(
        'disk-full',
        `The disk is full: ${path} could not be written. Nothing was changed.`,
        {
          hint: 'Free space on the disk of the state folder, then run the same command again.',
          cause: error,
        },
      );
    }
    throw new TenantDrError(
      'permission-denied',
      `${path} could not be written: ${reasonOf(error)}. Nothing was changed.`,
      {
        hint: 'Check the rights of the state folder.',
        cause: error,
      },
    );
  }
}
