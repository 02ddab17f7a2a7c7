import { damaged, openStream } from '../../../backups/open-stream.ts';
import type { OnProgress } from '../../../engine/port.ts';
import { TenantDrError } from '../../../errors.ts';
import { readTarget } from '../connect.ts';
import { newline, tab } from './copy-text.ts';
import { DdlReader } from './ddl.ts';
import type { PlacedName } from './partitions.ts';
import { placeOf } from './partitions.ts';
import { throughPgRestore } from './pg-restore.ts';
import { readPlain } from './plain.ts';

export interface CountRequest {
  path: string;
  format: 'custom' | 'directory' | 'tar' | 'plain';
  compression: 'none' | 'gzip' | 'zstd';
  /** Address of the live database: it says which schema the tables are in, and which part of a cluster's dump counts. */
  url: string | undefined;
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
 * Rejects with backup-truncated, backup-corrupt, backup-without-tenant, tool-missing, tool-failed, interrupted.
 */
export async function countDump(request: CountRequest): Promise<Map<string, number>> {
  const { path, format, compression, url, signal, onProgress } = request;
  const target = readTarget(url ?? 'postgres://');
  const ddl = new DdlReader(target.schema);
  const counts = new Map<string, Count>();
  const stream =
    format === 'plain'
      ? openStream(path, compression, onProgress)
      : throughPgRestore(path, format, compression);
  let table: PlacedName | null = null;
  let columns = 0;
  let seen = { rows: 0, tabs: 0 };
  for await (const event of readPlain(stream, path, url === undefined ? null : target.database)) {
    if (signal?.aborted) throw new TenantDrError('interrupted', 'Stopped; nothing was changed.');
    if (event.type === 'statement') ddl.read(event.text);
    else if (event.type === 'copy') {
      table = ddl.placed(event.header);
      columns = event.header.columns.length;
      seen = { rows: 0, tabs: 0 };
      if (!counts.has(placeOf(table))) counts.set(placeOf(table), { block: table, rows: 0 });
    } else if (event.type === 'data') look(event.bytes, seen);
    else if (event.type === 'end' && table !== null) {
      if (columns > 0 && seen.tabs !== seen.rows * (columns - 1))
        throw damaged(path, `rows of "${table.name}" do not have its ${columns} columns`);
      (counts.get(placeOf(table)) as Count).rows += seen.rows;
    }
  }
  return byTable(counts.values(), ddl);
}

/** A row of COPY text is a line, a tab stands between two values: within a value both are escaped. */
function look(bytes: Buffer, seen: { rows: number; tabs: number }): void {
  let [rows, tabs] = [0, 0];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    // One comparison for nearly every byte.
    if (byte > newline) continue;
    if (byte === tab) tabs++;
    else if (byte === newline) rows++;
  }
  seen.rows += rows;
  seen.tabs += tabs;
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
