import { createCipheriv, randomBytes } from 'node:crypto';
import { copyFile, type FileHandle, open, rm, stat } from 'node:fs/promises';
import { nothingIfMissing } from '../../engine/durable.ts';
import { TenantDrError } from '../../errors.ts';
import { fileHeaderBytes, parseFileHeader } from './header.ts';
import type { LogMark } from './log-mark.ts';
import { logOf } from './siblings.ts';
import type { Pinned } from './turn.ts';
import { readWal, saltsOf, type WalContent } from './wal.ts';

/**
 * A consistent image of a live database, read past SQLite by a process that has no connection to it, while another
 * process pins what is read (pin.ts). Nobody is blocked longer than it takes to read the file once.
 *
 * - WAL mode: the pin is a read transaction. Until it ends no frame it needs leaves the log and nothing newer is
 *   written to the main file, so main file + committed log are one state: the very one the pin shows, where its
 *   mark in the log is known, else one that is no older. Writers go on.
 * - Rollback mode: a reader keeps writers from committing, so the file is copied without a pin first; then, pinned,
 *   read again only to find the chunks that changed meanwhile and put them right in the copy. Nothing is compressed
 *   or allocated while writers wait.
 */
export interface ChunkSink {
  /** They come in order, each once. The bytes are the sink's. */
  put(bytes: Buffer): Promise<void>;
}

/** A file of our own that chunks can be put into again and read from. */
export interface ChunkCopy {
  /** The bytes may be used again when this resolves. */
  put(index: number, bytes: Buffer): Promise<void>;
  read(index: number, into: Buffer): Promise<void>;
}

export interface Pin {
  begin(): Promise<Pinned>;
  end(): Promise<void>;
}

export interface Taken {
  bytes: number;
  mode: 'wal' | 'rollback';
  /** How long a writer may have had to wait for us. */
  blockedSeconds: number;
}

interface Watch {
  signal: AbortSignal;
  progress(done: number, total: number): void;
}

export const chunkBytes = 2 * 2 ** 20;

export interface Outputs {
  /** Where the image goes, chunk by chunk; null: only the copy is wanted. */
  sink: ChunkSink | null;
  /** An uncompressed copy, where one is wanted; rollback mode cannot do without. */
  copy: ChunkCopy | null;
  /** A path of our own for a copy of the log, removed again. */
  log: string;
}

export async function takeSnapshot(path: string, outputs: Outputs, pin: Pin, watch: Watch): Promise<Taken> {
  // Whatever is wrong with the database, SQLite says it best: so the pin comes first.
  const { mode, mark } = await pin.begin();
  const main = await open(path, 'r');
  try {
    if (mode === 'wal') return await takeFromWal(path, main, mark, outputs, pin, watch);
    if (!outputs.copy) throw modeChanged(path);
    return await takeFromRollback(path, main, outputs.copy, outputs.sink, pin, watch);
  } finally {
    await main.close();
  }
}

async function takeFromWal(
  path: string,
  main: FileHandle,
  mark: LogMark | null,
  { sink, copy, log: scratch }: Outputs,
  pin: Pin,
  watch: Watch,
): Promise<Taken> {
  const wal = await copyWal(await logOf(path), scratch, mark);
  const log = wal ? await open(scratch, 'r') : null;
  try {
    const { size } = await main.stat();
    const bytes = wal?.pageCount ? wal.pageCount * wal.pageSize : await sizeByHeader(main, size);
    const chunks = Math.ceil(bytes / chunkBytes);
    for (let index = 0; index < chunks; index++) {
      watch.signal.throwIfAborted();
      const chunk = await readChunk(main, index, bytes, Math.min(bytes, size));
      if (wal && log) await overlay(chunk, index, wal, log);
      await copy?.put(index, chunk);
      await sink?.put(chunk);
      watch.progress(Math.min(bytes, (index + 1) * chunkBytes), bytes);
    }
    await pin.end();
    return { bytes, mode: 'wal', blockedSeconds: 0 };
  } finally {
    await log?.close();
    await rm(scratch, { force: true });
  }
}

/**
 * Copies the log and reads the copy. A log whose frames were all in the main file may be started over while it is
 * copied; that can happen once at most, because the pin keeps the new frames out of the main file.
 */
async function copyWal(path: string, scratch: string, mark: LogMark | null): Promise<WalContent | null> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const there = await stat(path).catch(nothingIfMissing);
    if (!there || there.size === 0) return null;
    await copyFile(path, scratch);
    const wal = await readWal(scratch, mark?.frames);
    // SQLite, too, takes a log without a valid header for an empty one.
    if (!wal) return null;
    const salts = await currentSalts(path);
    // Started over since the pin began, which shows that nothing in it was still needed.
    if (mark && mark.salts !== salts) return null;
    const whole = wal.salts === salts && wal.frames >= (mark?.frames ?? 0);
    if (whole) return wal.pageCount === null ? null : wal;
  }
  throw new TenantDrError('database-busy', `The write-ahead log of ${path} kept changing its beginning.`, {
    hint: 'take the backup again',
  });
}

