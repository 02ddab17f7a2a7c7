import { Worker } from 'node:worker_threads';
import type { OnProgress, OpenOptions } from '../../engine/port.ts';
import type { ErrorCode } from '../../errors.ts';
import { TenantDrError } from '../../errors.ts';
import { environmentOfOwn, moduleAt } from '../../places.ts';
import type { Reply } from './worker.ts';

/** The way to a session in its worker thread: messages there, answers and progress back. */
export interface Channel {
  open(): Promise<void>;
  call<T>(method: string, argument: unknown[], onProgress?: OnProgress): Promise<T>;
  end(): Promise<void>;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  onProgress: OnProgress | undefined;
}

/**
 * Workers without a session, ready for the next one. A thread is not ended with its session: starting one takes
 * longer than most sessions, and V8 has crashed where threads that ran code came and went often
 * ("Check failed: jit_page.has_value()", Node 24). They do not keep the process alive.
 */
const idle: Thread[] = [];
const keptIdle = 2;

/** Starts a thread for the next session, unless one is waiting already. */
export function readyThread(): void {
  if (idle.length > 0) return;
  const thread = new Thread();
  thread.use(false);
  idle.push(thread);
}

/** SQLite blocks its thread, so a session has one of its own; this side only passes messages. */
export function openChannel(path: string, mode: OpenOptions['mode']): Channel {
  const thread = idle.pop() ?? new Thread();
  thread.use(true);
  return {
    open: () => thread.open(path, mode),
    call: (method, argument, onProgress) => thread.call(method, argument, onProgress),
    end: () => thread.end(),
  };
}

class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #ended: Error | undefined;
  #clean = false;

  constructor() {
    this.#worker = new Worker(moduleAt('databases/sqlite/worker'), { env: environmentOfOwn() });
    this.#worker.on('message', (reply: Reply) => this.#take(reply));
    this.#worker.on('error', (error) => {
      const message = `The database worker died: ${(error as Error).message}`;
      this.#fail(new TenantDrError('internal', message, { cause: error }));
    });
    this.#worker.on('exit', () =>
      this.#fail(new TenantDrError('internal', 'The database worker has ended.')),
    );
  }

  /** Whether the process waits for this thread. */
  use(inUse: boolean): void {
    if (inUse) this.#worker.ref();
    else this.#worker.unref();
  }

  call<T>(method: string, argument: unknown[], onProgress?: OnProgress): Promise<T> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#next++;
    const answer = Promise.withResolvers<T>();
    const resolve = (result: unknown) => answer.resolve(result as T);
    this.#waiting.set(id, { resolve, reject: answer.reject, onProgress });
    this.#worker.postMessage({ id, method, argument });
    return answer.promise;
  }

  /** A thread in which opening failed may hold half a connection: it is not used again. */
  async open(path: string, mode: OpenOptions['mode']): Promise<void> {
    this.#clean = false;
    await this.call('open', [path, mode]);
    this.#clean = true;
  }

  /** Closes the session. A thread whose session did not close cleanly is not used again. */
  async end(): Promise<void> {
    const clean = await this.#close();
    if (clean && idle.length < keptIdle) {
      this.use(false);
      idle.push(this);
    } else await this.#worker.terminate();
  }

  async #close(): Promise<boolean> {
    if (this.#ended) return false;
    try {
      await this.call('close', []);
      return this.#clean && this.#waiting.size === 0;
    } catch (error) {
      if (error instanceof TenantDrError) return false;
      throw error;
    }
  }

  #take(reply: Reply): void {
    const one = this.#waiting.get(reply.id);
    if (!one) return;
    if ('progress' in reply) {
      one.onProgress?.(reply.progress);
      return;
    }
    this.#waiting.delete(reply.id);
    if ('error' in reply) {
      const { code, message } = reply.error;
      one.reject(new TenantDrError(code as ErrorCode, message, reply.error));
    } else one.resolve(reply.result);
  }

  #fail(error: Error): void {
    this.#ended = error;
    const at = idle.indexOf(this);
    if (at !== -1) idle.splice(at, 1);
    for (const one of this.#waiting.values()) one.reject(error);
    this.#waiting.clear();
  }
}
