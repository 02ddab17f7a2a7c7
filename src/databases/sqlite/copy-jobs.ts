import { moduleAt } from '../../places.ts';
import { runJob } from '../job.ts';

/** Long calls on a private copy of a database, in a process of their own: they block, and end only with it. */
export type CopyRequest = { do: 'check'; path: string } | { do: 'merge'; path: string };

export interface CopyCheck {
  ok: boolean;
  /** What is wrong, as SQLite says it, without row values; empty when it is sound. */
  problems: string[];
  /** Tables with a generated column or an index that calls a function only the application has: looked at less. */
  partly: string[];
}

const module = moduleAt('databases/sqlite/copy-worker');

/** The whole file: structure, indexes, constraints. Takes about 3 s per GB. */
export function checkCopy(path: string, signal?: AbortSignal): Promise<CopyCheck> {
  return runJob(module, { do: 'check', path } satisfies CopyRequest, { signal });
}

/** Merges a log or rolls back a journal that was copied along; leaves one file in journal mode DELETE. */
export function mergeCopy(path: string, signal?: AbortSignal): Promise<void> {
  return runJob(module, { do: 'merge', path } satisfies CopyRequest, { signal });
}
