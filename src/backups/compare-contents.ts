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

/** Tables whose rows or digests are others. Each figure is looked at: one that holds says nothing of the next. */
function differingIn(then: ManifestTenant, now: ManifestTenant): string[] {
  if (!then.rows) return [];
  const before = then.rows;
  const after = now.rows ?? {};
  // A table without a row of the tenant may be left out.
  const tables = union(before, after).filter(
    (table) => (own(before, table) ?? 0) + (own(after, table) ?? 0) > 0,
  );
  const wrong = tables.filter(
    (table) =>
      own(before, table) !== own(after, table) ||
      (then.digests && own(then.digests, table) !== own(now.digests ?? {}, table)),
  );
  if (wrong.length > 0 || then.digest === null || then.digest === now.digest) return wrong;
  return ['the digest of all its rows'];
}

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}
