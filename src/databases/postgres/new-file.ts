import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../engine/durable.ts';
import { TenantDrError } from '../../errors.ts';

/** So many bytes leave at once: a call for each piece the server sends would take longer than writing it. */
const gathered = 1 << 20;

/** A file of rows, hashed as it is written, under a temporary name until it is whole and on disk. */
export class NewFile {
  readonly temporary: string;
  bytes = 0;
  private readonly path: string;
  private readonly file: FileHandle;
  private readonly sum = createHash('sha256');
  private pending: Buffer[] = [];
  private waiting = 0;

  private constructor(path: string, temporary: string, file: FileHandle) {
    this.path = path;
    this.temporary = temporary;
    this.file = file;
  }

  /** A plan that was made again writes its files again; what an interrupted one left behind is replaced. */
  static async create(path: string): Promise<NewFile> {
    const temporary = `${path}.partial`;
    try {
      await rm(temporary, { force: true });
      return new NewFile(path, temporary, await open(temporary, 'wx', 0o600));
    } catch (error) {
      throw fileError(error, path);
    }
  }

  async write(chunk: Buffer | string): Promise<void> {
    this.add(chunk);
    if (this.waiting >= gathered) await this.flush();
  }

  /** Takes a chunk, which must not change any more, to be written with those after it. */
  add(chunk: Buffer | string): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk;
    this.pending.push(bytes);
    this.waiting += bytes.length;
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.pending);
    this.pending = [];
    this.waiting = 0;
    this.bytes += bytes.length;
    this.sum.update(bytes);
    for (let at = 0; at < bytes.length; ) at += (await this.file.write(bytes, at)).bytesWritten;
  }

  /** All of it is on disk, under the temporary name; its SHA-256. */
  async end(): Promise<string> {
    await this.flush();
    await this.file.sync();
    await this.file.close();
    return this.sum.digest('hex');
  }

  /** Gives it its name, for good. */
  async publish(): Promise<void> {
    await rename(this.temporary, this.path);
    await syncFolder(dirname(this.path));
  }

  /** Leaves nothing of it; the error to report instead of `error`. */
  async discard(error: unknown): Promise<unknown> {
    await this.file.close();
    await rm(this.temporary, { force: true });
    return fileError(error, this.path);
  }
}

function fileError(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TenantDrError('disk-full', `There is no room for ${path}. Nothing was changed.`, {
      hint: 'Free space on the disk of the state folder.',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new TenantDrError('permission-denied', `${path} cannot be written. Nothing was changed.`, {
      hint: 'Check the rights of the state folder.',
      cause: error,
    });
  }
  return error;
}
