import type { FileHandle } from 'node:fs/promises';

/**
 * The most that is written in one call. For larger ones Linux looks for larger pieces of memory to cache them in, and
 * in a virtual machine those may have been given back to the host: getting them again took 0.5 to 2.3 s a gigabyte,
 * against 0.13 s in pieces of this size.
 */
const atOnce = 1 << 18;

/** Writes all of `bytes` at `at`. Rejects with the system's error, which names the file: its handle does not. */
export async function writeAt(file: FileHandle, path: string, bytes: Buffer, at: number): Promise<void> {
  try {
    for (let offset = 0; offset < bytes.length; ) {
      offset += (await file.write(bytes, offset, Math.min(bytes.length - offset, atOnce), at + offset))
        .bytesWritten;
    }
  } catch (error) {
    throw error instanceof Error ? Object.assign(error, { path }) : error;
  }
}
