import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { constants, createGunzip, createZstdDecompress, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { systemFailure } from '../databases/job-child.ts';
import { compressionOf, contentOf, headBytes, skippedBytes, unpackerOf } from './formats.ts';
import type { Peek } from './reader-jobs.ts';

const mostHead = 256 * 1024;

/** What one file is. A file that cannot be read is described, not thrown. Runs in the reader. */
export async function peek(path: string): Promise<Peek> {
  const unknown = { path, compression: 'none' as const, content: null };
  try {
    const file = await stat(path);
    if (file.isDirectory()) return await peekDirectory(path);
    if (file.size === 0)
      return { ...unknown, problem: { code: 'backup-empty', message: 'The file is empty.' } };
    const head = await readHead(path, Math.min(file.size, mostHead));
    const compression = compressionOf(head);
    const content = contentOf(compression === 'none' ? head : await firstDecoded(head, compression));
    const problem = content ? null : notADatabase;
    return { path, compression, content, problem, unpack: unpackerOf(head) };
  } catch (error) {
    const { code, message } = systemFailure(error);
    return { ...unknown, problem: { code, message } };
  }
}

const notADatabase = {
  code: 'backup-not-a-database',
  message: 'The file is no database, dump or archive this tool can read.',
};

async function peekDirectory(path: string): Promise<Peek> {
  const listed = await stat(join(path, 'toc.dat')).then(
    () => true,
    () => false,
  );
  const content = listed ? ('dump-directory' as const) : null;
  return { path, compression: 'none', content, problem: listed ? null : notADatabase };
}

/** The first bytes after what zstd skips. */
async function readHead(path: string, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    for (let at = 0; ; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
      const head = buffer.subarray(0, bytesRead);
      let start = 0;
      for (let skipped = 1; skipped > 0; start += skipped) skipped = skippedBytes(head.subarray(start));
      if (start === 0) return head;
      at += start;
    }
  } finally {
    await file.close();
  }
}

/** So much of a file decodes to `headBytes` or more, unless it is a peculiar one; zstd decodes whole blocks only. */
const headOf = { gzip: 5 * 1024, zstd: 136 * 1024 };
/** A file of nothing but zeros decodes to a thousand times its size. */
const decodedAtMost = 8 * 1024 * 1024;

/** The first decoded bytes; the head ends in the middle of the data, which is no error here. */
function firstDecoded(head: Buffer, compression: 'gzip' | 'zstd'): Buffer | Promise<Buffer> {
  const decoded = decodedAtOnce(head.subarray(0, headOf[compression]), compression);
  const enough = decoded !== null && (decoded.length >= headBytes || head.length <= headOf[compression]);
  return enough ? decoded : decodedAsStream(head, compression);
}

/** In one call: a stream costs more than ten times as much, and a folder may hold thousands. Null where it fails. */
function decodedAtOnce(head: Buffer, compression: 'gzip' | 'zstd'): Buffer | null {
  const { Z_SYNC_FLUSH, ZSTD_e_flush } = constants;
  const options = { maxOutputLength: decodedAtMost };
  try {
    return compression === 'gzip'
      ? gunzipSync(head, { ...options, finishFlush: Z_SYNC_FLUSH })
      : zstdDecompressSync(head, { ...options, finishFlush: ZSTD_e_flush });
  } catch {
    // Damaged, or far more comes of it than was wanted: the stream gives what comes first.
    return null;
  }
}

function decodedAsStream(head: Buffer, compression: 'gzip' | 'zstd'): Promise<Buffer> {
  return new Promise((resolve) => {
    const decoder = compression === 'gzip' ? createGunzip() : createZstdDecompress();
    const decoded: Buffer[] = [];
    const finish = () => {
      decoder.destroy();
      resolve(Buffer.concat(decoded));
    };
    decoder.on('data', (bytes: Buffer) => {
      decoded.push(bytes);
      if (Buffer.concat(decoded).length >= headBytes) finish();
    });
    decoder.on('end', finish);
    decoder.on('error', finish);
    decoder.end(head);
  });
}
