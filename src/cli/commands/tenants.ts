import type { OpenedBackup } from '../../backups/open.ts';
import type { Config } from '../../config/schema.ts';
import { classify } from '../../engine/ownership.ts';
import type { Database, Session } from '../../engine/port.ts';
import { buildShape } from '../../engine/shape.ts';
import type { Tenant } from '../../engine/tenant.ts';
import { reasonOf, TenantDrError } from '../../errors.ts';
import { effectivePolicy } from '../../policy/policy.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { ageText, textTable } from '../format.ts';
import { text } from '../parameters.ts';
import type { ListedTenant } from '../tenant-list.ts';
import { isCalled, listTenants, tenantForJson } from '../tenant-list.ts';

export default command({
  effect: 'read',
  options: {
    find: text('text', 'only tenants whose name, slug or id holds this'),
    in: text('ref', 'look into a backup instead of the live database'),
  },
  examples: ['tenant-dr tenants --find north', 'tenant-dr tenants --in latest'],
  async run(context, { find, in: ref }) {
    const config = await context.config();
    const { tenants, counts } =
      ref === undefined ? await liveTenants(context, config) : await tenantsIn(ref, context, config);
    const listed = listTenants({
      tenants,
      counts,
      backups: await backupsOf(context, config),
      policy: effectivePolicy(config.policy),
      now: context.clock(),
    });
    // A backup speaks for itself: whom others remember is of no matter there.
    const known = ref === undefined ? listed : listed.filter((tenant) => tenant.live);
    const shown = find === undefined ? known : known.filter((tenant) => isCalled(tenant, find));
    return { document: { tenants: shown.map(tenantForJson) }, text: textOf(shown, find, context) };
  },
});

interface Found {
  tenants: Tenant[];
  counts: Record<string, Record<string, number>> | null;
}

async function liveTenants(context: Context, config: Config): Promise<Found> {
  return readTenants(await context.openDatabase(), config);
}

async function readTenants(database: Database, config: Config): Promise<Found> {
  const session = await database.open({ mode: 'read' });
  try {
    const tenants = await session.tenants(config.tenants);
    return { tenants, counts: await session.countAll(await shapeOf(session, config)) };
  } finally {
    await session.close();
  }
}

async function shapeOf(session: Session, config: Config) {
  const schema = await session.schema();
  return buildShape(schema, classify(schema, config), config, { mode: 'exact' });
}

/** A backup of one file is a database of its own; what can only be staged says who is in it, not how much. */
async function tenantsIn(ref: string, context: Context, config: Config): Promise<Found> {
  const { openBackup } = await import('../../backups/open.ts');
  const { databaseAt } = await import('../../databases/open.ts');
  const backup = await openBackup(ref, {
    config,
    signal: context.signal,
    onProgress: (progress) => context.output.progress(progress),
  });
  try {
    const { source } = backup;
    if (source.form === 'database-file')
      return await readTenants(await databaseAt(`sqlite:${source.path}`), config);
    if (source.form === 'live') return await readTenants(await databaseAt(source.url), config);
    return await stagedTenants(backup, context, config);
  } finally {
    await backup.close();
  }
}

async function stagedTenants(backup: OpenedBackup, context: Context, config: Config): Promise<Found> {
  const database = await context.openDatabase();
  const session = await database.open({ mode: 'read' });
  try {
    const staged = await session.stage({
      source: backup.source,
      columns: config.tenants,
      shape: await shapeOf(session, config),
      tenants: [],
    });
    return { tenants: staged.tenants, counts: null };
  } finally {
    await session.close();
  }
}

/** Without backups the list still stands: who has none is what one wants to know. */
async function backupsOf(context: Context, config: Config) {
  const { listBackups } = await import('../../backups/catalogue.ts');
  try {
    return await listBackups(config);
  } catch (error) {
    if (!(error instanceof TenantDrError)) throw error;
    context.output.warn(reasonOf(error), error.hint);
    return [];
  }
}

function textOf(tenants: ListedTenant[], find: string | undefined, { output }: Context): string {
  if (tenants.length === 0) return find === undefined ? 'No tenants.' : 'No tenant found.';
  const columns = [
    { title: 'tenant' },
    { title: 'id', align: 'right' as const },
    { title: 'name' },
    { title: 'tier' },
    { title: 'status' },
    { title: 'rows', align: 'right' as const },
    { title: 'newest backup' },
  ];
  const rows = tenants.map((tenant) => [
    tenant.slug,
    tenant.id.text,
    tenant.name === tenant.slug ? '' : tenant.name,
    tenant.unknownTier === undefined ? tenant.tier : `${tenant.tier} (${tenant.unknownTier}?)`,
    tenant.live ? (tenant.status ?? '') : 'only in backups',
    tenant.rows === null ? '' : String(tenant.rows),
    backupText(tenant),
  ]);
  const late = tenants.filter((tenant) => !tenant.rpo.met).length;
  const summary = `${tenants.length} ${tenants.length === 1 ? 'tenant' : 'tenants'}; RPO ${late === 0 ? 'met for all' : `not met for ${late}`}.`;
  return `${textTable(columns, rows, output.tableWidth)}\n\n${summary}`;
}

function backupText({ newestBackup, rpo }: ListedTenant): string {
  if (!newestBackup || rpo.ageSeconds === null) return 'none';
  return `${ageText(rpo.ageSeconds)} old, RPO ${ageText(rpo.limitSeconds)} ${rpo.met ? 'met' : 'NOT MET'}`;
}
