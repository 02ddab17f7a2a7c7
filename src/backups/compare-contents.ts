import { own } from '../engine/own.ts';
import { idKey } from '../engine/tenant.ts';
import type { Contents } from './contents.ts';
import type { Manifest, ManifestTenant } from './manifest.ts';

/**
 * Where what a backup holds is not what its manifest says, in words; empty when it is. Digests are compared where
 * the manifest has them.
 */
export function differences(manifest: Manifest, contents: Contents): string[] {
  return [...differingTenants(manifest, contents), ...differingTables(manifest, contents)];
}

function differingTables(manifest: Manifest, contents: Contents): string[] {
  // The first version left out rows that belong to nobody, and tables without an owner.
  if (manifest.version < 2) return [];
  const then = manifest.rows ?? {};
  const now = contents.rows ?? {};
  return union(then, now)
    .filter((table) => own(then, table) !== own(now, table))
    .map(
      (table) =>
        `${table} has ${own(now, table) ?? 'no'} rows, ${own(then, table) ?? 'none'} in the manifest`,
    );
}

function differingTenants(manifest: Manifest, contents: Contents): string[] {
  const now = new Map((contents.tenants ?? []).map((tenant) => [idKey(tenant.id), tenant]));
  const wrong: string[] = [];
  for (const then of manifest.tenants ?? []) {
    const tenant = now.get(idKey(then.id));
    now.delete(idKey(then.id));
    if (!tenant) wrong.push(`tenant ${then.slug} is missing`);
    else {
      const tables = differingIn(then, tenant);
      if (tables.length > 0) wrong.push(`tenant ${then.slug} differs in ${tables.join(', ')}`);
    }
  }
  for (const tenant of now.values()) wrong.push(`tenant ${tenant.slug} is not in the manifest`);
  return wrong;
}

function differingIn(then: ManifestTenant, now: ManifestTenant): string[] {
  if (then.digest !== null && then.digest === now.digest) return [];
  if (!then.rows) return [];
  const before: Record<string, unknown> = then.digests ?? then.rows;
  const after: Record<string, unknown> = (then.digests ? now.digests : now.rows) ?? {};
  return union(before, after).filter((table) => own(before, table) !== own(after, table));
}

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}
