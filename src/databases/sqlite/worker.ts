import { parentPort } from 'node:worker_threads';
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

/** What only reads is done in one reading each. The other methods see to their transactions themselves. */
const readings = new Set([
  'schema',
  'tenants',
  'collect',
  'digest',
  'compare',
  'effects',
  'saveEffects',
  'changedSince',
  'check',
  'trail',
  'search',
  'countAll',
  'countTables',
  'ownerless',
  'digestAll',
]);

const port = parentPort;
if (port) {
  let path = '';
  let session: SqliteSession | undefined;
  port.on('message', ({ id, method, argument }: Request) => {
    const onProgress = (progress: Progress): void => port.postMessage({ id, progress } satisfies Reply);
    try {
      if (method === 'open') {
        const [file, mode] = argument as [string, 'read' | 'write'];
        path = file;
        session = new SqliteSession(file, mode);
        return port.postMessage({ id, result: undefined } satisfies Reply);
      }
      const target = session as unknown as Record<string, (...given: unknown[]) => unknown> | undefined;
      // The thread stays for the next session; a close that fails leaves nothing to use either.
      if (method === 'close') session = undefined;
      const call = () => target?.[method]?.(...argument, onProgress);
      const result = readings.has(method) ? session?.reading(call) : call();
      port.postMessage({ id, result } satisfies Reply);
    } catch (thrown) {
      const error = fromSqlite(thrown, path);
      const { code, message, hint, table, key, facts } = error;
      const optional = { ...(hint ? { hint } : {}), ...(table ? { table } : {}), ...(key ? { key } : {}) };
      port.postMessage({ id, error: { code, message, facts, ...optional } } satisfies Reply);
    }
  });
}
