import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createInflate } from 'node:zlib';
import { damaged, openStream, truncated } from '../../../backups/open-stream.ts';
import { reasonOf, TenantDrError } from '../../../errors.ts';
import { decoded, giveBackAll, inflateOptions } from '../../streams.ts';
import type { Archive, ArchiveEntry } from './archive.ts';

/** Rows of a table in an archive, as COPY text. */
export type TableData = (entry: ArchiveEntry) => AsyncIterable<Buffer>;

const mebibyte = 1 << 20;
const tableBlock = 1;
const blobBlocks = [2, 3];

/**
 * Gives access to table data at its offsets. Where the writer could not note them (a dump to a pipe), the blocks
 * are found once by their lengths.
 */
export async function openArchiveData(
  path: string,
  format: 'custom' | 'directory',
  archive: Archive,
): Promise<TableData> {
  if (format === 'directory') return (entry) => directoryData(path, entry);
  await confirmEnd(path, archive);
  const positions = new Map<number, number>();
  for (const entry of archive.entries) if (entry.position !== null) positions.set(entry.id, entry.position);
  const unplaced = archive.entries.filter((entry) => entry.hasData && entry.position === null);
  if (unplaced.length > 0) await findBlocks(path, archive.intSize, archive.end, unplaced, positions);
  return (entry) => customData(path, archive, entry, positions.get(entry.id));
}

/** A table of contents that lost its last entries shows by what stands after it: the first block of one it lists. */
async function confirmEnd(path: string, archive: Archive): Promise<void> {
  const listed = archive.entries.filter((entry) => entry.hasData);
  if (listed.length === 0) return;
  const file = await open(path, 'r');
  try {
    const { id } = await new BlockReader(file, archive.end, archive.intSize, path).header();
    if (!listed.some((entry) => entry.id === id))
      throw damaged(path, 'what follows its table of contents is not listed there');
  } finally {
    await file.close();
  }
}

/** One gzip file per table, or a bare one. */
async function* directoryData(path: string, entry: ArchiveEntry): AsyncGenerator<Buffer> {
  if (entry.file === null) return;
  for (const [ending, compression] of [
    ['.gz', 'gzip'],
    ['', 'none'],
  ] as const) {
    const file = join(path, `${entry.file}${ending}`);
    if ((await stat(file).catch(() => null)) === null) continue;
    // A bare file that was cut shows by nothing else.
    if (!(yield* stripEnd(openStream(file, compression)))) throw truncated(file);
    return;
  }
  throw new TenantDrError('backup-truncated', `${join(path, entry.file)} is missing from the dump.`, {
    hint: 'The directory is incomplete, or compressed with lz4 or zstd, which only pg_restore reads.',
  });
}

async function* customData(
  path: string,
  archive: Archive,
  entry: ArchiveEntry,
  position: number | undefined,
): AsyncGenerator<Buffer> {
  const lost = (): TenantDrError =>
    damaged(path, `the rows of "${entry.tag}" are not where its table of contents says`);
  if (position === undefined) throw lost();
  const file = await open(path, 'r');
  try {
    const blocks = new BlockReader(file, position, archive.intSize, path);
    const { kind, id } = await blocks.header();
    if (kind !== tableBlock || id !== entry.id) throw lost();
    // A damaged length may look like the end of the block.
    if (!(yield* stripEnd(archive.compressed ? inflated(blocks) : blocks.chunks())))
      throw damaged(path, `the rows of "${entry.tag}" have no end`);
  } catch (error) {
    if (error instanceof TenantDrError) throw error;
    throw damaged(path, reasonOf(error), error);
  } finally {
    await file.close();
  }
}

function inflated(blocks: BlockReader): AsyncGenerator<Buffer> {
  const inflate = createInflate(inflateOptions);
  // The error reaches the reader of what it gives; the callback only keeps it from being thrown twice.
  pipeline(blocks.chunks(), inflate, () => undefined);
  return decoded(inflate);
}

/**
 * Table data ends with `\.` and blank lines; only rows are handed on. Returns whether that end was there. A chunk is
 * valid until the next is asked for.
 */
async function* stripEnd(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, boolean> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (chunk.length < 8) {
      held = Buffer.concat([held, chunk]);
      if (held.length <= 8) continue;
      yield held.subarray(0, held.length - 8);
      held = held.subarray(held.length - 8);
      continue;
    }
    if (held.length > 0) yield held;
    if (chunk.length > 8) yield chunk.subarray(0, chunk.length - 8);
    held = Buffer.from(chunk.subarray(chunk.length - 8));
  }
  const text = held.toString('latin1');
  const end = /(^|\n)\\\.\n+$/.exec(text);
  const rows = end ? held.subarray(0, end.index + (end[1] as string).length) : held;
  if (rows.length > 0) yield rows;
  return end !== null;
}

