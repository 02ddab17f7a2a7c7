import type { Capabilities, Database, OpenOptions, Session, StageRequest } from '../../engine/port.ts';
import { openChannel, readyThread } from './channel.ts';
import { sqliteIdentity } from './identity.ts';
import { whileBusy } from './patience.ts';

const capabilities: Capabilities = {
  foreignKeysOff: true,
  rowLocks: false,
  isolationMethod: 'sqlite-guard-triggers',
  sliceEnding: '.db',
};

/** A SQLite file as the engine's Database. Nothing is opened before `open`. */
export function sqliteDatabase(path: string): Database {
  return {
    kind: 'sqlite',
    location: sqliteIdentity(path).location,
    makeReady: readyThread,
    open: (options) => openSession(path, options),
    // SQLite itself is loaded where it works, in the threads; only this question opens a file here.
    examine: async () => (await import('./examine.ts')).examine(path),
  };
}

/** How long another program may hold the lock before we give up. */
const defaultBusySeconds = 30;

async function openSession(path: string, options: OpenOptions): Promise<Session> {
  const channel = openChannel(path, options.mode);
  const limitSeconds = options.busySeconds ?? defaultBusySeconds;
  const patiently = <T>(work: () => Promise<T>, onWait = options.onWait): Promise<T> =>
    whileBusy(work, { limitSeconds, onWait, signal: options.signal });
  const call = <T>(method: string, ...argument: unknown[]): Promise<T> =>
    patiently(() => channel.call<T>(method, argument));
  try {
    await patiently(() => channel.open());
  } catch (error) {
    await channel.end();
    throw error;
  }
  return {
    identity: sqliteIdentity(path),
    capabilities,
    lost: false,
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
    // The guards keep triggers out without anybody waiting.
    consentToDisabledTriggers: async () => undefined,
    includeShared: (needs) => call('includeShared', needs),
    saveSlice: (file) => call('saveSlice', file),
    saveEffects: (file) => call('saveEffects', file),
    beginWrite: ({ onWait }) => patiently(() => channel.call('tryBeginWrite', []), onWait ?? options.onWait),
    apply: (onProgress) => channel.call('apply', [], onProgress),
    verify: () => channel.call('verify', []),
    prove: () => channel.call('prove', []),
    // What was begun is finished, whoever asks to stop.
    commit: () => whileBusy(() => channel.call('commit', []), { limitSeconds, onWait: options.onWait }),
    rollback: () => channel.call('rollback', []),
    changedSince: (file) => call('changedSince', file),
    probe: (file) => call('probe', file),
    check: (...asked) => call('check', ...asked),
    trail: (request) => call('trail', request),
    search: (request) => call('search', request),
    setStatus: (columns, tenant, status) => call('setStatus', columns, tenant, status),
    countAll: (shape) => call('countAll', shape),
    countTables: (names) => call('countTables', names),
    ownerless: (shape) => call('ownerless', shape),
    digestAll: (shape, onProgress) => patiently(() => channel.call('digestAll', [shape], onProgress)),
    close: () => channel.end(),
  };
}
