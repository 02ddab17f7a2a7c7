import type { OpenedBackup } from '../backups/open.ts';
import type { Config } from '../config/schema.ts';
import { classify } from '../engine/ownership.ts';
import type { Database, Session } from '../engine/port.ts';
import { buildShape } from '../engine/shape.ts';
import type { SliceShape } from '../engine/slice.ts';
import type { Tenant, TenantId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { Context } from './context.ts';

/** Tenants as one database has them. */
export interface FoundTenants {
  tenants: Tenant[];
  /** Rows by table and tenant id. */
  counts: Record<string, Record<string, number>> | null;
  /** Whose rows hold the text that was looked for, and in which column. */
  hits: { tenant: TenantId; column: string }[];
}

/** More rows than this for one text are no help in finding a customer. */
const searchLimit = 1000;

/** Reads a database by itself. `find` is looked for in the columns of tenants.search. */
export async function readTenants(
  database: Database,
  config: Config,
  find: string | undefined,
): Promise<FoundTenants> {
  const session = await database.open({ mode: 'read' });
  try {
    const tenants = await session.tenants(config.tenants);
    const shape = await shapeOf(session, config);
    const hits = find === undefined ? [] : await search(session, shape, config.tenants.search, find);
    return { tenants, counts: await session.countAll(shape), hits };
  } finally {
    await session.close();
  }
}

/** Reads what a backup holds: a file is a database of its own; a dump is read beside the configured database. */
export async function readTenantsIn(
  backup: OpenedBackup,
  context: Context,
  config: Config,
  find: string | undefined,
): Promise<FoundTenants> {
  const { databaseAt } = await import('../databases/open.ts');
  const { source } = backup;
  if (source.form === 'database-file')
    return readTenants(await databaseAt(`sqlite:${source.path}`), config, find);
  if (source.form === 'live') return readTenants(await databaseAt(source.url), config, find);
  const { readStagedSlices } = await import('../backups/staged-slices.ts');
  const slices = await readStagedSlices(await context.openDatabase(), config, source, (all) => all);
  const counts: NonNullable<FoundTenants['counts']> = {};
  for (const { tenant, rows } of slices) {
    for (const [table, count] of Object.entries(rows))
      counts[table] = { ...counts[table], [tenant.id.text]: count };
  }
  return { tenants: slices.map(({ tenant }) => tenant), counts, hits: [] };
}

async function shapeOf(session: Session, config: Config): Promise<SliceShape> {
  const schema = await session.schema();
  return buildShape(schema, classify(schema, config), config, { mode: 'exact' });
}

async function search(
  session: Session,
  shape: SliceShape,
  columns: string[],
  text: string,
): Promise<FoundTenants['hits']> {
  const hits: FoundTenants['hits'] = [];
  for (const place of columns) {
    const dot = place.lastIndexOf('.');
    const [table, column] = [place.slice(0, dot), place.slice(dot + 1)];
    if (dot < 1 || column === '') {
      throw new TenantDrError(
        'config-invalid',
        `tenants.search names "${place}", which is not table.column`,
        {
          hint: 'write it as admin_users.email',
        },
      );
    }
    const found = await session.search({ shape, table, column, text, limit: searchLimit });
    hits.push(...found.map(({ tenant }) => ({ tenant, column: place })));
  }
  return hits;
}
