import { openStream } from '../../../backups/open-stream.ts';
import type { StagedSource, StageRequest } from '../../../engine/port.ts';
import type { Structure } from '../introspect.ts';
import type { Sql } from '../sql.ts';
import type { Source } from '../stage.ts';
import { readArchive } from './archive.ts';
import { openArchiveData } from './archive-data.ts';
import { ArchiveSource } from './archive-source.ts';
import { partitionsNow } from './partitions.ts';
import { throughPgRestore } from './pg-restore.ts';
import { PlainSource } from './plain-source.ts';

type Dump = Extract<StagedSource, { form: 'dump' }>;

/**
 * Opens a dump for staging: plain SQL in one streaming pass; custom and directory archives of the versions known
 * here table by table, parents first; any other archive, tar among them, through pg_restore, as plain SQL.
 */
export async function openDumpSource(
  sql: Sql,
  structure: Structure,
  request: StageRequest & { source: Dump },
): Promise<Source> {
  const { path, format, compression, whole } = request.source;
  const partitions = await partitionsNow(sql, structure);
  const plain = (open: () => AsyncIterable<Buffer>): Source =>
    new PlainSource(open, path, structure, partitions, sql.target, whole);
  if (format === 'plain') return plain(() => openStream(path, compression, request.onProgress));
  if (compression === 'none' && format !== 'tar') {
    const archive = await readArchive(path, format);
    const data = archive.known ? await openArchiveData(path, format, archive) : null;
    if (data) return new ArchiveSource(archive, data, structure, partitions, sql.target.schema, whole);
  }
  return plain(() => throughPgRestore(path, format, compression));
}
