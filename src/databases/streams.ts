import { open } from 'node:fs/promises';

/**
 * Streams of chunks whose memory is used again: a chunk is valid until the next one is asked for. A gigabyte of
 * chunks left to the garbage collector makes it walk the whole heap again and again, and every new piece of memory
 * costs more than filling it.
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

/**
 * A file's bytes, in three pieces of memory by turns: one is being filled, one looked at, and the one before that may
 * still be written somewhere. A chunk is valid until the next but one is asked for.
 */
export async function* fileBytes(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    const rooms = [0, 1, 2].map(() => Buffer.allocUnsafe(mebibyte));
    const readInto = (turn: number) => file.read(rooms[turn % 3] as Buffer, 0, mebibyte);
    let reading = readInto(0);
    for (let turn = 0; ; turn++) {
      const { bytesRead, buffer } = await reading;
      if (bytesRead === 0) return;
      reading = readInto(turn + 1);
      // Awaited when the next chunk is asked for; until then a failure must not count as unhandled.
      reading.catch(() => undefined);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** What a decoder gives, one chunk after the other; the memory of each is given back when the next is asked for. */
export async function* decoded(decoder: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // Not full, as a rule; after the end nothing is written to it any more.
  let last: Buffer | null = null;
  for await (const chunk of decoder) {
    yield chunk;
    giveBack(chunk);
    last = chunk;
  }
  if (last) giveBackAll(last);
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
