import type { OnProgress, Progress } from '../engine/port.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { JobMessage, JobOrder } from './job.ts';

/** What the work in a child process may use. */
export interface JobContext {
  /** At most ten a second are sent. */
  progress: OnProgress;
  /** Aborted when the parent asks, or is gone: clean up and end. */
  signal: AbortSignal;
  /** Asks the parent something and waits for its answer. */
  ask(question: string): Promise<string>;
}

/** The child's side of `runJob`: serves requests, one at a time, until the parent lets go of it. */
export function serveJob<Request>(work: (request: Request, context: JobContext) => Promise<unknown>): void {
  let stop = new AbortController();
  let answers: ((answer: string) => void)[] = [];
  const send = (message: JobMessage) => {
    if (process.connected) process.send?.(message);
  };
  const ask = (question: string) =>
    new Promise<string>((resolve, reject) => {
      stop.signal.addEventListener('abort', () => reject(stop.signal.reason), { once: true });
      answers.push(resolve);
      send({ type: 'question', question });
    });
  // Ctrl-C reaches the whole foreground group; what it means here is the parent's to say.
  for (const name of ['SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined);
  process.on('SIGTERM', () => stop.abort(stopped()));
  process.on('disconnect', () => stop.abort(stopped()));
  process.on('message', (order: JobOrder) => {
    if (order.type === 'answer') return answers.shift()?.(order.answer);
    // Whoever was told to stop serves nobody any more.
    if (!stop.signal.aborted) stop = new AbortController();
    answers = [];
    work(order.request as Request, {
      progress: throttled((progress) => send({ type: 'progress', progress })),
      signal: stop.signal,
      ask,
    }).then(
      (result) => send({ type: 'done', result }),
      (error: unknown) => send(failure(error)),
    );
  });
}

function stopped(): TenantDrError {
  return new TenantDrError('interrupted', 'Interrupted; nothing was changed.');
}

function throttled(send: OnProgress): OnProgress {
  let last = 0;
  return (progress: Progress) => {
    const now = performance.now();
    if (now - last < 100 && progress.done !== progress.total) return;
    last = now;
    send(progress);
  };
}

function failure(error: unknown): JobMessage {
  if (error instanceof TenantDrError) {
    return { type: 'failed', code: error.code, message: error.message, hint: error.hint };
  }
  const known = systemFailure(error);
  return { type: 'failed', code: known.code, message: known.message, hint: known.hint };
}

export const failingDisk =
  "read the kernel's log (`dmesg`); use a folder on another disk (--backups, --state), and mistrust what is on this one";

/** An error of the file system in the words of this tool. */
export function systemFailure(error: unknown): TenantDrError {
  if (error instanceof TenantDrError) return error;
  // What a stream says that was stopped by our own signal.
  if (error instanceof Error && error.name === 'AbortError') return stopped();
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const path = error instanceof Error && 'path' in error ? ` ${String(error.path)}` : '';
  if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code)) {
    // Of a copy that failed the system names both ends.
    const full = error instanceof Error && 'dest' in error ? ` ${String(error.dest)}` : path;
    return new TenantDrError(
      'disk-full',
      `The disk is full${full && `: no room for${full}`}; what was written is removed again.`,
      {
        hint: 'free some space there, or name another folder (--backups, --state)',
        cause: error,
      },
    );
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new TenantDrError('permission-denied', `No right to use${path || ' a file'}.`, {
      hint: 'run as a user who may, or correct the rights',
      cause: error,
    });
  }
  if (code === 'ENOENT') {
    return new TenantDrError('backup-missing', `There is no file${path}.`, {
      hint: '`tenant-dr backups` lists what there is',
      cause: error,
    });
  }
  if (code === 'EIO') {
    return new TenantDrError('disk-error', `The disk failed${path && ` at${path}`}: ${reasonOf(error)}.`, {
      hint: failingDisk,
      cause: error,
    });
  }
  return new TenantDrError('internal', reasonOf(error), { cause: error });
}
