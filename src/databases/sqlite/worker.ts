import { parentPort, workerData } from 'node:worker_threads';
import type { Progress } from '../../engine/port.ts';
import { fromSqlite } from './errors.ts';
import { SqliteSession } from './session.ts';

/** One request from `database.ts`; progress and one answer go back under the same id. */
export interface Request {
  id: number;
  method: string;
  argument: unknown[];
}
export type Reply =
  | { id: number; progress: Progress }
  | { id: number; result: unknown }
  | {
      id: number;
      error: {
        code: string;
        message: string;
        hint?: string;
        table?: string;
        key?: string;
        facts: Record<string, unknown>;
      };
    };

const port = parentPort;
if (port) {
  const { path, mode } = workerData as { path: string; mode: 'read' | 'write' };
  let session: SqliteSession | undefined;
  port.on('message', ({ id, method, argument }: Request) => {
    const onProgress = (progress: Progress): void => port.postMessage({ id, progress } satisfies Reply);
    try {
      session ??= new SqliteSession(path, mode);
      const target = session as unknown as Record<string, (...given: unknown[]) => unknown>;
      const result = method === 'open' ? undefined : target[method]?.(...argument, onProgress);
      port.postMessage({ id, result } satisfies Reply);
      if (method === 'close') port.close();
    } catch (thrown) {
      const error = fromSqlite(thrown, path);
      const { code, message, hint, table, key, facts } = error;
      const optional = { ...(hint ? { hint } : {}), ...(table ? { table } : {}), ...(key ? { key } : {}) };
      port.postMessage({ id, error: { code, message, facts, ...optional } } satisfies Reply);
    }
  });
}
