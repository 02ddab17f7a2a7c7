import { stat } from 'node:fs/promises';
import { fileBytes, giveBack } from '../databases/streams.ts';
import type { OnProgress } from '../engine/port.ts';
import { TenantDrError } from '../errors.ts';
import { decompress } from './decompress.ts';
import type { Compression } from './formats.ts';

/**
 * What a backup file holds, decompressed, to its very end: whatever is cut or damaged is an error, never a short read.
 * A chunk is valid until the next one is asked for. Rejects with backup-truncated, backup-corrupt, backup-missing or
 * permission-denied, naming the file.
 */
export async function* openStream(
  path: string,
  compression: Compression,
  onProgress?: OnProgress,
): AsyncGenerator<Buffer> {
  const chunks = counted(path, onProgress);
  try {
    for await (const chunk of decompress(compression, chunks, (await stat(path)).size)) {
      yield chunk;
      if (compression !== 'none') giveBack(chunk);
    }
  } catch (error) {
    throw naming(path, error);
  } finally {
    // A decoder that stops early leaves the file open.
    await chunks.return(undefined);
  }
}

async function* counted(path: string, onProgress: OnProgress | undefined): AsyncGenerator<Buffer> {
  const { size } = await stat(path);
  let done = 0;
  for await (const chunk of fileBytes(path)) {
    done += chunk.length;
    onProgress?.({ phase: 'staging', done, total: size, unit: 'bytes' });
    yield chunk;
  }
}

function naming(path: string, error: unknown): unknown {
  const cause = { cause: error };
  if (error instanceof TenantDrError && error.code.startsWith('backup-')) {
    const hint = error.hint ?? 'Choose another backup.';
    return new TenantDrError(error.code, `${path}: ${error.message}`, { ...cause, hint, facts: error.facts });
  }
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'ENOENT') return new TenantDrError('backup-missing', `There is no file ${path}.`, cause);
  if (code === 'EACCES') return new TenantDrError('permission-denied', `${path} cannot be read.`, cause);
  return error;
}

/** The file ends before what stands in it does. */
export function truncated(path: string, cause?: unknown): TenantDrError {
  return new TenantDrError('backup-truncated', `${path} ends too early: it was cut off.`, {
    hint: 'Choose another backup.',
    cause,
  });
}

/** What stands in the file cannot be what was written into it. */
export function damaged(path: string, what: string, cause?: unknown): TenantDrError {
  return new TenantDrError('backup-corrupt', `${path} is damaged: ${what}. Nothing was changed.`, {
    hint: 'Choose another backup.',
    cause,
  });
}
