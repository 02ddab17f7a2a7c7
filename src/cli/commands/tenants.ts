import type { Config } from '../../config/schema.ts';
import { printable } from '../../engine/printable.ts';
import { reasonOf, TenantDrError } from '../../errors.ts';
import { effectivePolicy } from '../../policy/policy.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { ageText, textTable } from '../format.ts';
import { text } from '../parameters.ts';
import type { ListedTenant } from '../tenant-list.ts';
import { isCalled, listTenants, tenantForJson } from '../tenant-list.ts';
import type { FoundTenants } from '../tenant-reading.ts';
import { readTenants, readTenantsIn } from '../tenant-reading.ts';

export default command({
  effect: 'read',
  options: {
    find: text('text', 'only tenants whose name, slug, id or search column (tenants.search) holds this'),
    in: text('ref', 'look into a backup instead of the live database'),
  },
  examples: ['tenant-dr tenants --find north', 'tenant-dr tenants --in latest'],
  async run(context, { find, in: ref }) {
    const config = await context.config();
    const { tenants, counts, hits } =
      ref === undefined
        ? await liveTenants(context, config, find)
        : await tenantsIn(ref, context, config, find);
    const listed = listTenants({
      tenants,
      counts,
      hits,
      backups: await backupsOf(context, config),
      policy: effectivePolicy(config.policy),
      now: context.clock(),
    });
    // A backup speaks for itself: whom others remember is of no matter there.
    const known = ref === undefined ? listed : listed.filter((tenant) => tenant.live);
    const shown =
      find === undefined
        ? known
        : known.filter((tenant) => isCalled(tenant, find) || tenant.foundIn.length > 0);
    return { document: { tenants: shown.map(tenantForJson) }, text: textOf(shown, find, context) };
  },
});

async function liveTenants(
  context: Context,
  config: Config,
  find: string | undefined,
): Promise<FoundTenants> {
  return readTenants(await context.openDatabase(), config, find);
}

async function tenantsIn(
  ref: string,
  context: Context,
  config: Config,
  find: string | undefined,
): Promise<FoundTenants> {
  const { openBackup } = await import('../../backups/open.ts');
  const backup = await openBackup(ref, {
    config,
    signal: context.signal,
    onProgress: (progress) => context.output.progress(progress),
  });
  try {
    return await readTenantsIn(backup, context, config, find);
  } finally {
    await backup.close();
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
  const found = tenants.flatMap(({ slug, foundIn }) =>
    foundIn.length === 0 ? [] : [`${printable(slug)}: found in ${foundIn.map(printable).join(', ')}`],
  );
  return [textTable(columns, rows, output.tableWidth), '', ...found, summary].join('\n');
}

function backupText({ newestBackup, rpo }: ListedTenant): string {
  if (!newestBackup || rpo.ageSeconds === null) return 'none';
  return `${ageText(rpo.ageSeconds)} old, RPO ${ageText(rpo.limitSeconds)} ${rpo.met ? 'met' : 'NOT MET'}`;
}
