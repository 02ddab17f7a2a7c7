import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, type FileHandle, open, stat } from 'node:fs/promises';
import type { JobContext } from '../databases/job-child.ts';
import { fileHeaderBytes, leaveWalMode, parseFileHeader } from '../databases/sqlite/header.ts';
import { endingOf, siblingsOf } from '../databases/sqlite/siblings.ts';
import { fileBytes, giveBack } from '../databases/streams.ts';
import { TenantDrError } from '../errors.ts';
import { type Decompressed, decompress } from './decompress.ts';
import { type Compression, type Content, contentOf, headBytes, wayToDatabase } from './formats.ts';
import { combined } from './hash.ts';
import { peek } from './peek.ts';
import type { ReaderRequest, StagedFile } from './reader-jobs.ts';
import { Seal } from './seal.ts';
import { writeAt } from './write-at.ts';

const chunkBytes = 1 << 20;

/** What to stage, where to, and the key of the seals. */
export type StageRequest = Extract<ReaderRequest, { do: 'stage' }>;

/** Decompresses or copies a backup to `target` (0400), hashing it on the way. Runs in the reader; see stageFile. */
export async function stage(request: StageRequest, context: JobContext): Promise<StagedFile> {
  const { path } = request;
  const looked = await peek(path);
  if (looked.problem?.code === 'backup-empty') throw empty();
  if (looked.problem && looked.compression === 'none') throw notADatabase(looked.content, looked.unpack);
  if (looked.content && looked.content !== 'database-file')
    return unstaged(looked.content, looked.compression);
  if (looked.compression === 'none') return copyBare(request, context);
  return copyOnce(request, looked.compression, context);
}

/** Dumps and archives are read where they are. */
function unstaged(content: Content, compression: Compression): StagedFile {
  return {
    content,
    compression,
    sha256: '',
    seal: '',
    copySeal: null,
    bytes: 0,
    stagedBytes: 0,
    checksummed: false,
    unmerged: false,
  };
}

/** A bare file may still be written to: what was copied counts only if nothing changed meanwhile. */
async function copyBare(request: StageRequest, context: JobContext): Promise<StagedFile> {
  const { path } = request;
  for (let attempt = 0; attempt < 3; attempt++) {
    const before = await fingerprints(path);
    const staged = await copyOnce(request, 'none', context, await siblingsOf(path));
    if (before === (await fingerprints(path))) return staged;
  }
  throw new TenantDrError('database-busy', 'The file is being written to while it is copied.', {
    hint: 'a database in use is saved with `tenant-dr backup`; then name that backup',
  });
}

async function fingerprints(path: string): Promise<string> {
  const files = [path, ...(await siblingsOf(path))];
  const stats = await Promise.all(files.map((file) => stat(file, { bigint: true })));
  return stats.map((file) => `${file.ino} ${file.size} ${file.mtimeNs} ${file.ctimeNs}`).join('\n');
}

async function copyOnce(
  { path, target, sealKey }: StageRequest,
  compression: Compression,
  context: JobContext,
  siblings: string[] = [],
): Promise<StagedFile> {
  const { size } = await stat(path);
  const hash = createHash('sha256');
  const seal = new Seal(sealKey);
  const copySeal = new Seal(sealKey);
  let done = 0;
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of fileBytes(path)) {
      context.signal.throwIfAborted();
      hash.update(chunk);
      seal.update(chunk);
      done += chunk.length;
      context.progress({ phase: 'stage', done, total: size, unit: 'bytes' });
      yield chunk;
    }
  }
  const file = await open(target, 'w', 0o600);
  try {
    // The pieces a bare file is read in are used again, by whoever reads.
    const letGo = compression === 'none' ? () => undefined : giveBack;
    const image = new ImageWriter(file, target, { open: siblings.length > 0, seal: copySeal, letGo });
    const result = await written(decompress(compression, chunks(), size), image);
    if (result.bytesRead !== done)
      throw new TenantDrError('backup-truncated', `The file has ${size} bytes, ${done} were read.`);
    await image.end();
    const checksums = [hash.digest('hex')];
    for (const sibling of siblings) checksums.push(await copySibling(sibling, target, seal, context));
    if (siblings.length === 0) await file.chmod(0o400);
    return {
      content: 'database-file',
      compression,
      sha256: combined(checksums),
      seal: seal.finish(),
      copySeal: siblings.length > 0 ? null : copySeal.finish(),
      bytes: size,
      stagedBytes: result.bytesWritten,
      checksummed: result.checksummed,
      unmerged: siblings.length > 0,
    };
  } finally {
    await file.close();
  }
}

