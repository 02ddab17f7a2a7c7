import { own } from '../engine/own.ts';
import { idKey, type Tenant } from '../engine/tenant.ts';
import type { Contents } from './contents.ts';
import type { Manifest, ManifestTenant } from './manifest.ts';

/**
 * Where what a backup holds is not what its manifest says, in words; empty when it is. Digests are compared where
 * the manifest has them.
 */
export function differences(manifest: Manifest, contents: Contents): string[] {
  const tenants = sameRules(manifest, contents) ? differingTenants(manifest, contents) : [];
  return [...tenants, ...differingTables(manifest, contents), ...differingSchema(manifest, contents)];
}

/** Under another config others are tenants, or other rows theirs. The manifests of former versions do not tell. */
export function sameRules({ rules }: Manifest, contents: Pick<Contents, 'rules'>): boolean {
  return rules === null || rules === contents.rules;
}

/** Former versions may have taken the fingerprint of something else: they did not name their rules either. */
function differingSchema({ rules, schemaFingerprint }: Manifest, contents: Contents): string[] {
  if (rules === null || schemaFingerprint === contents.schemaFingerprint) return [];
  return ['its tables are not defined as the manifest says'];
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
  const wrong = differingEntries(manifest, contents.tenants ?? [], (then, now) => [
    ...unlikeIn(then, now),
    ...differingIn(then, now),
  ]);
  const { tenantCount, tenants } = manifest;
  if (tenantCount !== null && tenants !== null && tenantCount !== tenants.length)
    wrong.push(`the manifest counts ${tenantCount} tenants and lists ${tenants.length}`);
  return wrong;
}

/** Tenants that only one of the two has, and those whose own row is another than the manifest says. */
export function differingPeople(manifest: Manifest, tenants: Tenant[]): string[] {
  return differingEntries(manifest, tenants, unlikeIn);
}

function differingEntries<One extends Person>(
  manifest: Manifest,
  tenants: One[],
  differing: (then: ManifestTenant, now: One) => string[],
): string[] {
  const now = new Map(tenants.map((tenant) => [idKey(tenant.id), tenant]));
  const wrong: string[] = [];
  for (const then of manifest.tenants ?? []) {
    const tenant = now.get(idKey(then.id));
    now.delete(idKey(then.id));
    const what = tenant ? differing(then, tenant) : [];
    if (!tenant) wrong.push(`tenant ${then.slug} is missing`);
    else if (what.length > 0) wrong.push(`tenant ${then.slug} differs in ${what.join(', ')}`);
  }
  for (const tenant of now.values()) wrong.push(`tenant ${tenant.slug} is not in the manifest`);
  return wrong;
}

/** What is said of a tenant itself. */
type Person = Pick<Tenant, 'id' | 'slug' | 'name' | 'tier' | 'status'>;

function unlikeIn(then: Person, now: Person): string[] {
  const facts = { slug: 'its slug', name: 'its name', tier: 'its tier', status: 'its status' } as const;
  return (['slug', 'name', 'tier', 'status'] as const)
    .filter((fact) => then[fact] !== now[fact])
    .map((fact) => facts[fact]);
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
