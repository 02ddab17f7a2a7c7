import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import type { ChunkSink } from '../databases/sqlite/snapshot.ts';

/**
 * A compressed file made of independent parts, one per chunk, compressed side by side: zstd frames with content
 * size and checksum, or gzip members. `zstd -d` and `gunzip` read them as one file.
 */
export class FrameFile implements ChunkSink {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #compress: (chunk: Buffer) => Promise<Buffer>;
  readonly #waiting: { index: number; frame: Promise<Buffer> }[] = [];
  #places: { offset: number; length: number }[] = [];
  #end = 0;
  #hash: Hash = createHash('sha256');
  #inOrder = true;
  #syncing: Promise<void> | null = null;
  #unsynced = 0;

  private constructor(path: string, file: FileHandle, compress: (chunk: Buffer) => Promise<Buffer>) {
    this.#path = path;
    this.#file = file;
    this.#compress = compress;
  }

  /** Makes a new file, 0600. */
  static async create(path: string, compression: 'gzip' | 'zstd'): Promise<FrameFile> {
    return new FrameFile(
      path,
      await open(path, 'wx+', 0o600),
      compression === 'gzip' ? gzipMember : zstdFrame,
    );
  }

  async put(index: number, bytes: Buffer): Promise<void> {
    const frame = this.#compress(bytes);
    // Awaited in order below; until then a failure must not count as unhandled.
    frame.catch(() => undefined);
    this.#waiting.push({ index, frame });
    if (this.#waiting.length > atOnce) await this.#writeNext();
  }

  /** Puts the parts in order, cuts those after `chunks`, makes the file durable. */
  async finish(chunks: number): Promise<{ bytes: number; sha256: string }> {
    while (this.#waiting.length > 0) await this.#writeNext();
    if (!this.#inOrder || this.#places.length !== chunks) return this.#rewrite(chunks);
    await this.#syncing;
    await this.#file.sync();
    await this.#file.close();
    return { bytes: this.#end, sha256: this.#hash.digest('hex') };
  }

  async abandon(): Promise<void> {
    await Promise.allSettled(this.#waiting.map(({ frame }) => frame));
    await this.#syncing?.catch(() => undefined);
    await this.#file.close();
  }

  async #writeNext(): Promise<void> {
    const next = this.#waiting.shift();
    if (!next) return;
    const frame = await next.frame;
    if (next.index !== this.#places.length) this.#inOrder = false;
    this.#places[next.index] = { offset: this.#end, length: frame.length };
    this.#hash.update(frame);
    await writeAll(this.#file, frame, this.#end);
    this.#end += frame.length;
    this.#unsynced += frame.length;
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

  /** Some chunks came a second time: their last versions are copied to a new file, in order. */
  async #rewrite(chunks: number): Promise<{ bytes: number; sha256: string }> {
    const ordered = await FrameFile.create(`${this.#path}.ordered`, 'zstd');
    try {
      for (const { offset, length } of this.#places.slice(0, chunks)) {
        const frame = Buffer.allocUnsafe(length);
        await this.#file.read(frame, 0, length, offset);
        ordered.#waiting.push({ index: ordered.#places.length, frame: Promise.resolve(frame) });
        await ordered.#writeNext();
      }
      await rename(`${this.#path}.ordered`, this.#path);
      return await ordered.finish(chunks);
    } catch (error) {
      await ordered.abandon();
      throw error;
    } finally {
      await this.#file.close();
    }
  }
}

/** One more than there are processors: while one part is written, all of them compress. */
const atOnce = Math.min(availableParallelism(), 4) + 1;
const syncEvery = 32 * 2 ** 20;

const zstdChunk = promisify(zstdCompress);
const gzipChunk = promisify(gzip);

function zstdFrame(chunk: Buffer): Promise<Buffer> {
  return zstdChunk(chunk, {
    pledgedSrcSize: chunk.length,
    chunkSize: chunk.length + 65_536,
    params: { [constants.ZSTD_c_compressionLevel]: 2, [constants.ZSTD_c_checksumFlag]: 1 },
  });
}

function gzipMember(chunk: Buffer): Promise<Buffer> {
  return gzipChunk(chunk, { level: 1, chunkSize: chunk.length + 65_536 });
}

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    offset += (await file.write(bytes, offset, bytes.length - offset, at + offset)).bytesWritten;
  }
}
