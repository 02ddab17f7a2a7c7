import { pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createGunzip, createZstdDecompress, zstdDecompress } from 'node:zlib';
import { giveBackAll, inflateOptions } from '../databases/streams.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import { ByteSource } from './byte-source.ts';
import type { Compression } from './formats.ts';
import { gathered, type ZstdFrame, zstdFrames } from './zstd-frames.ts';

export interface Decompressed {
  /** Bytes of the file that were decoded: always the whole file. */
  bytesRead: number;
  bytesWritten: number;
  /** The format carries a hash of its content, so a flipped bit would have been noticed. */
  checksummed: boolean;
}

const mebibyte = 1 << 20;
/** Larger frames are streamed; smaller ones are decoded whole, several at a time. */
const wholeFrame = 16 * mebibyte;
const framesAtOnce = 3;

/**
 * Decodes a file of `size` bytes to its very end, and returns what was read. A chunk that is given need be valid only
 * until the next is asked for; one that was decoded belongs to the taker, who may give back its memory. Rejects with
 * backup-truncated or backup-corrupt; what came before is worthless then.
 */
export async function* decompress(
  compression: Compression,
  chunks: AsyncIterable<Buffer>,
  size: number,
): AsyncGenerator<Buffer, Decompressed> {
  const source = new ByteSource(chunks);
  const decoding =
    compression === 'zstd' ? unzstd(source) : compression === 'gzip' ? gunzip(source, size) : source.rest();
  let bytesWritten = 0;
  try {
    for (;;) {
      const { done, value } = await decoding.next();
      if (done) return { bytesRead: source.position, bytesWritten, checksummed: value };
      bytesWritten += value.length;
      yield value;
    }
  } catch (error) {
    throw decodingError(error);
  } finally {
    await decoding.return(false);
  }
}

async function* gunzip(source: ByteSource, size: number): AsyncGenerator<Buffer, boolean> {
  const decoder = createGunzip(inflateOptions);
  // The error reaches the reader below; the callback only keeps it from being thrown twice.
  pipeline(source.rest(), decoder, () => undefined);
  yield* decoder as AsyncIterable<Buffer>;
  if (decoder.bytesWritten !== size) throw trailing();
  return true;
}

/** Frames one after the other: small ones decoded side by side, large ones as streams. True when all had a hash. */
async function* unzstd(source: ByteSource): AsyncGenerator<Buffer, boolean> {
  const waiting: Promise<Buffer>[] = [];
  let checksummed = true;
  for await (const frame of zstdFrames(source)) {
    checksummed &&= frame.checksum;
    const whole = await wholeFrameOf(frame);
    if (whole) {
      const decoding = decodeFrame(whole, frame.contentSize ?? 0);
      // Awaited in order below; until then a failure must not count as unhandled.
      decoding.catch(() => undefined);
      waiting.push(decoding);
      if (waiting.length >= framesAtOnce) yield* first(waiting);
      continue;
    }
    while (waiting.length > 0) yield* first(waiting);
    yield* streamFrame(frame);
  }
  while (waiting.length > 0) yield* first(waiting);
  return checksummed;
}

/** The bytes of a frame that is to be decoded in one call; null when it is to be streamed. */
async function wholeFrameOf(frame: ZstdFrame): Promise<Buffer | null> {
  if (frame.contentSize === null || frame.contentSize > wholeFrame) return null;
  return gathered(frame, wholeFrame + mebibyte);
}

async function* first(waiting: Promise<Buffer>[]): AsyncGenerator<Buffer> {
  const bytes = await waiting.shift();
  if (bytes && bytes.length > 0) yield bytes;
}

const decodeWhole = promisify(zstdDecompress);

async function decodeFrame(frame: Buffer, contentSize: number): Promise<Buffer> {
  const bytes = await decodeWhole(frame, {
    chunkSize: Math.max(contentSize, 64),
    maxOutputLength: Math.max(contentSize, 1),
  });
  giveBackAll(frame);
  if (bytes.length !== contentSize) throw wrongSize(bytes.length, contentSize);
  return bytes;
}

async function* streamFrame({ parts, contentSize }: ZstdFrame): AsyncGenerator<Buffer> {
  const decoder = createZstdDecompress({
    ...inflateOptions,
    params: { [constants.ZSTD_d_windowLogMax]: 27 },
  });
  pipeline(parts, decoder, () => undefined);
  let length = 0;
  for await (const bytes of decoder as AsyncIterable<Buffer>) {
    length += bytes.length;
    yield bytes;
  }
  if (contentSize !== null && length !== contentSize) throw wrongSize(length, contentSize);
}

function wrongSize(decodedBytes: number, expected: number): TenantDrError {
  return new TenantDrError(
    'backup-corrupt',
    `A zstd frame decoded to ${decodedBytes} bytes, its header says ${expected}.`,
  );
}

function trailing(): TenantDrError {
  return new TenantDrError('backup-corrupt', 'The file goes on after the end of its compressed data.', {
    hint: 'it may be two files joined by mistake; use another backup, or cut the rest off',
  });
}

/** What zlib and zstd throw, in the words of this tool; everything else passes through. */
function decodingError(error: unknown): unknown {
  if (error instanceof TenantDrError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'Z_BUF_ERROR') {
    return new TenantDrError('backup-truncated', 'The file ends before its compressed data does.', {
      cause: error,
    });
  }
  if (code === 'ERR_STREAM_PREMATURE_CLOSE') return trailing();
  if (code === 'ZSTD_error_frameParameter_windowTooLarge') {
    return new TenantDrError(
      'backup-corrupt',
      'The file was compressed with a window of more than 128 MiB.',
      {
        hint: 'decompress it with `zstd -d --long=31` and name the result',
        cause: error,
      },
    );
  }
  if (/^(Z_|ZSTD_|ERR_BUFFER_TOO_LARGE|ERR_ZLIB)/.test(code)) {
    return new TenantDrError('backup-corrupt', `The compressed data is damaged: ${reasonOf(error)}.`, {
      cause: error,
    });
  }
  return error;
}
