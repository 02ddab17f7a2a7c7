import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { constants, createZstdCompress, gzip } from 'node:zlib';
import type { ChunkSink } from '../databases/sqlite/snapshot.ts';
import { giveBackAll } from '../databases/streams.ts';
import { writeAt } from './write-at.ts';

/**
 * A compressed file made of independent parts, one per chunk, compressed side by side: zstd frames with content
 * size and checksum, or gzip members. `zstd -d` and `gunzip` read them as one file.
 */
export class FrameFile implements ChunkSink {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #compress: (chunk: Buffer) => Promise<Buffer>;
  readonly #waiting: Promise<Buffer>[] = [];
  #end = 0;
  #hash: Hash = createHash('sha256');
  #syncing: Promise<void> | null = null;
  #unsynced = 0;

  private constructor(file: FileHandle, path: string, compress: (chunk: Buffer) => Promise<Buffer>) {
    this.#file = file;
    this.#path = path;
    this.#compress = compress;
  }

  /** Makes a new file, 0600. */
  static async create(path: string, compression: 'gzip' | 'zstd'): Promise<FrameFile> {
    const compress = compression === 'gzip' ? gzipMember : zstdFrame;
    return new FrameFile(await open(path, 'wx+', 0o600), path, compress);
  }

  async put(bytes: Buffer): Promise<void> {
    const frame = this.#compress(bytes).finally(() => giveBackAll(bytes));
    // Awaited in order below; until then a failure must not count as unhandled.
    frame.catch(() => undefined);
    this.#waiting.push(frame);
    if (this.#waiting.length > atOnce) await this.#writeNext();
  }

  /** Makes the file durable. */
  async finish(): Promise<{ bytes: number; sha256: string }> {
    while (this.#waiting.length > 0) await this.#writeNext();
    await this.#syncing;
    await this.#file.sync();
    await this.#file.close();
    return { bytes: this.#end, sha256: this.#hash.digest('hex') };
  }

  async abandon(): Promise<void> {
    await Promise.allSettled(this.#waiting);
    await this.#syncing?.catch(() => undefined);
    await this.#file.close();
  }

  async #writeNext(): Promise<void> {
    const frame = await this.#waiting.shift();
    if (!frame) return;
    this.#hash.update(frame);
    await writeAt(this.#file, this.#path, frame, this.#end);
    this.#end += frame.length;
    this.#unsynced += frame.length;
    giveBackAll(frame);
    this.#syncNowAndThen();
  }

  /** The disk works while we compress, so that the last sync is short. */
  #syncNowAndThen(): void {
    if (this.#syncing || this.#unsynced < syncEvery) return;
    this.#unsynced = 0;
    this.#syncing = this.#file.datasync().finally(() => {
      this.#syncing = null;
    });
    this.#syncing.catch(() => undefined);
  }
}

/** One more than there are processors: while one part is written, all of them compress. */
const atOnce = Math.min(availableParallelism(), 4) + 1;
const syncEvery = 32 * 2 ** 20;

/** Room for what does not compress (ZSTD_compressBound): zstd works straight from chunk to frame only with that much. */
const headroom = 65_536;

/**
 * One frame of all of `chunk`, in one call that is told so: Node's `zstdCompress` hands the bytes over first and says
 * afterwards that they were all, which makes zstd copy them and costs an eighth of the time.
 */
function zstdFrame(chunk: Buffer): Promise<Buffer> {
  const room = chunk.length + headroom;
  const options = {
    flush: constants.ZSTD_e_end,
    params: { [constants.ZSTD_c_compressionLevel]: 2, [constants.ZSTD_c_checksumFlag]: 1 },
    chunkSize: room,
    // All of it is taken in, and only then read.
    readableHighWaterMark: room,
  };
  const encoder = createZstdCompress(options);
  return new Promise<Buffer>((resolve, reject) => {
    encoder.once('error', reject);
    encoder.write(chunk, (error) => (error ? reject(error) : resolve(encoder.read() as Buffer)));
  }).finally(() => encoder.destroy());
}

const gzipChunk = promisify(gzip);

function gzipMember(chunk: Buffer): Promise<Buffer> {
  return gzipChunk(chunk, { level: 1, chunkSize: chunk.length + headroom });
}
