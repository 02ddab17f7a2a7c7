import { TenantDrError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';

/**
 * One frame of a zstd file (RFC 8878). Files are cut into them because Node's decoder stops without a word after the
 * first frame: here every frame is decoded on its own, from its own bytes, and the walk must end exactly at the end
 * of the file.
 */
export interface ZstdFrame {
  /** Bytes the frame decodes to; null when the writer did not say. */
  contentSize: number | null;
  /** The frame ends with a hash of its content, so a flipped bit is noticed. */
  checksum: boolean;
  /** Its bytes as they stand in the file: to be read to the end before the next frame is asked for, each valid until the next part is. */
  parts: AsyncGenerator<Buffer>;
}

const frameMagic = 0xfd2fb528;

/** Every frame to the end of the source. Rejects with backup-truncated or backup-corrupt, naming the byte. */
export async function* zstdFrames(source: ByteSource): AsyncGenerator<ZstdFrame> {
  for (;;) {
    const magic = await source.upTo(4);
    if (magic.length === 0) return;
    if (magic.length < 4) throw truncated(source);
    const word = magic.readUInt32LE(0);
    if (word >= 0x184d2a50 && word <= 0x184d2a5f) await skipFrame(source);
    else if (word === frameMagic) yield await readFrame(source, Buffer.from(magic));
    else throw corrupt(source, 'bytes that are no zstd frame');
  }
}

/**
 * The whole frame, copied out of the chunks it lay in; null when it takes more than `most` bytes: then its parts
 * begin again with what was read of it.
 */
export async function gathered(frame: ZstdFrame, most: number): Promise<Buffer | null> {
  let room: Buffer = Buffer.allocUnsafeSlow(Math.min(most, Math.max(frame.contentSize ?? 0, 4096)));
  let length = 0;
  for (;;) {
    const { done, value } = await frame.parts.next();
    if (done) return room.subarray(0, length);
    if (length + value.length > most) {
      frame.parts = joined(room.subarray(0, length), value, frame.parts);
      return null;
    }
    if (length + value.length > room.length) room = grown(room, length + value.length);
    length += value.copy(room, length);
  }
}

/** A frame that takes more than it holds is rare. */
function grown(room: Buffer, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(needed * 2);
  room.copy(larger);
  return larger;
}

async function* joined(start: Buffer, next: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield start;
  yield next;
  yield* rest;
}

async function readFrame(source: ByteSource, magic: Buffer): Promise<ZstdFrame> {
  const descriptor = Buffer.from(await exactly(source, 1));
  const flags = descriptor[0] ?? 0;
  const singleSegment = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  const rest = await exactly(source, (singleSegment ? 0 : 1) + dictionaryBytes + sizeBytes);
  const checksum = (flags & 4) !== 0;
  return {
    contentSize: contentSize(rest.subarray(rest.length - sizeBytes)),
    checksum,
    parts: partsOf(source, Buffer.concat([magic, descriptor, rest]), checksum),
  };
}

async function* partsOf(source: ByteSource, start: Buffer, checksum: boolean): AsyncGenerator<Buffer> {
  yield start;
  for (let last = false; !last; ) {
    const header = await exactly(source, 3);
    const word = header.readUIntLE(0, 3);
    last = (word & 1) === 1;
    const type = (word >> 1) & 3;
    if (type === 3) throw corrupt(source, 'a block of a reserved type');
    const size = type === 1 ? 1 : word >> 3;
    yield header;
    if (size > 0) yield await exactly(source, size);
  }
  if (checksum) yield await exactly(source, 4);
}

function contentSize(field: Buffer): number | null {
  if (field.length === 0) return null;
  if (field.length === 2) return field.readUInt16LE(0) + 256;
  return field.length === 8 ? Number(field.readBigUInt64LE(0)) : field.readUIntLE(0, field.length);
}

async function skipFrame(source: ByteSource): Promise<void> {
  let left = (await exactly(source, 4)).readUInt32LE(0);
  while (left > 0) left -= (await exactly(source, Math.min(left, 65536))).length;
}

async function exactly(source: ByteSource, count: number): Promise<Buffer> {
  const bytes = await source.upTo(count);
  if (bytes.length < count) throw truncated(source);
  return bytes;
}

function truncated(source: ByteSource): TenantDrError {
  return new TenantDrError(
    'backup-truncated',
    `The file ends in the middle of a zstd frame, at byte ${source.position}.`,
  );
}

function corrupt(source: ByteSource, what: string): TenantDrError {
  return new TenantDrError('backup-corrupt', `The file holds ${what} at byte ${source.position}.`);
}
