import { open } from 'node:fs/promises';

/** The committed part of a write-ahead log (https://sqlite.org/fileformat2.html, section 4). */
export interface WalContent {
  pageSize: number;
  /** Pages of the database after the last commit in the log; null when the log holds no commit. */
  pageCount: number | null;
  /** How many frames were right, committed or not. */
  frames: number;
  /** Page number → where its newest committed content starts in the log file. */
  pages: Map<number, number>;
  /** Changes when the log is started over. */
  salts: string;
}

const headerBytes = 32;
const frameHeaderBytes = 24;

/**
 * Reads a private copy of a log up to its last commit: frames count only while their salts and running checksums
 * are right, so half-written ones and leftovers of an earlier round are passed over. At most the first `frames`.
 */
export async function readWal(path: string, frames = Infinity): Promise<WalContent | null> {
  const file = await open(path, 'r');
  try {
    const header = Buffer.alloc(headerBytes);
    if ((await file.read(header, 0, headerBytes, 0)).bytesRead < headerBytes) return null;
    const magic = header.readUInt32BE(0);
    if (magic !== 0x377f0682 && magic !== 0x377f0683) return null;
    const pageSize = header.readUInt32BE(8);
    const running = new RunningChecksum(magic === 0x377f0683);
    running.add(header, 0, 24);
    if (!running.equals(header, 24)) return null;
    const salts = saltsOf(header);
    const content: WalContent = { pageSize, pageCount: null, frames: 0, pages: new Map(), salts };
    const frame = Buffer.alloc(frameHeaderBytes + pageSize);
    let sinceCommit: [number, number][] = [];
    for (let at = headerBytes, n = 1; n <= frames; at += frame.length, n++) {
      if ((await file.read(frame, 0, frame.length, at)).bytesRead < frame.length) return content;
      if (frame.toString('hex', 8, 16) !== salts) return content;
      running.add(frame, 0, 8);
      running.add(frame, frameHeaderBytes, frame.length);
      if (!running.equals(frame, 16)) return content;
      content.frames = n;
      sinceCommit.push([frame.readUInt32BE(0), at + frameHeaderBytes]);
      const pagesAfterCommit = frame.readUInt32BE(4);
      if (pagesAfterCommit === 0) continue;
      for (const [page, offset] of sinceCommit) content.pages.set(page, offset);
      content.pageCount = pagesAfterCommit;
      sinceCommit = [];
    }
    return content;
  } finally {
    await file.close();
  }
}

/** The salts in a log's header, as they stand in the file right now; '' when there is no header. */
export function saltsOf(header: Buffer): string {
  return header.length < headerBytes ? '' : header.toString('hex', 16, 24);
}

/** SQLite's checksum: two sums over pairs of 32-bit words, in the byte order the log names. */
class RunningChecksum {
  #first = 0;
  #second = 0;
  readonly #bigEndian: boolean;

  constructor(bigEndian: boolean) {
    this.#bigEndian = bigEndian;
  }

  add(bytes: Buffer, from: number, to: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const little = !this.#bigEndian;
    let first = this.#first;
    let second = this.#second;
    for (let at = from; at < to; at += 8) {
      first = (first + view.getUint32(at, little) + second) >>> 0;
      second = (second + view.getUint32(at + 4, little) + first) >>> 0;
    }
    this.#first = first;
    this.#second = second;
  }

  equals(bytes: Buffer, at: number): boolean {
    return bytes.readUInt32BE(at) === this.#first && bytes.readUInt32BE(at + 4) === this.#second;
  }
}
