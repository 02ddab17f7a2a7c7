import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openStream } from '../../../backups/open-stream.ts';
import { reasonOf, TenantDrError } from '../../../errors.ts';

/** An archive our own reader does not know, as plain SQL, by way of the client tools. */
export async function* throughPgRestore(
  path: string,
  format: 'custom' | 'directory' | 'tar',
  compression: 'none' | 'gzip' | 'zstd',
): AsyncGenerator<Buffer> {
  const piped = compression !== 'none';
  const args = ['--format', format, '--no-owner', '--no-privileges', '--file', '-', ...(piped ? [] : [path])];
  const child = spawn('pg_restore', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2000);
  });
  const ended = once(child, 'close');
  ended.catch((error: unknown) => void error);
  let feeding: Promise<void> = Promise.resolve();
  if (piped) feeding = pipeline(copied(openStream(path, compression)), child.stdin);
  else child.stdin.end();
  feeding.catch((error: unknown) => void error);
  try {
    yield* child.stdout as Readable as AsyncIterable<Buffer>;
    const [code] = (await ended) as [number | null];
    if (code === 0) await feeding;
    else throw failure(path, said.trim() || `it ended with ${code}`);
  } catch (error) {
    if (error instanceof TenantDrError) throw error;
    throw missing(error) ?? failure(path, reasonOf(error));
  } finally {
    if (child.exitCode === null) child.kill();
  }
}

/** A pipe keeps what it is given until the program takes it. */
async function* copied(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
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

function failure(path: string, said: string): TenantDrError {
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
