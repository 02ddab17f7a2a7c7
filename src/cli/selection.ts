import type { Workbench } from '../actions/change.ts';
import { own } from '../engine/own.ts';
import { classify } from '../engine/ownership.ts';
import { buildShape } from '../engine/shape.ts';
import { eachOnce } from '../engine/tenant.ts';
import type { FoundTenant } from '../engine/tenants.ts';
import { TenantDrError } from '../errors.ts';
import { byTier, type Tier } from '../policy/tiers.ts';
import type { Context } from './context.ts';
import { type NamedLine, readTenantsFile } from './tenants-file.ts';

interface Selection {
  tenants: string[];
  tier: Tier | undefined;
  tenantsFile: string | undefined;
  missing: boolean;
}

/** The tenants a restore is for, highest tier first. Throws usage when none is named, tenant-unknown and friends. */
export async function selectTenants(
  bench: Workbench,
  selection: Selection,
  context: Context,
): Promise<FoundTenant[]> {
  const { tier, tenantsFile: file } = selection;
  const chosen = [
    selection.tenants.map((name) => bench.directory.find(name)),
    file === undefined ? [] : findInFile(bench, file, await readTenantsFile(file, context.cwd)),
    tier === undefined ? [] : bench.directory.inBackup().filter((tenant) => tenant.tier === tier),
    selection.missing ? await missingTenants(bench) : [],
  ];
  const distinct = eachOnce(chosen.flat(), ({ id }) => id);
  if (distinct.length === 0) {
    throw new TenantDrError(
      selection.missing || tier !== undefined ? 'tenant-unknown' : 'usage',
      selection.missing
        ? 'No tenant of the backup is gone or empty. Nothing was changed.'
        : 'No tenant was named. Nothing was changed.',
      { hint: 'Name tenants, or use --tier, --tenants-file or --missing.' },
    );
  }
  return distinct.sort((a, b) => byTier(a, b) || a.slug.localeCompare(b.slug));
}

/** Finds everybody a file names; the error says which line names nobody. */
function findInFile(bench: Workbench, file: string, lines: NamedLine[]): FoundTenant[] {
  return lines.map(({ name, line }) => {
    try {
      return bench.directory.find(name);
    } catch (error) {
      if (!(error instanceof TenantDrError)) throw error;
      const { code, message, hint, facts } = error;
      throw new TenantDrError(code, `${file}, line ${line}: ${message}`, {
        ...(hint === undefined ? {} : { hint }),
        facts,
        cause: error,
      });
    }
  });
}

/** Tenants whose row is gone, or that have no rows of their own. */
async function missingTenants(bench: Workbench): Promise<FoundTenant[]> {
  const { session, schema, config } = bench.ground;
  const shape = buildShape(schema, classify(schema, config), config, { mode: 'exact' });
  const counts = await session.countAll(shape);
  const owned = shape.tables
    .filter((table) => table.membership.via !== 'identity')
    .map((table) => table.name);
  const rows = (id: string): number =>
    owned.reduce((sum, table) => sum + (own(own(counts, table), id) ?? 0), 0);
  return bench.directory.inBackup().filter((tenant) => !tenant.live || rows(tenant.id.text) === 0);
}
