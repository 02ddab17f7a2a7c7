import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { openStream } from '../../../backups/open-stream.ts';
import { reasonOf, TenantDrError } from '../../../errors.ts';
import { confirmedTar, confirmTar } from './tar.ts';

/** An archive our own reader does not know, as plain SQL, by way of the client tools. */
export async function* throughPgRestore(
  path: string,
  format: 'custom' | 'directory' | 'tar',
  compression: 'none' | 'gzip' | 'zstd',
): AsyncGenerator<Buffer> {
  const piped = compression !== 'none';
  if (format === 'tar' && !piped) await confirmTar(path);
  const args = ['--format', format, '--no-owner', '--no-privileges', '--file', '-', ...(piped ? [] : [path])];
  const child = spawn('pg_restore', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2000);
  });
  const ended = once(child, 'close');
  ended.catch((error: unknown) => void error);
  const stop = new AbortController();
  const feeding = piped
    ? feed(bytesOf(path, format, compression), child.stdin, stop.signal)
    : child.stdin.end();
  const fed = Promise.resolve(feeding).then(
    () => null,
    (error: unknown) => {
      // A program that got half of a file may wait for ever.
      child.kill();
      return { error };
    },
  );
  try {
    yield* child.stdout as Readable as AsyncIterable<Buffer>;
    const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
    if (code !== 0) stop.abort();
    const unfit = await fed;
    if (unfit) throw unfit.error;
    if (code !== 0) throw failure(path, said.trim() || `it ended with ${signal ?? code}`);
  } catch (error) {
    if (error instanceof TenantDrError) throw error;
    throw missing(error) ?? failure(path, reasonOf(error));
  } finally {
    stop.abort();
    if (child.exitCode === null) child.kill();
  }
}

function bytesOf(
  path: string,
  format: 'custom' | 'directory' | 'tar',
  compression: 'none' | 'gzip' | 'zstd',
): AsyncIterable<Buffer> {
  const bytes = openStream(path, compression);
  return format === 'tar' ? confirmedTar(bytes, path) : bytes;
}

/** Gives a program what it takes; the rest is read all the same, to know that the file is whole. */
async function feed(chunks: AsyncIterable<Buffer>, input: Writable, stopped: AbortSignal): Promise<void> {
  // A program that has ended says itself why.
  input.on('error', (error: unknown) => void error);
  const closed = once(input, 'close').catch((error: unknown) => void error);
  for await (const chunk of chunks) {
    if (stopped.aborted) return;
    // A pipe keeps what it is given until the program takes it.
    if (input.destroyed || input.write(Buffer.from(chunk))) continue;
    await Promise.race([closed, once(input, 'drain').catch((error: unknown) => void error)]);
  }
  input.end();
}

function missing(error: unknown): TenantDrError | null {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) return null;
  return new TenantDrError(
    'tool-missing',
    'This archive needs pg_restore, which is not installed. Nothing was changed.',
    {
      hint: 'Install postgresql-client, of the version that wrote the dump or newer.',
    },
  );
}

function failure(path: string, words: string): TenantDrError {
  // Where a header should be there may be rows.
  const said = words.replace(/(corrupt tar header found) in [\s\S]*/, '$1');
  if (/unsupported version/.test(said)) {
    return new TenantDrError(
      'tool-failed',
      `pg_restore is older than this archive: ${said}. Nothing was changed.`,
      {
        hint: 'Install a newer postgresql-client.',
      },
    );
  }
  return new TenantDrError(
    'backup-corrupt',
    `pg_restore cannot read ${path}: ${said}. Nothing was changed.`,
    { hint: 'Choose another backup.' },
  );
}
