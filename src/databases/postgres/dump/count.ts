import { openStream } from '../../../backups/open-stream.ts';
import type { OnProgress } from '../../../engine/port.ts';
import { TenantDrError } from '../../../errors.ts';
import { readTarget } from '../connect.ts';
import { newline } from './copy-text.ts';
import { DdlReader } from './ddl.ts';
import type { PlacedName } from './partitions.ts';
import { placeOf } from './partitions.ts';
import { throughPgRestore } from './pg-restore.ts';
import { readPlain } from './plain.ts';

export interface CountRequest {
  path: string;
  format: 'custom' | 'directory' | 'tar' | 'plain';
  compression: 'none' | 'gzip' | 'zstd';
  /** Address of the live database: it says which schema the tables are in. */
  url: string;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

interface Count {
  block: PlacedName;
  rows: number;
}

/**
 * Reads a dump to its very end and counts the rows of every table (those of partitions under their root). Archives
 * are read by pg_restore, because it decodes large objects and checks the table of contents too.
 * Rejects with backup-truncated, backup-corrupt, tool-missing, tool-failed, interrupted.
 */
export async function countDump(request: CountRequest): Promise<Map<string, number>> {
  const { path, format, compression, url, signal, onProgress } = request;
  const ddl = new DdlReader(readTarget(url).schema);
  const counts = new Map<string, Count>();
  const stream =
    format === 'plain'
      ? openStream(path, compression, onProgress)
      : throughPgRestore(path, format, compression);
  let table: PlacedName | null = null;
  for await (const event of readPlain(stream, path)) {
    if (signal?.aborted) throw new TenantDrError('interrupted', 'Stopped; nothing was changed.');
    if (event.type === 'statement') ddl.read(event.text);
    else if (event.type === 'copy') {
      table = ddl.placed(event.header);
      if (!counts.has(placeOf(table))) counts.set(placeOf(table), { block: table, rows: 0 });
    } else if (event.type === 'data' && table !== null) {
      const count = counts.get(placeOf(table)) as Count;
      count.rows += linesIn(event.bytes);
    }
  }
  return byTable(counts.values(), ddl);
}

/** A row of COPY text is a line: a newline within a value is escaped. */
function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines++;
  return lines;
}

/** A partition may be attached after its rows came: only the whole dump says where they belong. */
function byTable(counts: Iterable<Count>, ddl: DdlReader): Map<string, number> {
  const tables = new Map<string, number>();
  for (const { block, rows } of counts) {
    const table = ddl.tableOf(block);
    if (table !== null) tables.set(table, (tables.get(table) ?? 0) + rows);
  }
  return tables;
}