/**
 * Walks over the blocks from `start` until those of all entries were met, reading nothing but their lengths. What may
 * follow is no block: from 17 on pg_dump writes its table of contents once more, after them, when its output was
 * redirected into a file. Rejects with backup-truncated where a block is missing.
 */
async function findBlocks(
  path: string,
  intSize: number,
  start: number,
  entries: ArchiveEntry[],
  positions: Map<number, number>,
): Promise<void> {
  const missing = new Set(entries.map((entry) => entry.id));
  const file = await open(path, 'r');
  try {
    for (let at = start; missing.size > 0; ) {
      const blocks = new BlockReader(file, at, intSize, path);
      const { kind, id } = await blocks.header();
      if (kind !== tableBlock && !blobBlocks.includes(kind)) throw truncated(path);
      if (kind === tableBlock) positions.set(id, at);
      missing.delete(id);
      at = await blocks.skip(blobBlocks.includes(kind));
    }
  } finally {
    await file.close();
  }
}

/** A block: its kind, the id of its entry, then pieces with their lengths in front, up to a length of 0. */
class BlockReader {
  private readonly file: FileHandle;
  private readonly intSize: number;
  private readonly path: string;
  private at: number;
  /** One piece of memory for all that is read; `buffer` is the part of it that was filled. */
  private readonly room = Buffer.allocUnsafe(mebibyte);
  private buffer: Buffer = this.room.subarray(0, 0);
  private used = 0;

  constructor(file: FileHandle, at: number, intSize: number, path: string) {
    this.file = file;
    this.at = at;
    this.intSize = intSize;
    this.path = path;
  }

  async header(): Promise<{ kind: number; id: number }> {
    await this.need(1);
    const kind = this.buffer[this.used] as number;
    this.used++;
    return { kind, id: await this.int() };
  }

  /**
   * The pieces' bytes, joined to about a mebibyte: many small writes would cost more than inflating. A chunk is valid
   * until the next is asked for.
   */
  async *chunks(): AsyncGenerator<Buffer> {
    const whole = Buffer.allocUnsafe(mebibyte);
    let length = 0;
    for (let left = await this.int(); left > 0; left = await this.int()) {
      while (left > 0) {
        if (this.used === this.buffer.length) await this.need(1);
        const copied = this.buffer.copy(whole, length, this.used, this.used + left);
        this.used += copied;
        left -= copied;
        length += copied;
        if (length < mebibyte) continue;
        yield whole;
        length = 0;
      }
    }
    if (length > 0) yield whole.subarray(0, length);
    // Hundreds of partitions are hundreds of blocks: their memory does not wait for the garbage collector.
    giveBackAll(whole);
    giveBackAll(this.room);
  }

  /** Position after the block. A block of large objects holds one object after the other, up to an id of 0. */
  async skip(blobs: boolean): Promise<number> {
    if (blobs) {
      while ((await this.int()) !== 0) await this.skipPieces();
    } else await this.skipPieces();
    return this.at - (this.buffer.length - this.used);
  }

  private async skipPieces(): Promise<void> {
    for (let left = await this.int(); left > 0; left = await this.int()) {
      const here = Math.min(left, this.buffer.length - this.used);
      this.used += here;
      this.at += left - here;
    }
  }

  private async int(): Promise<number> {
    await this.need(1 + this.intSize);
    const sign = this.buffer[this.used] as number;
    if (sign > 1) throw damaged(this.path, 'a length in its data makes no sense');
    const value = this.buffer.readUIntLE(this.used + 1, Math.min(this.intSize, 6));
    this.used += 1 + this.intSize;
    return sign === 0 ? value : -value;
  }

  private async need(length: number): Promise<void> {
    if (this.buffer.length - this.used >= length) return;
    const rest = this.buffer.length - this.used;
    this.room.copyWithin(0, this.used, this.used + rest);
    const { bytesRead } = await this.file.read(this.room, rest, this.room.length - rest, this.at);
    this.at += bytesRead;
    this.buffer = this.room.subarray(0, rest + bytesRead);
    this.used = 0;
    if (this.buffer.length < length) throw truncated(this.path);
  }
}
