import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { damaged, truncated } from '../../../backups/open-stream.ts';
import { TenantDrError } from '../../../errors.ts';

/** An entry of an archive's table of contents. */
export interface ArchiveEntry {
  id: number;
  tag: string;
  /** TABLE, TABLE DATA, CONSTRAINT, … */
  kind: string;
  definition: string;
  copyStatement: string;
  schema: string;
  /** Custom format: position of the data; null when the writer could not seek back to note it. Directory: file name. */
  position: number | null;
  hasData: boolean;
  file: string | null;
}

export interface Archive {
  /** 1.12 to 1.16 are read here, bare or in gzip; anything else goes through pg_restore. */
  version: string;
  known: boolean;
  compressed: boolean;
  intSize: number;
  database: string;
  encoding: string;
  entries: ArchiveEntry[];
  /** Where data begins. */
  end: number;
}

/** Half a million tables. */
const longestContents = 1 << 28;

/** Reads the table of contents of a custom archive, or of `toc.dat` in a directory. */
export async function readArchive(path: string, format: 'custom' | 'directory'): Promise<Archive> {
  const toc = format === 'custom' ? path : join(path, 'toc.dat');
  const file = await open(toc, 'r');
  try {
    // How long the table of contents is shows only while reading it.
    for (let size = 1 << 20; ; size *= 4) {
      const buffer = Buffer.alloc(size);
      const { bytesRead } = await file.read(buffer, 0, size, 0);
      try {
        return parse(new Reader(buffer.subarray(0, bytesRead), path), path, format);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        if (bytesRead < size) throw truncated(path, error);
        // A damaged length would have all of a large file read into memory.
        if (size >= longestContents) throw damaged(path, 'its table of contents does not end', error);
      }
    }
  } finally {
    await file.close();
  }
}

/** What the table of contents says it belongs to: that of a directory is written as a tar's. */
const formatNumbers = { custom: 1, directory: 3 };

function parse(reader: Reader, path: string, expected: 'custom' | 'directory'): Archive {
  if (reader.bytes(5).toString('latin1') !== 'PGDMP') {
    throw new TenantDrError('backup-corrupt', `${path} is no archive of pg_dump.`, {
      hint: 'Choose another backup.',
    });
  }
  const [major, minor] = [reader.byte(), reader.byte()];
  reader.byte();
  const version = `${major}.${minor}`;
  if (major !== 1 || minor < 12 || minor > 16) {
    return unknown(version);
  }
  reader.intSize = reader.byte();
  const offsetSize = reader.byte();
  const format = reader.byte();
  // Until 1.14 the level of gzip, 0 for none; then which compression: 0 none, 1 gzip, 2 lz4, 3 zstd.
  const compression = minor >= 15 ? reader.byte() : Math.min(Math.abs(reader.int()), 1);
  for (let i = 0; i < 7; i++) reader.int();
  const database = reader.text() ?? '';
  reader.text();
  reader.text();
  if (format !== formatNumbers[expected]) return unknown(version);
  const entries: ArchiveEntry[] = [];
  const ids = new Set<number>();
  for (let left = reader.int(); left > 0; left--) {
    const entry = readEntry(reader, minor, offsetSize, expected === 'custom');
    if (entry.id <= 0 || ids.has(entry.id)) throw reader.damaged();
    ids.add(entry.id);
    entries.push(entry);
  }
  if (expected === 'directory' && !reader.atEnd) throw reader.damaged();
  const encoding =
    entries.find((entry) => entry.kind === 'ENCODING')?.definition.match(/'([\w-]+)'/)?.[1] ?? 'UTF8';
  return {
    version,
    known: compression <= 1,
    compressed: compression !== 0,
    intSize: reader.intSize,
    database,
    encoding,
    entries,
    end: reader.at,
  };
}

function unknown(version: string): Archive {
  return {
    version,
    known: false,
    compressed: false,
    intSize: 4,
    database: '',
    encoding: 'UTF8',
    entries: [],
    end: 0,
  };
}

function readEntry(reader: Reader, minor: number, offsetSize: number, custom: boolean): ArchiveEntry {
  const id = reader.int();
  const hasDumper = reader.int() !== 0;
  reader.text();
  reader.text();
  const tag = reader.text() ?? '';
  const kind = reader.text() ?? '';
  reader.int();
  const definition = reader.text() ?? '';
  reader.text();
  const copyStatement = reader.text() ?? '';
  const schema = reader.text() ?? '';
  reader.text();
  if (minor >= 14) reader.text();
  if (minor >= 16) reader.int();
  reader.text();
  reader.text();
  while (reader.text() !== null);
  const entry = { id, tag, kind, definition, copyStatement, schema };
  if (!custom) {
    const file = reader.text();
    return { ...entry, position: null, hasData: hasDumper && file !== null && file !== '', file };
  }
  // 1: position not noted, 2: noted, 3: no data.
  const state = reader.byte();
  if (state < 1 || state > 3) throw reader.damaged();
  const position = reader.unsigned(offsetSize);
  return { ...entry, position: state === 2 ? position : null, hasData: hasDumper && state !== 3, file: null };
}

/** Numbers and texts as pg_dump writes them. Reading past the end throws RangeError. */
class Reader {
  at = 0;
  intSize = 4;
  private readonly buffer: Buffer;
  private readonly path: string;

  constructor(buffer: Buffer, path: string) {
    this.buffer = buffer;
    this.path = path;
  }

  get atEnd(): boolean {
    return this.at === this.buffer.length;
  }

  damaged(): TenantDrError {
    return damaged(this.path, `its table of contents makes no sense before byte ${this.at}`);
  }

  bytes(length: number): Buffer {
    const from = this.skip(length);
    return this.buffer.subarray(from, this.at);
  }

  /** Where the skipped bytes begin. */
  private skip(length: number): number {
    if (this.at + length > this.buffer.length) throw new RangeError('past the end');
    this.at += length;
    return this.at - length;
  }

  byte(): number {
    return this.unsigned(1);
  }

  /** A sign byte, then the bytes of the number, least significant first. */
  int(): number {
    const sign = this.byte();
    if (sign > 1) throw this.damaged();
    const value = this.unsigned(this.intSize);
    return sign === 0 ? value : -value;
  }

  /** The first six bytes count: more than any file has. */
  unsigned(size: number): number {
    return this.buffer.readUIntLE(this.skip(size), Math.min(size, 6));
  }

  /** A length, then UTF-8; a length of -1 is NULL. */
  text(): string | null {
    const length = this.int();
    if (length < -1) throw this.damaged();
    return length < 0 ? null : this.bytes(length).toString('utf8');
  }
}
