/**
 * The 100 bytes every SQLite file starts with (https://sqlite.org/fileformat2.html, section 1.3).
 * Pure: the bytes are read by whoever may read them.
 */
export interface FileHeader {
  pageSize: number;
  /** Pages the file must have; null when a very old library wrote it and the count cannot be trusted. */
  pageCount: number | null;
  /** The file expects a write-ahead log beside it. */
  wal: boolean;
}

export const fileHeaderBytes = 100;

/** Null when the bytes are no such header. */
export function parseFileHeader(head: Buffer): FileHeader | null {
  if (head.length < fileHeaderBytes || head.toString('latin1', 0, 16) !== 'SQLite format 3\0') return null;
  const stored = head.readUInt16BE(16);
  const pageSize = stored === 1 ? 65536 : stored;
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) return null;
  const count = head.readUInt32BE(28);
  // The count is valid only if the change counter equals the number that was current when it was written.
  const trusted = count > 0 && head.readUInt32BE(24) === head.readUInt32BE(92);
  return { pageSize, pageCount: trusted ? count : null, wal: head[18] === 2 || head[19] === 2 };
}

/**
 * Marks a file image as one without a write-ahead log, in place: what leaving WAL mode writes to a file whose log
 * is empty. A staged copy in this state is readable without creating files beside it.
 */
export function leaveWalMode(head: Buffer): void {
  head[18] = 1;
  head[19] = 1;
}
