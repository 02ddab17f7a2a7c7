import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import type { OnProgress } from '../engine/port.ts';
import { type ErrorCode, errorCodes, TenantDrError } from '../errors.ts';
import { environmentOfOwn } from '../places.ts';

/**
 * Work done in a child process, one request at a time: reading files that might be a live database (which a process
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

const longestRest = 10_000;

interface Spare {
  child: ChildProcess;
  /** Ends one that waited in vain. */
  rest: NodeJS.Timeout;
}

/** Children without a job, at most one a module, by the module's URL. */
const spares = new Map<string, Spare>();

/** Starts a child for the next job of this module; it does not keep this process alive, and ends with it. */
export function readyJob(module: URL): void {
  if (!spares.has(module.href)) spare(module, startChild(module));
}

/** A child at rest: starting one takes longer than most jobs. One too many ends, and one that waited in vain. */
function spare(module: URL, child: ChildProcess): void {
  if (spares.has(module.href)) {
    child.disconnect();
    return;
  }
  keepsAlive(child, 'unref');
  const inVain = () => takeSpare(module)?.disconnect();
  spares.set(module.href, { child, rest: setTimeout(inVain, longestRest).unref() });
}

function takeSpare(module: URL): ChildProcess | undefined {
  const found = spares.get(module.href);
  spares.delete(module.href);
  clearTimeout(found?.rest);
  return found?.child;
}

function startChild(module: URL): ChildProcess {
  const child = fork(module, {
    execArgv: [],
    env: environmentOfOwn(),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  child.stderr?.setEncoding('utf8');
  // One that died at rest is not used.
  for (const end of ['exit', 'error'] as const)
    child.on(end, () => {
      if (spares.get(module.href)?.child === child) takeSpare(module);
    });
  return child;
}

function childFor(module: URL): ChildProcess {
  const child = takeSpare(module);
  if (!child) return startChild(module);
  keepsAlive(child, 'ref');
  return child;
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
    let outcome: (() => void) | null = null;
    const onComplaint = (text: string) => {
      complaint = (complaint + text).slice(-2000);
    };
    const onAbort = () => {
      child.kill('SIGTERM');
      // A long call of the database cannot hear that.
      setTimeout(() => child.kill('SIGKILL'), 2000).unref();
    };
    // The first outcome counts. Without the channel the child stops what it is doing, and ends.
    const decide = (decided: () => void) => {
      outcome ??= decided;
      if (child.connected) child.disconnect();
    };
    /** The child did its work: it can rest and wait for more. */
    const done = (decided: () => void) => {
      if (signal?.aborted || !child.connected) return decide(decided);
      leave();
      spare(module, child);
      decided();
    };
    const onMessage = (message: JobMessage) => {
      if (message.type === 'progress') options.onProgress?.(message.progress);
      else if (message.type === 'done') done(() => resolve(message.result as Result));
      else if (message.type === 'failed') done(() => reject(received(message)));
      else {
        const answered =
          options.onQuestion?.(message.question) ?? Promise.reject(new Error('nobody answers'));
        answered.then(
          (answer) => child.connected && child.send({ type: 'answer', answer } satisfies JobOrder),
          (error: unknown) => decide(() => reject(error)),
        );
      }
    };
    const onError = (error: Error) =>
      reject(new TenantDrError('internal', `A helper process failed: ${error.message}.`));
    const onExit = (code: number | null, killed: NodeJS.Signals | null) => {
      leave();
      if (outcome) outcome();
      else if (signal?.aborted) reject(interruptedJob());
      else {
        const how = killed ? `was ended by ${killed}` : `ended with ${code}`;
        reject(
          new TenantDrError('internal', `A helper process ${how} before it was done.`, { cause: complaint }),
        );
      }
    };
    const leave = () => {
      signal?.removeEventListener('abort', onAbort);
      child.off('message', onMessage).off('error', onError).off('exit', onExit);
      child.stderr?.off('data', onComplaint);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    child.on('message', onMessage).on('error', onError).on('exit', onExit);
    child.stderr?.on('data', onComplaint);
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
