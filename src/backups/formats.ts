import { sliceMark } from '../databases/postgres/slice-marks.ts';

/** What a backup file is, told by its first bytes: names lie, and people rename files at 3 a.m. */

export type Compression = 'none' | 'gzip' | 'zstd';

/** What stands in the file once it is decompressed. */
export type Content =
  | 'database-file'
  | 'dump-custom'
  | 'dump-plain'
  | 'dump-directory'
  /** An archive of pg_dump in tar format. */
  | 'dump-tar'
  | 'tar'
  /** SQL text that is not a PostgreSQL dump, such as the shell's `.dump`. */
  | 'sql-text';

/** What pg_dump calls its formats. */
export const dumpFormats = {
  'dump-custom': 'custom',
  'dump-plain': 'plain',
  'dump-directory': 'directory',
  'dump-tar': 'tar',
} as const;

export function isDumpContent(content: Content): content is keyof typeof dumpFormats {
  return content in dumpFormats;
}

/** What to do with a file in which a database may well be, but not as one. */
export function wayToDatabase(content: Content): string {
  if (content === 'sql-text') return 'load it into a new database file first, and name that file';
  return 'take the database file out of it and name that file';
}

const packings: [mark: string, unpack: string][] = [
  ['PK\x03\x04', 'unzip'],
  ['\xfd7zXZ\0', 'xz -d'],
  ['BZh', 'bzip2 -d'],
  ['7z\xbc\xaf\x27\x1c', '7z x'],
  ['\x04\x22\x4d\x18', 'lz4 -d'],
  ['Salted__', 'openssl enc -d'],
  ['age-encryption.org', 'age -d'],
  ['-----BEGIN PGP', 'gpg -d'],
];

/** The command that unpacks or decrypts what this tool does not, told by the first bytes. */
export function unpackerOf(head: Buffer): string | undefined {
  return packings.find(([mark]) => head.subarray(0, mark.length).toString('latin1') === mark)?.[1];
}

/** How many bytes `contentOf` needs to be sure: the tar mark stands at 257. */
export const headBytes = 4096;

const databaseMark = Buffer.from('SQLite format 3\0', 'latin1');

export function compressionOf(head: Buffer): Compression {
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return 'zstd';
  return skippedBytes(head) > 0 ? 'zstd' : 'none';
}

/** Length of the skippable zstd frame that begins here, else 0. Programs that compress in parallel put one before the data. */
export function skippedBytes(head: Buffer): number {
  if (head.length < 8) return 0;
  const magic = head.readUInt32LE(0);
  return magic >= 0x184d2a50 && magic <= 0x184d2a5f ? 8 + head.readUInt32LE(4) : 0;
}

/** Null when it is none of the things this tool can read. */
export function contentOf(head: Buffer): Content | null {
  if (head.length >= databaseMark.length && head.subarray(0, databaseMark.length).equals(databaseMark)) {
    return 'database-file';
  }
  if (head.subarray(0, 5).toString('latin1') === 'PGDMP') return 'dump-custom';
  if (head.length >= 262 && head.subarray(257, 262).toString('latin1') === 'ustar')
    return head.subarray(0, 8).toString('latin1') === 'toc.dat\0' ? 'dump-tar' : 'tar';
  return textContent(head);
}

function textContent(head: Buffer): Content | null {
  const text = head.subarray(0, headBytes).toString('latin1');
  if (text.includes('\0')) return null;
  // Its second line alone, the schema, may be longer than what is looked at.
  if (text.startsWith(sliceMark)) return 'dump-plain';
  if (/^-- PostgreSQL database (cluster )?dump/m.test(text)) return 'dump-plain';
  if (/^(COPY\s.+\sFROM stdin;|SET statement_timeout\b|SELECT pg_catalog\.)/m.test(text)) return 'dump-plain';
  if (/^\s*(--|PRAGMA\b|BEGIN\b|CREATE\b|INSERT\b|SET\b)/i.test(text)) return 'sql-text';
  return null;
}
