import { type FileHandle, open } from 'node:fs/promises';
import { breathe } from '../engine/turn.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import type { Entry, EntryOf } from './events.ts';
import { damaged, decodeLine, genesis, holdsSum, sha256 } from './line.ts';
import type { IncidentState } from './records.ts';
import { applyEntry, begin } from './state.ts';

const newline = 0x0a;
const firstBytes = 64 * 1024;
const readBytes = 1 << 20;

export type Opening = EntryOf<'incident.opened'>;

/** Bytes after the last newline: a write cut short by a crash. */
export interface TornTail {
  line: number;
  bytes: number;
}

/**
 * What a journal holds, verified, and the state it amounts to. Reads from its beginning, or what was added since
 * the last call. Entries read before a damage was met stay available: a report can still be written from them.
 */
export class JournalReader {
  readonly path: string;
  readonly entries: Entry[] = [];
  /** Changes as entries come; null before the first. */
  state: IncidentState | null = null;
  /** Length of the verified part, and the hash its next line must carry. */
  end = 0;
  prev = genesis;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Reads on to the end of the file, or no further than its first line where `wanted` says that it is not. Returns
   * what follows the last newline, if anything. Rejects with journal-damaged naming the line, or incident-unknown
   * when there is no file.
   */
  async readOn(wanted?: (opened: Opening) => boolean): Promise<TornTail | null> {
    const handle = await openToRead(this.path);
    try {
      return await this.#read(handle, wanted);
    } finally {
      await handle.close();
    }
  }

  /** The state of an incident that has begun. Throws incident-unknown for an empty journal. */
  begun(): IncidentState {
    if (this.state) return this.state;
    throw new TenantDrError('incident-unknown', `This incident never began: ${this.path} holds no event.`, {
      hint: 'Nothing was changed under it; its folder can be removed.',
    });
  }

  /** Takes in the next entry, read or just written, and the bytes of its line. */
  accept(entry: Entry, line: Uint8Array): void {
    if (this.state) applyEntry(this.state, entry);
    else if (entry.event === 'incident.opened') this.state = begin(entry);
    else throw damaged(entry.seq, 'is not the beginning of an incident');
    this.entries.push(entry);
    this.prev = sha256(line);
    this.end += line.length + 1;
  }

  async #read(handle: FileHandle, wanted?: (opened: Opening) => boolean): Promise<TornTail | null> {
    let rest = Buffer.alloc(0);
    let position = this.end;
    for (let ended = false; !ended; ) {
      const left = (await handle.stat()).size - position;
      // One byte more than there should be: a read that does not fill it has met the end.
      const room = Math.min(position === 0 ? firstBytes : readBytes, Math.max(left, 0) + 1);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(room), 0, room, position);
      ended = bytesRead < room;
      position += bytesRead;
      const chunk = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      let start = 0;
      for (let stop = chunk.indexOf(newline); stop !== -1; stop = chunk.indexOf(newline, start)) {
        const line = chunk.subarray(start, stop);
        this.accept(decodeLine(line, this.entries.length + 1, this.prev), line);
        if (wanted && this.state && !wanted(this.state.opened)) return null;
        start = stop + 1;
        await breathe();
      }
      rest = chunk.subarray(start);
    }
    return this.#torn(rest);
  }

  /** A crash leaves the beginning of a line. A line that was whole and lost its newline was tampered with. */
  #torn(rest: Buffer): TornTail | null {
    if (rest.length === 0) return null;
    const line = this.entries.length + 1;
    if (holdsSum(rest.toString('utf8'))) throw damaged(line, 'was changed after it was written');
    return { line, bytes: rest.length };
  }
}

async function openToRead(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new TenantDrError('incident-unknown', `The journal ${path} cannot be read: ${reasonOf(cause)}.`, {
      hint: 'List the incidents with "tenant-dr incidents", and check --state.',
      cause,
    });
  }
}
