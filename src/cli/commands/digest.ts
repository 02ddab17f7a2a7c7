import { digestAlgorithm } from '../../backups/contents.ts';
import type { Config } from '../../config/schema.ts';
import { sliceDigest } from '../../engine/digest.ts';
import { classify, requireClassified } from '../../engine/ownership.ts';
import type { Database, Session, StagedSource, TableDigest } from '../../engine/port.ts';
import { printable } from '../../engine/printable.ts';
import { buildShape } from '../../engine/shape.ts';
import type { SliceShape } from '../../engine/slice.ts';
import { eachOnce, idForJson, type Tenant } from '../../engine/tenant.ts';
import { TenantDirectory } from '../../engine/tenants.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { textTable } from '../format.ts';
import { many, text } from '../parameters.ts';

/** Beyond this many tenants one scan of every table is cheaper than a slice each. */
const fewTenants = 20;

export default command({
  effect: 'read',
  arguments: { tenants: many('tenant', 'id or slug; all tenants when none is named') },
  options: { in: text('ref', 'of a backup instead of the live database') },
  examples: ['tenant-dr digest northwind', 'tenant-dr digest --in latest'],
  async run(context, { tenants: named, in: ref }) {
    const config = await context.config();
    if (ref === undefined)
      return resultOf(await digests(await context.openDatabase(config), config, named, context), context);
    const { openBackup } = await import('../../backups/open.ts');
    const backup = await openBackup(ref, {
      config,
      signal: context.signal,
      onProgress: (progress) => context.output.progress(progress),
    });
    try {
      const found = await digestsIn(backup.source, config, named, context);
      await backup.confirmed;
      return resultOf(found, context);
    } finally {
      await backup.close();
    }
  },
});

interface TenantDigest {
  tenant: Tenant;
  digest: string;
  tables: Record<string, TableDigest>;
}

/** A file and a live database are read by themselves, a dump beside the configured database. */
async function digestsIn(
  source: StagedSource,
  config: Config,
  named: string[],
  context: Context,
): Promise<TenantDigest[]> {
  const { databaseAt } = await import('../../databases/open.ts');
  if (source.form === 'database-file')
    return digests(await databaseAt(`sqlite:${source.path}`), config, named, context);
  if (source.form === 'live') return digests(await databaseAt(source.url), config, named, context);
  const { readStagedSlices } = await import('../../backups/staged-slices.ts');
  const slices = await readStagedSlices(
    await context.openDatabase(config),
    config,
    source,
    (tenants) => chosen(named, tenants),
    (progress) => context.output.progress(progress),
  );
  return slices.map(({ tenant, digest }) => ({ tenant, ...digest }));
}

function chosen(named: string[], all: Tenant[]): Tenant[] {
  if (named.length === 0) return all;
  const directory = new TenantDirectory(all, []);
  return eachOnce(
    named.map((text) => directory.find(text)),
    ({ id }) => id,
  );
}

async function digests(
  database: Database,
  config: Config,
  named: string[],
  context: Context,
): Promise<TenantDigest[]> {
  const session = await database.open({ mode: 'read' });
  try {
    const schema = await session.schema();
    const ownership = classify(schema, config);
    requireClassified(ownership);
    const shape = buildShape(schema, ownership, config, { mode: 'exact', verbatim: true });
    const all = await session.tenants(config.tenants);
    const wanted = chosen(named, all);
    const scan = wanted.length > fewTenants;
    await session.beginRead(scan ? undefined : shape);
    if (scan) return await byScan(session, shape, wanted, context);
    const found: TenantDigest[] = [];
    for (const tenant of wanted) {
      await session.collect({ shape, tenant: tenant.id, staged: 'none', status: null });
      found.push({ tenant, ...(await session.digest('live')) });
    }
    return found;
  } finally {
    await session.close();
  }
}

async function byScan(
  session: Session,
  shape: SliceShape,
  wanted: Tenant[],
  context: Context,
): Promise<TenantDigest[]> {
  const scanned = await session.digestAll(shape, (progress) => context.output.progress(progress));
  return wanted.map((tenant) => {
    const tables = Object.fromEntries(
      Object.entries(scanned).flatMap(([table, tenants]) => {
        const own = tenants[tenant.id.text];
        return own ? [[table, own] as const] : [];
      }),
    );
    return { tenant, ...sliceDigest(tables) };
  });
}

function resultOf(found: TenantDigest[], context: Context) {
  const rows = found.map(({ tenant, digest, tables }) => [
    printable(tenant.slug),
    String(Object.values(tables).reduce((sum, table) => sum + table.rows, 0)),
    digest,
  ]);
  return {
    document: {
      algorithm: digestAlgorithm,
      tenants: found.map(({ tenant, digest, tables }) => ({
        id: idForJson(tenant.id),
        slug: tenant.slug,
        digest,
        tables: Object.fromEntries(Object.entries(tables).filter(([, table]) => table.rows > 0)),
      })),
    },
    text: textTable(
      [{ title: 'tenant' }, { title: 'rows', align: 'right' }, { title: 'digest' }],
      rows,
      context.output.tableWidth,
    ),
  };
}
