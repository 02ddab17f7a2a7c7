import { readdirSync, readlinkSync, readSync, realpathSync } from 'node:fs';
import { endianness } from 'node:os';

/** Where the write-ahead log ends for a reading: it shows the frames up to this one, of the log with these salts. */
export interface LogMark {
  frames: number;
  salts: string;
}

/** Of the index of the log (https://sqlite.org/walformat.html, section 2.1); it stands there twice. */
const headerBytes = 48;

/**
 * A look at the index of the log of a database this process has open: null where the system does not show it. It
 * is read through SQLite's own descriptor, because closing one of ours would drop the locks of the process.
 */
export function indexOf(path: string): (() => Buffer) | null {
  const descriptor = descriptorOf(`${realpathSync(path)}-shm`);
  if (descriptor === null) return null;
  return () => {
    const both = Buffer.alloc(2 * headerBytes);
    readSync(descriptor, both, 0, both.length, 0);
    return both;
  };
}

function descriptorOf(file: string): number | null {
  try {
    const names = readdirSync('/proc/self/fd');
    const found = names.find((name) => targetOf(`/proc/self/fd/${name}`) === file);
    return found === undefined ? null : Number(found);
  } catch (error) {
    // Systems without /proc.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function targetOf(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch (error) {
    // Closed since the folder was listed.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** What a reading shows that began while the index looked like this, before and after; null while it is written. */
export function markOf(index: Buffer): LogMark | null {
  const header = index.subarray(0, headerBytes);
  if (!header.equals(index.subarray(headerBytes))) return null;
  const frames = endianness() === 'LE' ? header.readUInt32LE(16) : header.readUInt32BE(16);
  return { frames, salts: header.toString('hex', 32, 40) };
}
