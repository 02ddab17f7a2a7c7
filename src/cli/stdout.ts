import { fstatSync, writeSync } from 'node:fs';
import { exitOf, exits } from './exits.ts';
import { readableError } from './failure.ts';
import type { Output, Sink } from './output.ts';

/** How a command ended, and whether something was changed by it. */
export interface Ended {
  exit: number;
  changed: boolean;
}

/**
 * The exit where the result did not arrive. After a change, and after a failure, it stays what it says about those;
 * else the command was for nothing.
 */
export function withoutResult({ exit, changed }: Ended, lost: Error, output: Output): number {
  const { code, message } = readableError(lost);
  const what = `The result could not be written to standard output: ${message}.`;
  if (exit > exits.differs) output.warn(what);
  else if (changed)
    output.warn(`${what} What was done stands.`, '`tenant-dr incidents` and `backups` list it.');
  else output.error(`${what} Nothing was changed.`, 'Make room and run the command again.');
  return changed || exit > exits.differs ? exit : exitOf[code];
}

/** A reader who has seen enough, or is gone, misses nothing. */
const readerGone = ['EPIPE', 'ECONNRESET', 'EIO'];

/** The program's stdout, which knows in the end whether all of the result arrived there. */
export class ResultSink implements Sink {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly #stream: NodeJS.WriteStream & { fd: number };
  #failure: NodeJS.ErrnoException | null = null;

  constructor(stream: NodeJS.WriteStream & { fd: number }) {
    this.isTTY = stream.isTTY === true;
    this.columns = stream.columns ?? 80;
    this.#stream = stream;
    stream.on('error', (error) => this.#failed(error));
  }

  write(text: string): void {
    if (!this.#isFile()) {
      this.#stream.write(text);
      return;
    }
    try {
      writeWhole(this.#stream.fd, Buffer.from(text));
    } catch (error) {
      this.#failed(error as NodeJS.ErrnoException);
    }
  }

  /** Waits until the reader has taken all. What kept the result from being kept, or null. */
  async delivered(): Promise<NodeJS.ErrnoException | null> {
    await drained(this.#stream);
    return this.#failure;
  }

  #isFile(): boolean {
    if (this.isTTY) return false;
    const about = fstatSync(this.#stream.fd);
    return about.isFile() || about.isCharacterDevice();
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (!readerGone.includes(error.code ?? '')) this.#failure ??= error;
  }
}

/** Node itself writes to a file once and takes no notice when a full disk had room for the beginning only. */
function writeWhole(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

/** A pipe takes what was written in its own time: exiting before it has taken all would cut the document short. */
export function drained(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed || stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => {
    for (const end of ['drain', 'close', 'error'] as const) stream.once(end, () => resolve());
    stream.write('', () => resolve());
  });
}
