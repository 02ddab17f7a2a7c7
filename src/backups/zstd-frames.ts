import { TenantDrError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';

/**
 * Cuts a zstd file into its frames (RFC 8878). Needed because Node's decoder stops without a word after the first
 * frame: here every frame is decoded on its own, from its own bytes, and the walk must end exactly at the end of
 * the file.
 */
export interface FrameHeader {
  /** Bytes the frame decodes to; null when the writer did not say. */
  contentSize: number | null;
  /** The frame ends with a hash of its content, so a flipped bit is noticed. */
  checksum: boolean;
}

const frameMagic = 0xfd2fb528;

/** Reads frame after frame: `open` gets its header, then the raw parts, then `close`. */
export interface FrameSink {
  open(header: FrameHeader): Promise<void> | void;
  part(bytes: Buffer): Promise<void> | void;
  close(): Promise<void> | void;
}

/** Walks to the end of the source. Rejects with backup-truncated or backup-corrupt, naming the byte. */
export async function walkFrames(source: ByteSource, sink: FrameSink): Promise<void> {
  for (;;) {
    const magic = await source.upTo(4);
    if (magic.length === 0) return;
    if (magic.length < 4) throw truncated(source);
    const word = magic.readUInt32LE(0);
    if (word >= 0x184d2a50 && word <= 0x184d2a5f) await skipFrame(source);
    else if (word === frameMagic) await walkFrame(source, magic, sink);
    else throw corrupt(source, 'bytes that are no zstd frame');
  }
}

async function walkFrame(source: ByteSource, magic: Buffer, sink: FrameSink): Promise<void> {
  const descriptor = await exactly(source, 1);
  const flags = descriptor[0] ?? 0;
  const singleSegment = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  const rest = await exactly(source, (singleSegment ? 0 : 1) + dictionaryBytes + sizeBytes);
  const checksum = (flags & 4) !== 0;
  await sink.open({ contentSize: contentSize(rest.subarray(rest.length - sizeBytes)), checksum });
  await sink.part(Buffer.concat([magic, descriptor, rest]));
  for (let last = false; !last; ) {
    const header = await exactly(source, 3);
    const word = header.readUIntLE(0, 3);
    last = (word & 1) === 1;
    const type = (word >> 1) & 3;
    if (type === 3) throw corrupt(source, 'a block of a reserved type');
    const size = type === 1 ? 1 : word >> 3;
    await sink.part(header);
    if (size > 0) await sink.part(await exactly(source, size));
  }
  if (checksum) await sink.part(await exactly(source, 4));
  await sink.close();
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
