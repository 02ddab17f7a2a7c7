import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../engine/durable.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import { type Entry, type IncidentEvent, parseEntry } from './events.ts';
import type { Actor } from './facts.ts';
import { encodeLine } from './line.ts';
import { JournalReader, type TornTail } from './reader.ts';

export interface WriterOptions {
  actor: Actor;
  fence: number;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Rejects when this process may no longer write. */
  guard: () => Promise<void>;
}

/**
 * Appends to a journal: one line at a time, each on disk before `append` resolves. A line that could not be
 * written whole is taken back, so that a full disk leaves a readable journal.
 */
export class JournalWriter {
  /** All that was read and written so far. */
  readonly journal: JournalReader;
  #handle: FileHandle;
  #options: WriterOptions;
  #dirty = false;

  private constructor(handle: FileHandle, journal: JournalReader, options: WriterOptions) {
    this.#handle = handle;
    this.journal = journal;
    this.#options = options;
  }

  /** A new, empty journal, its name on disk. Rejects with journal-unwritable. */
  static async create(path: string, options: WriterOptions): Promise<JournalWriter> {
    try {
      const handle = await open(path, 'ax', 0o600);
      await handle.sync();
      await syncFolder(dirname(path));
      return new JournalWriter(handle, new JournalReader(path), options);
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  /**
   * Reads and verifies an existing journal. A torn last line is cut, and a `torn-line.cut` says so.
   * Rejects with incident-unknown, journal-damaged or journal-unwritable.
   */
  static async open(
    path: string,
    options: WriterOptions,
  ): Promise<{ writer: JournalWriter; torn: TornTail | null }> {
    const reader = new JournalReader(path);
    const torn = await reader.readOn();
    reader.begun();
    try {
      const handle = await open(path, constants.O_WRONLY | constants.O_APPEND);
      if (torn) {
        await handle.truncate(reader.end);
        await handle.sync();
      }
      const writer = new JournalWriter(handle, reader, options);
      if (torn) await writer.append({ event: 'torn-line.cut', ...torn });
      return { writer, torn };
    } catch (cause) {
      throw cause instanceof TenantDrError ? cause : unwritable(path, cause);
    }
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  /**
   * Resolves once the line is on disk; one call at a time. Rejects with journal-unwritable, fenced-off, or what
   * the guard rejects with; then the journal is as it was before.
   */
  async append(event: IncidentEvent): Promise<Entry> {
    await this.#options.guard();
    const { actor, fence, now } = this.#options;
    const at = new Date(now()).toISOString();
    const entry = checked({
      seq: this.journal.entries.length + 1,
      at,
      actor,
      fence,
      ...event,
      prev: this.journal.prev,
    });
    const { prev, ...content } = entry;
    const line = Buffer.from(encodeLine(content, prev));
    try {
      await this.#expectOwnEnd();
      this.#dirty = true;
      await writeAll(this.#handle, Buffer.concat([line, Buffer.from('\n')]));
      await this.#handle.sync();
      this.#dirty = false;
    } catch (cause) {
      await this.#takeBack();
      throw cause instanceof TenantDrError ? cause : unwritable(this.journal.path, cause);
    }
    this.journal.accept(entry, line);
    return entry;
  }

  /** The file must be as this process left it, and still have its name. */
  async #expectOwnEnd(): Promise<void> {
    if (this.#dirty) await this.#handle.truncate(this.journal.end);
    const found = await this.#handle.stat();
    if (found.nlink === 0) throw unwritable(this.journal.path, new Error('the file was deleted'));
    if (found.size !== this.journal.end) {
      throw new TenantDrError(
        'fenced-off',
        `Another process wrote to ${this.journal.path}; this one stops writing.`,
        {
          hint: 'Look at the incident with "tenant-dr watch", and continue it with "tenant-dr resume --take-over".',
        },
      );
    }
  }

  /** After a failed write. When this fails too, the next append tries again and the next open cuts the rest. */
  async #takeBack(): Promise<void> {
    if (!this.#dirty) return;
    await this.#handle.truncate(this.journal.end).then(
      () => {
        this.#dirty = false;
      },
      () => undefined,
    );
  }
}

/** What is wrong with an event here is our own mistake, and must not reach the disk. */
function checked(entry: Record<string, unknown>): Entry {
  try {
    return parseEntry(entry);
  } catch (cause) {
    throw new TenantDrError(
      'internal',
      `The event "${entry.event}" cannot be recorded: it ${reasonOf(cause)}.`,
      { cause },
    );
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  let offset = 0;
  while (offset < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, offset, bytes.length - offset);
    offset += bytesWritten;
  }
}

export function unwritable(path: string, cause: unknown): TenantDrError {
  if (cause instanceof TenantDrError) return cause;
  return new TenantDrError(
    'journal-unwritable',
    `The journal cannot be written: ${path}: ${reasonOf(cause)}.`,
    {
      hint: 'Make room or give write permission on the state folder (--state), then run "tenant-dr resume". Nothing destructive starts without a journal.',
      cause,
    },
  );
}
