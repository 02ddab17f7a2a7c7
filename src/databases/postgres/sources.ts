import type { StageRequest } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import type { Structure } from './introspect.ts';
import type { Sql } from './sql.ts';
import type { Source } from './stage.ts';
import { openLiveSource } from './stage-live.ts';

/** Opens what is to be staged. */
export async function openSource(sql: Sql, structure: Structure, request: StageRequest): Promise<Source> {
  const { source } = request;
  if (source.form === 'live') return openLiveSource(source.url);
  if (source.form === 'dump') {
    const { openDumpSource } = await import('./dump/source.ts');
    return openDumpSource(sql, structure, { ...request, source });
  }
  throw new TenantDrError(
    'backup-not-a-database',
    'This backup is of a SQLite database, not of PostgreSQL. Nothing was changed.',
    {
      hint: 'Choose a backup of the configured database.',
    },
  );
}