async function currentSalts(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(32), 0, 32, 0);
    return saltsOf(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

async function overlay(chunk: Buffer, index: number, wal: WalContent, log: FileHandle): Promise<void> {
  const { pageSize, pages } = wal;
  const first = (index * chunkBytes) / pageSize + 1;
  for (let at = 0; at < chunk.length; at += pageSize) {
    const offset = pages.get(first + at / pageSize);
    if (offset !== undefined) await readFully(log, chunk, at, pageSize, offset);
  }
}

async function takeFromRollback(
  path: string,
  main: FileHandle,
  copy: ChunkCopy,
  sink: ChunkSink | null,
  pin: Pin,
  { signal, progress }: Watch,
): Promise<Taken> {
  const before = await versionOf(path, main);
  await pin.end();
  const tag = tagger();
  const tags: Buffer[] = [];
  const { size } = await main.stat();
  for (let index = 0; index * chunkBytes < size; index++) {
    signal.throwIfAborted();
    const chunk = await readChunk(main, index, size, size);
    tags[index] = tag(chunk);
    await copy.put(index, chunk);
    // Half of the way: the other half is handing out what was copied.
    progress(Math.min(size, (index + 1) * chunkBytes) / 2, size);
  }
  const { mode } = await pin.begin();
  const since = performance.now();
  if (mode === 'wal') throw modeChanged(path);
  const bytes = (await main.stat()).size;
  if ((await versionOf(path, main)) !== before) await putRight(copy, main, bytes, tags, tag, signal);
  await pin.end();
  const blockedSeconds = (performance.now() - since) / 1000;
  const chunks = Math.ceil(bytes / chunkBytes);
  for (let index = 0; sink && index < chunks; index++) {
    signal.throwIfAborted();
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, bytes - index * chunkBytes));
    await copy.read(index, chunk);
    await sink.put(chunk);
    progress((bytes + Math.min(bytes, (index + 1) * chunkBytes)) / 2, bytes);
  }
  return { bytes, mode, blockedSeconds };
}

/** Copies anew the chunks whose content is another than when they were first read, two reads at a time. */
async function putRight(
  copy: ChunkCopy,
  main: FileHandle,
  bytes: number,
  tags: Buffer[],
  tag: (chunk: Buffer) => Buffer,
  signal: AbortSignal,
): Promise<void> {
  let next = 0;
  const look = async () => {
    const reused = Buffer.allocUnsafe(chunkBytes);
    while (next * chunkBytes < bytes) {
      signal.throwIfAborted();
      const index = next++;
      const length = Math.min(chunkBytes, bytes - index * chunkBytes);
      const chunk = reused.subarray(0, length);
      await readFully(main, chunk, 0, length, index * chunkBytes);
      if (!tags[index]?.equals(tag(chunk))) await copy.put(index, chunk);
    }
  };
  await Promise.all([look(), look()]);
}

/**
 * A 128-bit universal hash of a chunk under a key of this run (GMAC): five times as fast as SHA-256, and nobody
 * who does not know the key can make a change that it misses.
 */
function tagger(): (chunk: Buffer) => Buffer {
  const key = randomBytes(16);
  const nonce = randomBytes(12);
  return (chunk) => {
    const cipher = createCipheriv('aes-128-gcm', key, nonce);
    cipher.setAAD(chunk);
    cipher.final();
    return cipher.getAuthTag();
  };
}

/** Every transaction in rollback mode raises the change counter; the file's own times are a second witness. */
async function versionOf(path: string, main: FileHandle): Promise<string> {
  const head = await readHead(main);
  const { mtimeNs, size, ino } = await stat(path, { bigint: true });
  return `${head.readUInt32BE(24)} ${mtimeNs} ${size} ${ino}`;
}

async function sizeByHeader(main: FileHandle, size: number): Promise<number> {
  const header = parseFileHeader(await readHead(main));
  return header?.pageCount ? Math.min(size, header.pageCount * header.pageSize) : size;
}

async function readHead(main: FileHandle): Promise<Buffer> {
  const head = Buffer.alloc(fileHeaderBytes);
  await main.read(head, 0, fileHeaderBytes, 0);
  return head;
}

/** Chunk `index` of a file image of `total` bytes, of which the first `stored` stand in the main file. */
async function readChunk(main: FileHandle, index: number, total: number, stored: number): Promise<Buffer> {
  const at = index * chunkBytes;
  const length = Math.min(chunkBytes, total - at);
  const there = Math.max(0, Math.min(length, stored - at));
  const chunk = there < length ? Buffer.alloc(length) : Buffer.allocUnsafe(length);
  if (there > 0) await readFully(main, chunk, 0, there, at);
  return chunk;
}

async function readFully(
  file: FileHandle,
  into: Buffer,
  at: number,
  length: number,
  position: number,
): Promise<void> {
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(into, at + done, length - done, position + done);
    if (bytesRead === 0)
      throw new TenantDrError('database-busy', 'The database file became shorter while it was read.');
    done += bytesRead;
  }
}

function modeChanged(path: string): TenantDrError {
  return new TenantDrError('database-busy', `${path} changed its journal mode while it was read.`, {
    hint: 'take the backup again',
  });
}