async function written(
  decoding: AsyncGenerator<Buffer, Decompressed>,
  image: ImageWriter,
): Promise<Decompressed> {
  try {
    for (;;) {
      const { done, value } = await decoding.next();
      if (done) return value;
      await image.write(value);
    }
  } finally {
    await decoding.return({ bytesRead: 0, bytesWritten: 0, checksummed: false });
  }
}

async function copySibling(
  sibling: string,
  target: string,
  seal: Seal,
  { signal }: JobContext,
): Promise<string> {
  const copy = `${target}${endingOf(sibling)}`;
  await copyFile(sibling, copy);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(copy, { highWaterMark: chunkBytes, signal })) {
    hash.update(chunk as Buffer);
    seal.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

interface ImageOptions {
  /** A log or journal comes along: the image is not final, neither its mode nor its size. */
  open: boolean;
  seal: Seal;
  /** Told of every chunk that was written. */
  letGo: (chunk: Buffer) => void;
}

/** Writes the database image in order: looks at its head first, and at its size when it ends. */
class ImageWriter {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #options: ImageOptions;
  #head: Buffer | null = null;
  #gathered: Buffer[] = [];
  #written = 0;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(file: FileHandle, path: string, options: ImageOptions) {
    this.#file = file;
    this.#path = path;
    this.#options = options;
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.#head) return this.#append(bytes);
    this.#gathered.push(Buffer.from(bytes));
    if (this.#gathered.reduce((sum, part) => sum + part.length, 0) >= headBytes) await this.#begin();
  }

  async end(): Promise<void> {
    if (!this.#head) await this.#begin();
    await this.#writing;
    const header = this.#head && parseFileHeader(this.#head);
    if (!header) throw notADatabase(null);
    const expected = header.pageCount === null ? null : header.pageCount * header.pageSize;
    const short = expected !== null && this.#written < expected;
    if (!this.#options.open && (short || this.#written % header.pageSize !== 0)) {
      throw new TenantDrError(
        'backup-truncated',
        `The database in the backup is cut off: ${this.#written} bytes${short ? ` of ${expected}` : ', not a whole number of pages'}.`,
        { hint: 'use another backup' },
      );
    }
  }

  async #begin(): Promise<void> {
    const head = Buffer.concat(this.#gathered);
    if (head.length === 0) throw empty();
    const content = contentOf(head);
    if (content !== 'database-file' || head.length < fileHeaderBytes) throw notADatabase(content);
    if (!this.#options.open) leaveWalMode(head);
    this.#head = Buffer.from(head.subarray(0, fileHeaderBytes));
    this.#gathered = [];
    await this.#append(head);
  }

  /** One write is under way while the next bytes are decoded. */
  async #append(bytes: Buffer): Promise<void> {
    this.#options.seal.update(bytes);
    await this.#writing;
    const at = this.#written;
    this.#written += bytes.length;
    this.#writing = writeAt(this.#file, this.#path, bytes, at).then(() => this.#options.letGo(bytes));
    // Awaited before the next one; until then a failure must not count as unhandled.
    this.#writing.catch(() => undefined);
  }
}

function empty(): TenantDrError {
  return new TenantDrError('backup-empty', 'The backup is empty.', {
    hint: 'use another backup: `tenant-dr backups` lists them',
  });
}

function notADatabase(content: Content | null, unpack?: string): TenantDrError {
  if (unpack !== undefined) {
    return new TenantDrError(
      'backup-not-a-database',
      'The backup is packed in a way this tool does not read.',
      {
        hint: `unpack it with \`${unpack}\` and name the file that comes out`,
      },
    );
  }
  if (content === 'sql-text') {
    return new TenantDrError('backup-not-a-database', 'The backup is SQL text, not a database file.', {
      hint: wayToDatabase(content),
    });
  }
  return new TenantDrError(
    'backup-not-a-database',
    'The backup is no database, dump or archive this tool can read.',
    {
      hint: '`tenant-dr backups` lists what can be used',
    },
  );
}
