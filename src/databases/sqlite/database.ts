import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type {
  Capabilities,
  Database,
  OnProgress,
  OpenOptions,
  Session,
  StageRequest,
} from '../../engine/port.ts';
import type { ErrorCode } from '../../errors.ts';
import { TenantDrError } from '../../errors.ts';
import { examine } from './examine.ts';
import { sqliteIdentity } from './identity.ts';
import type { Reply } from './worker.ts';

const capabilities: Capabilities = {
  foreignKeysOff: true,
  rowLocks: false,
  isolationMethod: 'sqlite-guard-triggers',
};

/** A SQLite file as the engine's Database. Nothing is opened before `open`. */
export function sqliteDatabase(path: string): Database {
  return {
    kind: 'sqlite',
    location: path,
    open: (options) => openSession(path, options),
    examine: () => examine(path),
  };
}

/** How long another program may hold the lock before we give up. */
const defaultBusySeconds = 30;

async function openSession(path: string, options: OpenOptions): Promise<Session> {
  const channel = startWorker(path, options.mode);
  const busySeconds = options.busySeconds ?? defaultBusySeconds;
  const patiently = <T>(work: () => Promise<T>, onWait = options.onWait): Promise<T> =>
    whileBusy(work, busySeconds, onWait);
  const call = <T>(method: string, ...argument: unknown[]): Promise<T> =>
    patiently(() => channel.call<T>(method, argument));
  try {
    await call('open');
  } catch (error) {
    await channel.end();
    throw error;
  }
  return {
    identity: sqliteIdentity(path),
    capabilities,
    schema: () => call('schema'),
    tenants: (columns) => call('tenants', columns),
    stage: ({ source, columns }: StageRequest) => call('stage', { source, columns }),
    unstage: () => call('unstage'),
    beginRead: () => call('beginRead'),
    endRead: () => call('endRead'),
    collect: (request) => call('collect', request),
    digest: (side) => call('digest', side),
    compare: () => call('compare'),
    effects: (page) => call('effects', page),
    includeShared: (needs) => call('includeShared', needs),
    saveSlice: (file) => call('saveSlice', file),
    saveEffects: (file) => call('saveEffects', file),
    beginWrite: ({ onWait }) => patiently(() => channel.call('tryBeginWrite', []), onWait ?? options.onWait),
    apply: (onProgress) => channel.call('apply', [], onProgress),
    verify: () => channel.call('verify', []),
    prove: () => channel.call('prove', []),
    commit: () => call('commit'),
    rollback: () => channel.call('rollback', []),
    changedSince: (file) => call('changedSince', file),
    probe: (file) => call('probe', file),
    check: (sql, tenant) => call('check', sql, tenant),
    trail: (request) => call('trail', request),
    search: (request) => call('search', request),
    setStatus: (columns, tenant, status) => call('setStatus', columns, tenant, status),
    countAll: (shape) => call('countAll', shape),
    digestAll: (shape, onProgress) => patiently(() => channel.call('digestAll', [shape], onProgress)),
    close: () => channel.end(),
  };
}

async function whileBusy<T>(
  work: () => Promise<T>,
  limitSeconds: number,
  onWait?: (waitedSeconds: number) => void,
): Promise<T> {
  const since = performance.now();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const waited = (performance.now() - since) / 1000;
      if (!(error instanceof TenantDrError) || error.code !== 'database-busy' || waited >= limitSeconds)
        throw error;
      onWait?.(waited);
      await sleep(100);
    }
  }
}

interface Channel {
  call<T>(method: string, argument: unknown[], onProgress?: OnProgress): Promise<T>;
  end(): Promise<void>;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  onProgress: OnProgress | undefined;
}

/** SQLite blocks its thread, so it has one of its own; this side only passes messages. */
function startWorker(path: string, mode: OpenOptions['mode']): Channel {
  const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
  const worker = new Worker(new URL(file, import.meta.url), { workerData: { path, mode } });
  const waiting = new Map<number, Waiting>();
  let next = 0;
  let ended: Error | undefined;
  const fail = (error: Error): void => {
    ended = error;
    for (const one of waiting.values()) one.reject(error);
    waiting.clear();
  };
  worker.on('message', (reply: Reply) => {
    const one = waiting.get(reply.id);
    if (!one) return;
    if ('progress' in reply) return one.onProgress?.(reply.progress);
    waiting.delete(reply.id);
    if ('error' in reply)
      one.reject(new TenantDrError(reply.error.code as ErrorCode, reply.error.message, reply.error));
    else one.resolve(reply.result);
  });
  worker.on('error', (error) =>
    fail(
      new TenantDrError('internal', `The database worker died: ${(error as Error).message}`, {
        cause: error,
      }),
    ),
  );
  worker.on('exit', () => fail(new TenantDrError('internal', 'The database worker has ended.')));
  const call = <T>(method: string, argument: unknown[], onProgress?: OnProgress): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (ended) return reject(ended);
      const id = next++;
      waiting.set(id, { resolve: (result) => resolve(result as T), reject, onProgress });
      worker.postMessage({ id, method, argument });
    });
  return {
    call,
    async end() {
      if (!ended)
        await call('close', []).catch((error: unknown) => {
          if (!(error instanceof TenantDrError)) throw error;
        });
      await worker.terminate();
    },
  };
}
