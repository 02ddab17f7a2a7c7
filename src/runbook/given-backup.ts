import { type ChangeDeps, Workbench } from '../actions/change.ts';
import { refInFull } from '../backups/refs.ts';
import type { Config } from '../config/schema.ts';
import { requireInBackup } from '../engine/planning.ts';
import type { Database, OnProgress } from '../engine/port.ts';
import type { Tenant } from '../engine/tenant.ts';

interface Where {
  config: Config;
  database: Database;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * The backup a run was given, in words that last (see `refInFull`). It was read to its end, comes from this database
 * and holds the tenant: a bad one is found before anybody is suspended. Rejects as `Workbench.open` does, and with
 * backup-without-tenant; nothing is written.
 */
export async function soundBackup(ref: string, tenant: Tenant, where: Where): Promise<string> {
  const { config, database, onProgress } = where;
  const signal = where.signal ?? new AbortController().signal;
  const looking: ChangeDeps = {
    ...{ config, database, mode: 'dry-run', signal },
    progress: ({ unit, ...rest }) => unit !== 'seconds' && onProgress?.({ ...rest, unit }),
    output: () => undefined,
  };
  const bench = await Workbench.open(looking, ref, undefined, () => [tenant.id]);
  try {
    requireInBackup(bench.change(tenant).tenant, bench.backup.whole);
    await bench.backup.confirmed;
    return refInFull(bench.backup);
  } finally {
    await bench.close();
  }
}
