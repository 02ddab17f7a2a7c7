import { open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { OnProgress } from '../engine/port.ts';
import { reasonOf, TenantDrError } from '../errors.ts';

/**
 * Bytes of a backup file, to its very end: whatever is cut or damaged is an error, never a short read. A chunk is valid
 * until the next one is asked for: a gigabyte of chunks left to the garbage collector makes it walk the whole heap again
 * and again, and every new piece of memory costs more than filling it.
 */

const mebibyte = 1 << 20;
/** Far larger than what Node hands out of a pool, where others live in the same memory. */
const worthGivingBack = mebibyte / 8;

/** With the default chunk of 16 KiB Node is slower than gunzip, with these twice as fast. */
export const inflateOptions = {
  chunkSize: mebibyte,
  // No more is asked for before what was written is taken in: its memory is used again.
  writableHighWaterMark: 1,
  // One chunk a read: a reader that fell behind would get all that wait, copied together.
  readableObjectMode: true,
  readableHighWaterMark: 4,
};

export async function* openStream(
  path: string,
  compression: 'none' | 'gzip' | 'zstd',
  onProgress?: OnProgress,
): AsyncGenerator<Buffer> {
  const { size } = await stat(path);
  let done = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of fileBytes(path)) {
      done += chunk.length;
      onProgress?.({ phase: 'staging', done, total: size, unit: 'bytes' });
      yield chunk;
    }
  }
  const chunks = counted();
  try {
    if (compression === 'none') yield* chunks;
    else if (compression === 'gzip') yield* gunzip(chunks, size);
    else yield* unzstd(chunks);
  } catch (error) {
    throw decodingError(error, path);
  } finally {
    // A decoder that stops early leaves the file open.
    await chunks.return(undefined);
  }
}

/** A file's bytes, in two pieces of memory by turns: one is being filled while the other is looked at. */
export async function* fileBytes(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    let [here, next] = [Buffer.allocUnsafe(mebibyte), Buffer.allocUnsafe(mebibyte)];
    let reading = file.read(here, 0, mebibyte);
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return;
      reading = file.read(next, 0, mebibyte);
      // Awaited when the next chunk is asked for; until then a failure must not count as unhandled.
      reading.catch(() => undefined);
      yield here.subarray(0, bytesRead);
      [here, next] = [next, here];
    }
  } finally {
    await file.close();
  }
}

/** What a decoder gives, one chunk after the other; the memory of each is given back when the next is asked for. */
export async function* decoded(decoder: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of decoder) {
    yield chunk;
    giveBack(chunk);
  }
}

/** Gives back the memory of a chunk nobody looks at any more. What a decoder may still write to stays. */
export function giveBack(chunk: Buffer): void {
  // A decoder fills one buffer after the other: one that is not full ends after its chunk does.
  if (chunk.byteOffset + chunk.length === chunk.buffer.byteLength) giveBackAll(chunk);
}

/** The same for what a finished call made: nothing else lives in that memory, however little of it was used. */
export function giveBackAll({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= worthGivingBack) buffer.transfer(0);
}

async function* gunzip(chunks: AsyncGenerator<Buffer>, size: number): AsyncGenerator<Buffer> {
  const decoder = createGunzip(inflateOptions);
  // The error reaches the reader below; the callback only keeps it from being thrown twice.
  pipeline(chunks, decoder, () => undefined);
  yield* decoded(decoder);
  if (decoder.bytesWritten !== size) {
    throw new TenantDrError(
      'backup-corrupt',
      'Something that is not gzip data follows the end of the backup.',
    );
  }
}

