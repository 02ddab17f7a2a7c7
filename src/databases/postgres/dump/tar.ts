import { open } from 'node:fs/promises';
import { ByteSource } from '../../../backups/byte-source.ts';
import { damaged, truncated } from '../../../backups/open-stream.ts';

/**
 * The frame of a tar file: members with their lengths, and an end. pg_restore does not look for it: of an archive that
 * was cut off inside a table it goes on reading for ever.
 */

const block = 512;

/** Reads nothing but the members' headers. Rejects with backup-truncated or backup-corrupt. */
export async function confirmTar(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    for (let at = 0, length: number | null = 0; length !== null; at += length ?? 0) {
      const header = Buffer.alloc(block);
      const { bytesRead } = await file.read(header, 0, block, at);
      if (bytesRead < block) throw truncated(path);
      length = memberLength(header, path);
    }
  } finally {
    await file.close();
  }
}

/** The same for one that is not a file of its own: hands on its bytes. */
export async function* confirmedTar(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  const source = new ByteSource(chunks);
  for (let length: number | null = 0; length !== null; ) {
    const header = await source.upTo(block);
    if (header.length < block) throw truncated(path);
    length = memberLength(header, path);
    yield header;
    for (let left = (length ?? block) - block; left > 0; ) {
      const bytes = await source.upTo(Math.min(left, 1 << 16));
      if (bytes.length === 0) throw truncated(path);
      left -= bytes.length;
      yield bytes;
    }
  }
  yield* source.rest();
}

/** Bytes the member takes, its header included; null for the block of zeros after the last. */
function memberLength(header: Buffer, path: string): number | null {
  if (header.every((byte) => byte === 0)) return null;
  // Summed with blanks in its own place.
  const sum = header.reduce((all, byte, at) => all + (at >= 148 && at < 156 ? 32 : byte), 0);
  const size = numberIn(header.subarray(124, 136));
  if (sum !== numberIn(header.subarray(148, 156)) || !Number.isSafeInteger(size))
    throw damaged(path, 'a header of its tar format makes no sense');
  return block + Math.ceil(size / block) * block;
}

/** Octal digits; larger ones in binary, with the first bit set. */
function numberIn(field: Buffer): number {
  if (((field[0] as number) & 0x80) === 0) return Number.parseInt(field.toString('latin1'), 8);
  return field.subarray(1).reduce((number, byte) => number * 256 + byte, 0);
}
