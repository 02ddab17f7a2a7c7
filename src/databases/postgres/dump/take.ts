import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip, createZstdCompress } from 'node:zlib';
import type { OnProgress, Session } from '../../../engine/port.ts';
import { reasonOf, TenantDrError } from '../../../errors.ts';
import type { Target } from '../connect.ts';
import { childEnvironment, readTarget } from '../connect.ts';
import { postgresDatabase } from '../database.ts';
import { clientProgram } from '../server-programs.ts';
import { PostgresSession } from '../session.ts';
import type { Snapshot } from '../snapshot.ts';
import { dumpFailure, programMissing } from './client-failure.ts';

export interface DumpRequest {
  /** Address of the database. The password reaches pg_dump by its environment only. */
  url: string;
  /** File to create (0600, fsynced); the caller renames it when all is well. */
  path: string;
  /** `custom`: pg_dump's own archive, compressed by it. `plain`: SQL, compressed here. */
  format: 'custom' | 'plain';
  compression: 'none' | 'gzip' | 'zstd';
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export interface TakenDump<T> {
  bytes: number;
  /** What the database takes on the server's disk. */
  databaseBytes: number;
  /** When the snapshot was taken: the moment this backup shows. ISO 8601 UTC. */
  takenAt: string;
  /** How long the snapshot's transaction was open, in seconds. */
  snapshotSeconds: number;
  contents: T;
}

/**
 * Takes a dump while the application goes on writing. `read` gets a session inside the very snapshot that pg_dump
 * reads, for counts and digests that describe the dump exactly; both run at the same time.
 * Rejects with tool-missing, tool-failed (also: client older than the server), disk-full, interrupted.
 */
export async function takeDump<T>(
  request: DumpRequest,
  read: (session: Session) => Promise<T>,
): Promise<TakenDump<T>> {
  const target = readTarget(request.url);
  const session = await postgresDatabase(request.url).open({ mode: 'read' });
  const started = performance.now();
  try {
    if (!(session instanceof PostgresSession))
      throw new TenantDrError('internal', 'Not a PostgreSQL session.');
    await session.beginRead();
    const snapshot = await session.exportSnapshot();
    const stop = new AbortController();
    const signal = request.signal ? AbortSignal.any([request.signal, stop.signal]) : stop.signal;
    const dumping = writeDump(target, snapshot, request, signal);
    // When the reading fails first, the dump is stopped; its own end is awaited below in any case.
    const reading = read(session).catch((error: unknown) => {
      stop.abort();
      throw error;
    });
    const [contents, bytes] = await settle(reading, dumping);
    await session.endRead();
    return {
      bytes,
      databaseBytes: snapshot.databaseBytes,
      takenAt: snapshot.takenAt,
      snapshotSeconds: (performance.now() - started) / 1000,
      contents,
    };
  } finally {
    await session.close();
  }
}

/** Both results, or the first failure once both have ended. */
async function settle<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}

async function writeDump(
  target: Target,
  snapshot: Snapshot,
  request: DumpRequest,
  signal: AbortSignal,
): Promise<number> {
  const file = await open(request.path, 'wx', 0o600);
  const timer = setInterval(() => {
    stat(request.path).then(
      ({ size }) => request.onProgress?.({ phase: 'dumping', done: size, total: null, unit: 'bytes' }),
      (error: unknown) => void error,
    );
  }, 500);
  try {
    await runDump(target, snapshot, request, file, signal);
    await file.sync();
    return (await file.stat()).size;
  } finally {
    clearInterval(timer);
    await file.close();
  }
}

async function runDump(
  target: Target,
  snapshot: Snapshot,
  request: DumpRequest,
  file: FileHandle,
  signal: AbortSignal,
): Promise<void> {
  const custom = request.format === 'custom';
  // Only in a file that it opens itself can every pg_dump note where each table begins. It is synced with the rest.
  const own = custom
    ? [`--compress=${request.compression === 'none' ? 0 : 4}`, `--file=${request.path}`, '--no-sync']
    : [];
  const args = [
    '--no-password',
    `--snapshot=${snapshot.id}`,
    // A role may have another one set, which perhaps cannot write every character there is.
    `--encoding=${snapshot.encoding}`,
    `--format=${custom ? 'custom' : 'plain'}`,
    ...own,
  ];
  const child = spawn(clientProgram('pg_dump'), args, {
    env: childEnvironment(target),
    stdio: ['ignore', custom ? 'ignore' : 'pipe', 'pipe'],
    signal,
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2000);
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const compressing = child.stdout
    ? compressInto(child.stdout, request.compression, file)
    : Promise.resolve();
  try {
    const [[code]] = await Promise.all([ended, compressing]);
    if (code !== 0) throw dumpFailure(said.trim() || `it ended with ${code}`);
  } catch (error) {
    if (error instanceof TenantDrError) throw error;
    if (signal.aborted)
      throw new TenantDrError('interrupted', 'The backup was stopped; nothing is left of it.', {
        cause: error,
      });
    throw programMissing('pg_dump', error) ?? dumpFailure(said.trim() || reasonOf(error));
  }
}

async function compressInto(
  output: Readable,
  compression: DumpRequest['compression'],
  file: FileHandle,
): Promise<void> {
  const write = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    }
  };
  if (compression === 'none') return pipeline(output, write);
  // Without its checksum a flipped bit in zstd data decodes as if nothing were wrong.
  const encoder =
    compression === 'gzip'
      ? createGzip({ level: 4 })
      : createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  return pipeline(output, encoder, write);
}
