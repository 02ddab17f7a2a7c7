import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import type { OnProgress } from '../engine/port.ts';
import { type ErrorCode, errorCodes, TenantDrError } from '../errors.ts';
import { environmentOfOwn } from '../places.ts';

/**
 * Work done in a child process, one request each: reading files that might be a live database (which a process
 * with a SQLite connection must never do), and long calls that cannot be interrupted except by ending the process.
 * The child notices when this process dies, and cleans up after itself.
 */
export interface JobOptions {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
  /** Asked by the child while it works; the answer is sent back. */
  onQuestion?: (question: string) => Promise<string>;
}

/** What a child sends. */
export type JobMessage =
  | { type: 'progress'; progress: Parameters<OnProgress>[0] }
  | { type: 'question'; question: string }
  | { type: 'done'; result: unknown }
  | { type: 'failed'; code: string; message: string; hint?: string | undefined };

export type JobOrder = { type: 'start'; request: unknown } | { type: 'answer'; answer: string };

/** Children that serve a module and wait for their request, by the module's URL. */
const spares = new Map<string, ChildProcess>();

/** Starts a child for the next job of this module; it does not keep this process alive, and ends with it. */
export function readyJob(module: URL): void {
  if (spares.has(module.href)) return;
  const child = startChild(module);
  spares.set(module.href, child);
  keepsAlive(child, 'unref');
  // One that died before it was wanted is not used.
  for (const end of ['exit', 'error'] as const) child.on(end, () => forget(module, child));
}

function forget(module: URL, child: ChildProcess): void {
  if (spares.get(module.href) === child) spares.delete(module.href);
}

function startChild(module: URL): ChildProcess {
  return fork(module, {
    execArgv: [],
    env: environmentOfOwn(),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
}

function childFor(module: URL): ChildProcess {
  const spare = spares.get(module.href);
  if (!spare) return startChild(module);
  spares.delete(module.href);
  keepsAlive(spare, 'ref');
  return spare;
}

/** Whether this process waits for the child. */
function keepsAlive(child: ChildProcess, ref: 'ref' | 'unref'): void {
  child[ref]();
  child.channel?.[ref]();
  if (child.stderr instanceof Socket) child.stderr[ref]();
}

/** Runs `request` in a child that serves `module` and resolves to its result. Rejects with TenantDrError. */
export function runJob<Result>(module: URL, request: unknown, options: JobOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const { signal } = options;
    if (signal?.aborted) return reject(interruptedJob());
    const child = childFor(module);
    let complaint = '';
    let settle: (() => void) | null = null;
    const abort = () => {
      child.kill('SIGTERM');
      // A long call of the database cannot hear that.
      setTimeout(() => child.kill('SIGKILL'), 2000).unref();
    };
    signal?.addEventListener('abort', abort, { once: true });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-2000);
    });
    // The first outcome counts. Without the channel the child stops what it is doing, and ends.
    const decide = (outcome: () => void) => {
      settle ??= outcome;
      if (child.connected) child.disconnect();
    };
    child.on('message', (message: JobMessage) => {
      if (message.type === 'progress') options.onProgress?.(message.progress);
      else if (message.type === 'done') decide(() => resolve(message.result as Result));
      else if (message.type === 'failed') decide(() => reject(received(message)));
      else {
        const answered =
          options.onQuestion?.(message.question) ?? Promise.reject(new Error('nobody answers'));
        answered.then(
          (answer) => child.connected && child.send({ type: 'answer', answer } satisfies JobOrder),
          (error: unknown) => decide(() => reject(error)),
        );
      }
    });
    child.on('error', (error) =>
      reject(new TenantDrError('internal', `A helper process failed: ${error.message}.`)),
    );
    child.on('exit', (code, killed) => {
      signal?.removeEventListener('abort', abort);
      if (settle) settle();
      else if (signal?.aborted) reject(interruptedJob());
      else {
        const how = killed ? `was ended by ${killed}` : `ended with ${code}`;
        reject(
          new TenantDrError('internal', `A helper process ${how} before it was done.`, { cause: complaint }),
        );
      }
    });
    child.send({ type: 'start', request } satisfies JobOrder);
  });
}

function interruptedJob(): TenantDrError {
  return new TenantDrError('interrupted', 'Interrupted; nothing was changed.');
}

function received(message: Extract<JobMessage, { type: 'failed' }>): TenantDrError {
  const code = errorCodes.find((known): known is ErrorCode => known === message.code) ?? 'internal';
  return new TenantDrError(code, message.message, message.hint ? { hint: message.hint } : {});
}
