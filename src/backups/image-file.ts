import { type FileHandle, open } from 'node:fs/promises';
import { leaveWalMode } from '../databases/sqlite/header.ts';
import { type ChunkCopy, chunkBytes } from '../databases/sqlite/snapshot.ts';
import { writeAt } from './write-at.ts';

/** An uncompressed private copy of a database, written chunk by chunk; 0600, in journal mode DELETE. */
export class ImageFile implements ChunkCopy {
  readonly #file: FileHandle;
  readonly #path: string;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  static async create(path: string): Promise<ImageFile> {
    return new ImageFile(await open(path, 'wx+', 0o600), path);
  }

  async put(index: number, bytes: Buffer): Promise<void> {
    await writeAt(this.#file, this.#path, bytes, index * chunkBytes);
  }

  async read(index: number, into: Buffer): Promise<void> {
    const at = index * chunkBytes;
    for (let offset = 0; offset < into.length; ) {
      const { bytesRead } = await this.#file.read(into, offset, into.length - offset, at + offset);
      if (bytesRead === 0) throw new Error(`the copy ends before chunk ${index}`);
      offset += bytesRead;
    }
  }

  /** Cuts what is beyond `bytes`. Not synced: whoever keeps the copy does that. */
  async finish(bytes: number): Promise<void> {
    await this.#file.truncate(bytes);
    const head = Buffer.alloc(100);
    await this.#file.read(head, 0, head.length, 0);
    leaveWalMode(head);
    await this.#file.write(head, 0, head.length, 0);
    await this.#file.close();
  }

  async abandon(): Promise<void> {
    await this.#file.close();
  }
}
