import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { reasonOf, TenantDrError } from '../../errors.ts';
import { childEnvironment, type Target } from './connect.ts';
import type { CopyOptions } from './copy.ts';
import { dumpFailure, programMissing } from './dump/client-failure.ts';
import { clientProgram } from './server-programs.ts';

/** What a copy for rehearsals must not have: it would write to, or be written by, something outside. */
const cutOff = ['--no-publications', '--no-subscriptions'];

/** Fills an empty database with what another one holds, in one snapshot, without a file in between. */
export async function transfer(from: Target, to: Target, { signal, onProgress }: CopyOptions): Promise<void> {
  const stop = new AbortController();
  const ends = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const dump = start('pg_dump', ['--no-password', '--format=custom', '--compress=0', ...cutOff], from, ends);
  const rules = ['--no-owner', '--no-privileges', '--no-comments', '--no-security-labels', ...cutOff];
  const restore = start(
    'pg_restore',
    ['--no-password', '--exit-on-error', ...rules, `--dbname=${to.database}`],
    to,
    ends,
  );
  let bytes = 0;
  const counted = new Transform({
    highWaterMark: 1 << 20,
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      onProgress?.({ phase: 'copying', done: bytes, total: null, unit: 'bytes' });
      done(null, chunk);
    },
  });
  try {
    // A program that fails closes its end, and the other one's complaint is about that: both are heard first.
    await Promise.allSettled([
      pipeline(dump.child.stdout, counted, restore.child.stdin),
      dump.ended,
      restore.ended,
    ]);
    await dump.ended;
    await restore.ended;
  } catch (error) {
    if (signal?.aborted)
      throw new TenantDrError('interrupted', 'Copying was stopped; nothing is left of the copy.', {
        cause: error,
      });
    throw await firstFailure(dump, restore, error);
  } finally {
    stop.abort();
  }
}

interface Program {
  child: ReturnType<typeof spawnPiped>;
  ended: Promise<void>;
  said: () => string;
}

function spawnPiped(name: 'pg_dump' | 'pg_restore', args: string[], target: Target, signal: AbortSignal) {
  return spawn(clientProgram(name), args, {
    // A role whose transactions only read unless told otherwise may fill a copy all the same.
    env: { ...childEnvironment(target), PGOPTIONS: '-c default_transaction_read_only=off' },
    stdio: ['pipe', 'pipe', 'pipe'],
    signal,
  });
}

function start(name: 'pg_dump' | 'pg_restore', args: string[], target: Target, signal: AbortSignal): Program {
  const child = spawnPiped(name, args, target, signal);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(0, 2000);
  });
  // pg_restore prints nothing of interest there, but a full pipe would stop it.
  if (name === 'pg_restore') child.stdout.resume();
  const ended = once(child, 'close').then(([code]) => {
    if (code !== 0) throw new Error(said.trim() || `${name} ended with ${code}`);
  });
  ended.catch(() => undefined);
  return { child, ended, said: () => said.trim() };
}

/** pg_restore complains about a cut stream when pg_dump failed: what pg_dump says then is the reason. */
async function firstFailure(dump: Program, restore: Program, error: unknown): Promise<TenantDrError> {
  const [dumped] = await Promise.allSettled([dump.ended]);
  const broken = restore.said() !== '' && !/unexpected end of file|could not read/.test(restore.said());
  if (dumped.status === 'rejected' && !broken)
    return programMissing('pg_dump', dumped.reason) ?? dumpFailure(dump.said() || reasonOf(dumped.reason));
  const line = (restore.said() || reasonOf(error)).split('\n').find((text) => /error:/.test(text));
  return (
    programMissing('pg_restore', error) ??
    new TenantDrError(
      'tool-failed',
      `The copy could not be filled: ${(line ?? reasonOf(error)).replace(/: ".*"$/s, '')}. The live database was only read; the copy was dropped.`,
      {
        hint: 'A role that may install the extensions of this database, or restoring a backup into a scratch database and naming it with --database, helps.',
        cause: error,
      },
    )
  );
}
