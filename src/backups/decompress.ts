import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { constants, createGunzip, createZstdDecompress, type ZlibOptions, zstdDecompress } from 'node:zlib';
import { giveBack } from '../databases/streams.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import { ByteSource } from './byte-source.ts';
import type { Compression } from './formats.ts';
import { type FrameHeader, type FrameSink, walkFrames } from './zstd-frames.ts';

/** Where decompressed bytes go, in order. */
export type Write = (bytes: Buffer) => Promise<void>;

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
/** With the default chunk of 16 KiB Node is slower than gunzip, with these twice as fast. */
const gunzipOptions: ZlibOptions & { highWaterMark: number } = {
  chunkSize: mebibyte,
  highWaterMark: 4 * mebibyte,
};

/**
 * Decodes a file of `size` bytes to its very end. Rejects with backup-truncated or backup-corrupt; whatever was
 * written until then is worthless.
 */
export async function decompress(
  compression: Compression,
  chunks: AsyncIterable<Buffer>,
  size: number,
  write: Write,
): Promise<Decompressed> {
  let bytesWritten = 0;
  const counted: Write = async (bytes) => {
    bytesWritten += bytes.length;
    await write(bytes);
  };
  if (compression === 'zstd') {
    const { position, checksummed } = await unzstd(new ByteSource(chunks), counted);
    return { bytesRead: position, bytesWritten, checksummed };
  }
  if (compression === 'gzip') {
    await gunzip(chunks, size, counted);
    return { bytesRead: size, bytesWritten, checksummed: true };
  }
  for await (const chunk of chunks) await counted(chunk);
  return { bytesRead: bytesWritten, bytesWritten, checksummed: false };
}

async function gunzip(chunks: AsyncIterable<Buffer>, size: number, write: Write): Promise<void> {
  const decoder = createGunzip(gunzipOptions);
  try {
    await pipeline(chunks, decoder, async (decoded: AsyncIterable<Buffer>) => {
      for await (const bytes of decoded) await write(bytes);
    });
  } catch (error) {
    throw decodingError(error);
  }
  if (decoder.bytesWritten !== size) throw trailing();
}

async function unzstd(source: ByteSource, write: Write): Promise<{ position: number; checksummed: boolean }> {
  const frames = new Frames(write);
  await walkFrames(source, frames);
  await frames.finish();
  return { position: source.position, checksummed: frames.checksummed };
}

const decodeWhole = promisify(zstdDecompress);

/** Decodes frames: small ones side by side and written in order, large ones as a stream. */
class Frames implements FrameSink {
  checksummed = true;
  readonly #write: Write;
  #waiting: Promise<Buffer>[] = [];
  #header: FrameHeader = { contentSize: null, checksum: true };
  #parts: Buffer[] = [];
  #pending = 0;
  #stream: FrameStream | null = null;

  constructor(write: Write) {
    this.#write = write;
  }

  open(header: FrameHeader): void {
    this.#header = header;
    if (!header.checksum) this.checksummed = false;
  }

  async part(bytes: Buffer): Promise<void> {
    this.#parts.push(bytes);
    this.#pending += bytes.length;
    if (this.#pending < mebibyte || this.#isSmall()) return;
    await this.#writeOut();
    this.#stream ??= new FrameStream(this.#write, this.#header.contentSize);
    await this.#stream.write(this.#takeParts());
  }

  async close(): Promise<void> {
    const { contentSize } = this.#header;
    if (this.#isSmall() && contentSize !== null) {
      const decoding = decodeFrame(this.#takeParts(), contentSize);
      // Awaited in order below; until then a failure must not count as unhandled.
      decoding.catch(() => undefined);
      this.#waiting.push(decoding);
      if (this.#waiting.length >= framesAtOnce) await this.#writeNext();
      return;
    }
    await this.#writeOut();
    const stream = this.#stream ?? new FrameStream(this.#write, contentSize);
    this.#stream = null;
    await stream.end(this.#takeParts());
  }

  async finish(): Promise<void> {
    await this.#writeOut();
  }

  #isSmall(): boolean {
    const { contentSize } = this.#header;
    return contentSize !== null && contentSize <= wholeFrame && this.#pending <= wholeFrame + mebibyte;
  }

  #takeParts(): Buffer {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#pending = 0;
    return bytes;
  }

  async #writeOut(): Promise<void> {
    while (this.#waiting.length > 0) await this.#writeNext();
  }

  async #writeNext(): Promise<void> {
    const bytes = await this.#waiting.shift();
    if (bytes && bytes.length > 0) await this.#write(bytes);
  }
}

async function decodeFrame(frame: Buffer, contentSize: number): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await decodeWhole(frame, {
      chunkSize: Math.max(contentSize, 64),
      maxOutputLength: Math.max(contentSize, 1),
    });
  } catch (error) {
    throw decodingError(error);
  }
  giveBack(frame);
  if (bytes.length !== contentSize) throw wrongSize(bytes.length, contentSize);
  return bytes;
}

/** One frame fed piece by piece to Node's decoder. */
class FrameStream {
  readonly #decoder = createZstdDecompress({
    chunkSize: mebibyte,
    params: { [constants.ZSTD_d_windowLogMax]: 27 },
  });
  readonly #done: Promise<void>;
  readonly #contentSize: number | null;
  #decoded = 0;

  constructor(write: Write, contentSize: number | null) {
    this.#contentSize = contentSize;
    this.#done = this.#drain(write);
    this.#done.catch(() => undefined);
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.#decoder.write(bytes)) return;
    await Promise.race([
      new Promise<void>((resolve) => this.#decoder.once('drain', () => resolve())),
      this.#done,
    ]);
  }

  async end(bytes: Buffer): Promise<void> {
    this.#decoder.end(bytes);
    await this.#done;
    const expected = this.#contentSize;
    if (expected !== null && this.#decoded !== expected) throw wrongSize(this.#decoded, expected);
  }

  async #drain(write: Write): Promise<void> {
    try {
      for await (const bytes of this.#decoder as AsyncIterable<Buffer>) {
        this.#decoded += bytes.length;
        await write(bytes);
      }
    } catch (error) {
      throw decodingError(error);
    }
  }
}

function wrongSize(decoded: number, expected: number): TenantDrError {
  return new TenantDrError(
    'backup-corrupt',
    `A zstd frame decoded to ${decoded} bytes, its header says ${expected}.`,
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
