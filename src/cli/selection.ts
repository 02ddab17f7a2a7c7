import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Workbench } from '../actions/change.ts';
import { own } from '../engine/own.ts';
import { classify } from '../engine/ownership.ts';
import { buildShape } from '../engine/shape.ts';
import { eachOnce } from '../engine/tenant.ts';
import type { FoundTenant } from '../engine/tenants.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import { byTier, type Tier } from '../policy/tiers.ts';
import type { Context } from './context.ts';

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
  const names = [...selection.tenants, ...(await fromFile(selection.tenantsFile, context))];
  const chosen = names.map((name) => bench.directory.find(name));
  if (selection.tier !== undefined)
    chosen.push(...bench.directory.inBackup().filter((tenant) => tenant.tier === selection.tier));
  if (selection.missing) chosen.push(...(await missingTenants(bench)));
  const distinct = eachOnce(chosen, ({ id }) => id);
  if (distinct.length === 0) {
    throw new TenantDrError(
      selection.missing || selection.tier !== undefined ? 'tenant-unknown' : 'usage',
      selection.missing
        ? 'No tenant of the backup is gone or empty. Nothing was changed.'
        : 'No tenant was named. Nothing was changed.',
      { hint: 'Name tenants, or use --tier, --tenants-file or --missing.' },
    );
  }
  return distinct.sort((a, b) => byTier(a, b) || a.slug.localeCompare(b.slug));
}

async function fromFile(file: string | undefined, context: Context): Promise<string[]> {
  if (file === undefined) return [];
  try {
    const content = await readFile(resolve(context.cwd, file), 'utf8');
    return content
      .split('\n')
      .map((line) => line.replace(/#.*/, '').trim())
      .filter((line) => line !== '');
  } catch (error) {
    throw new TenantDrError(
      'file-missing',
      `${file} can't be read: ${reasonOf(error)}. Nothing was changed.`,
      {
        hint: 'Give a file with one id or slug a line.',
        cause: error,
      },
    );
  }
}

/** Tenants whose row is gone, or that have no rows of their own left while the backup has some. */
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
