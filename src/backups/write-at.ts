import type { FileHandle } from 'node:fs/promises';

/** Writes all of `bytes` at `at`. Rejects with the system's error, which names the file: its handle does not. */
export async function writeAt(file: FileHandle, path: string, bytes: Buffer, at: number): Promise<void> {
  try {
    for (let offset = 0; offset < bytes.length; ) {
      offset += (await file.write(bytes, offset, bytes.length - offset, at + offset)).bytesWritten;
    }
  } catch (error) {
    throw error instanceof Error ? Object.assign(error, { path }) : error;
  }
}