function decodingError(error: unknown, path: string): unknown {
  if (error instanceof TenantDrError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'Z_BUF_ERROR' || /unexpected end/.test(reasonOf(error))) return truncated(path, error);
  if (code.startsWith('Z_') || code.startsWith('ZSTD_') || code === 'ERR_ZLIB_ERROR') {
    return new TenantDrError('backup-corrupt', `${path} is damaged: ${reasonOf(error)}.`, {
      hint: 'Choose another backup.',
      cause: error,
    });
  }
  if (code === 'ENOENT')
    return new TenantDrError('backup-missing', `There is no file ${path}.`, { cause: error });
  if (code === 'EACCES')
    return new TenantDrError('permission-denied', `${path} cannot be read.`, { cause: error });
  return error;
}

export function truncated(path: string, cause?: unknown): TenantDrError {
  return new TenantDrError('backup-truncated', `${path} ends too early: it was cut off.`, {
    hint: 'Choose another backup.',
    cause,
  });
}

/**
 * Node's zstd stream stops silently after the first frame. So frames are found by their own block sizes and each is
 * decoded by a decoder of its own; a file that ends inside a frame is truncated.
 */
async function* unzstd(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const input = new Bytes(chunks);
  for (;;) {
    const magic = await input.take(4, true);
    if (magic === null) return;
    const mark = magic.readUInt32LE(0);
    if (mark >= 0x184d2a50 && mark <= 0x184d2a5f) {
      const length = ((await input.take(4)) as Buffer).readUInt32LE(0);
      for await (const part of input.stream(length)) void part;
    } else if (mark === 0xfd2fb528) yield* decodeFrame(magic, input);
    else
      throw new TenantDrError(
        'backup-corrupt',
        'Something that is not zstd data follows the end of a frame.',
      );
  }
}

async function* decodeFrame(magic: Buffer, input: Bytes): AsyncGenerator<Buffer> {
  const decoder = createZstdDecompress(inflateOptions);
  pipeline(frameBytes(magic, input), decoder, () => undefined);
  yield* decoded(decoder);
}

/** The bytes of one frame (RFC 8878, section 3.1.1): header, blocks, checksum. */
async function* frameBytes(magic: Buffer, input: Bytes): AsyncGenerator<Buffer> {
  const descriptor = (await input.take(1)) as Buffer;
  const flags = descriptor[0] as number;
  const single = (flags & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][flags & 3] as number;
  const content = [single ? 1 : 0, 2, 4, 8][flags >> 6] as number;
  yield Buffer.concat([
    magic,
    descriptor,
    (await input.take((single ? 0 : 1) + dictionary + content)) as Buffer,
  ]);
  for (let last = false; !last; ) {
    const header = (await input.take(3)) as Buffer;
    const block = header.readUIntLE(0, 3);
    last = (block & 1) === 1;
    yield header;
    yield* input.stream(((block >> 1) & 3) === 1 ? 1 : block >> 3);
  }
  if ((flags & 4) !== 0) yield (await input.take(4)) as Buffer;
}

/** A byte stream from which exact lengths can be taken. */
class Bytes {
  private readonly chunks: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncGenerator<Buffer>) {
    this.chunks = chunks;
  }

  /** Exactly `length` bytes; null at the end when `orEnd`, else an error. */
  async take(length: number, orEnd = false): Promise<Buffer | null> {
    while (this.rest.length < length) {
      const empty = this.rest.length === 0;
      if (await this.more(orEnd && empty)) continue;
      return null;
    }
    const taken = Buffer.from(this.rest.subarray(0, length));
    this.rest = this.rest.subarray(length);
    return taken;
  }

  /** Reads one chunk more; false at the end where that is allowed. */
  private async more(mayEnd = false): Promise<boolean> {
    // Copied: the memory of a chunk is used again.
    const rest = Buffer.from(this.rest);
    const next = await this.chunks.next();
    if (next.done) {
      if (mayEnd) return false;
      throw new Error('unexpected end of file');
    }
    this.rest = rest.length > 0 ? Buffer.concat([rest, next.value]) : next.value;
    return true;
  }

  async *stream(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (this.rest.length === 0) await this.more();
      const part = this.rest.subarray(0, left);
      this.rest = this.rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }
}
