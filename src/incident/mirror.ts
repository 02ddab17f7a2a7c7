import { copyFile, open, rename, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeFolder } from '../engine/durable.ts';
import { reasonOf } from '../errors.ts';

/**
 * A second copy of an incident elsewhere (`mirror:` in the config). It follows behind: a mirror that cannot be
 * reached is shown and retried with the next event, and never stops a recovery.
 */
export class Mirror {
  readonly dir: string;
  #source: string;
  #written = 0;
  #files: string[] = [];
  #known = new Set<string>();
  #queue: Promise<void> = Promise.resolve();
  #onChange: (failure: string | null) => void;
  failure: string | null = null;

  /** `dir` is the incident's own folder within the mirror. */
  constructor(journalPath: string, dir: string, onChange: (failure: string | null) => void) {
    this.#source = journalPath;
    this.dir = dir;
    this.#onChange = onChange;
  }

  /** Brings the mirror up to date, in its own time. */
  update(): void {
    this.#queue = this.#queue.then(() => this.#attempt());
  }

  /** Also keeps a copy of this file. */
  add(path: string): void {
    if (this.#known.has(path)) return;
    this.#known.add(path);
    this.#files.push(path);
    this.update();
  }

  /** Resolves when everything asked for so far was copied or has failed. */
  async settled(): Promise<void> {
    await this.#queue;
  }

  async #attempt(): Promise<void> {
    const before = this.failure;
    try {
      await makeFolder(this.dir);
      await this.#copyJournal();
      for (let file = this.#files[0]; file !== undefined; file = this.#files[0]) {
        await copyWhole(file, join(this.dir, basename(file)));
        this.#files.shift();
      }
      this.failure = null;
    } catch (error) {
      this.failure = reasonOf(error);
    }
    if (this.failure !== before) this.#onChange(this.failure);
  }

  /** Appends what is new; starts over when the mirror does not hold what was written to it before. */
  async #copyJournal(): Promise<void> {
    const target = join(this.dir, basename(this.#source));
    const size = await stat(target).then(
      (found) => found.size,
      () => 0,
    );
    if (this.#written === 0 || size !== this.#written) {
      this.#written = await copyWhole(this.#source, target);
      return;
    }
    const source = await open(this.#source, 'r');
    const copy = await open(target, 'a', 0o600);
    try {
      const length = (await source.stat()).size - this.#written;
      const { bytesRead, buffer } = await source.read(
        Buffer.alloc(Math.max(0, length)),
        0,
        length,
        this.#written,
      );
      await copy.writeFile(buffer.subarray(0, bytesRead));
      await copy.sync();
      this.#written += bytesRead;
    } finally {
      await source.close();
      await copy.close();
    }
  }
}

/** Copies under a temporary name first. Returns the number of bytes. */
async function copyWhole(source: string, target: string): Promise<number> {
  const temporary = `${target}.partial`;
  await copyFile(source, temporary);
  const handle = await open(temporary, 'r+');
  try {
    await handle.chmod(0o600);
    await handle.sync();
    return (await handle.stat()).size;
  } finally {
    await handle.close();
    await rename(temporary, target);
  }
}
