import { distance } from 'fastest-levenshtein';
import { TenantDrError } from '../errors.ts';
import { higherTier } from '../policy/tiers.ts';
import { printable } from './printable.ts';
import type { Tenant, TenantId } from './tenant.ts';
import { sameId } from './tenant.ts';

/** As much of a tenant as a manifest tells too. */
export type KnownTenant = Pick<Tenant, 'id' | 'slug'>;

/** A tenant as named on the command line, found live, in the backup, or both. */
export interface FoundTenant extends Tenant {
  /** False when only the backup has it: it comes back suspended. */
  live: boolean;
  inBackup: boolean;
}

/**
 * Finds the tenant an operator means by an id or a slug (`id:…` and `slug:…` say which).
 * Throws tenant-unknown with the nearest names, tenant-ambiguous when the text stands for different tenants.
 * The tier is the higher of live row and backup when they disagree (design section 8).
 */
export function resolveTenant(text: string, live: Tenant[], backup: Tenant[] | null): FoundTenant {
  const matches = [...live, ...(backup ?? [])].filter((tenant) => means(text, tenant));
  const distinct = matches.filter(
    (tenant, i) => matches.findIndex((other) => sameId(other.id, tenant.id)) === i,
  );
  if (distinct.length === 0) throw unknown(text, [...live, ...(backup ?? [])]);
  if (distinct.length > 1) throw ambiguous(text, distinct, live);
  const { id } = distinct[0] as Tenant;
  const now = live.find((tenant) => sameId(tenant.id, id));
  const then = backup?.find((tenant) => sameId(tenant.id, id));
  const known = (now ?? then) as Tenant;
  return {
    ...known,
    tier: now && then ? higherTier(now.tier, then.tier) : known.tier,
    live: now !== undefined,
    inBackup: then !== undefined,
  };
}

/** Who one of these texts may stand for: whose rows have to be looked for in a backup. */
export function namedAmong(texts: string[]): (live: KnownTenant[], backup: KnownTenant[]) => TenantId[] {
  return (live, backup) =>
    [...live, ...backup].filter((tenant) => texts.some((text) => means(text, tenant))).map(({ id }) => id);
}

function means(text: string, tenant: KnownTenant): boolean {
  if (text.startsWith('id:')) return tenant.id.text === text.slice(3);
  if (text.startsWith('slug:')) return tenant.slug === text.slice(5);
  return tenant.id.text === text || tenant.slug === text;
}

function unknown(text: string, tenants: Tenant[]): TenantDrError {
  const bare = text.replace(/^(id|slug):/, '').toLowerCase();
  const names = [...new Set(tenants.flatMap((tenant) => [tenant.slug, tenant.id.text]))];
  const byName = tenants
    .filter((tenant) => tenant.name.toLowerCase().includes(bare))
    .map((tenant) => tenant.slug);
  const close = names
    .map((name) => ({ name, far: distance(bare, name.toLowerCase()) }))
    .filter(({ name, far }) => far <= Math.max(2, Math.floor(name.length / 3)))
    .sort((a, b) => a.far - b.far)
    .map(({ name }) => name);
  const offered = [...new Set([...close, ...byName])].slice(0, 5);
  return new TenantDrError(
    'tenant-unknown',
    `No tenant has the id or slug "${printable(text)}". Nothing was changed.`,
    {
      hint:
        offered.length > 0
          ? `Did you mean ${offered.map((name) => printable(name)).join(', ')}?`
          : 'List them with `tenant-dr tenants`, or search with `tenant-dr tenants --find <text>`.',
      facts: { nearest: offered },
    },
  );
}

function ambiguous(text: string, tenants: Tenant[], live: Tenant[]): TenantDrError {
  const bare = text.replace(/^(id|slug):/, '');
  const byId = tenants.find((tenant) => tenant.id.text === bare);
  const bySlug = tenants.filter((tenant) => tenant.slug === bare && tenant !== byId);
  // A slug that stands for several tenants can only be told apart by id.
  const options =
    byId && bySlug.length === 1
      ? [`id:${bare}`, `slug:${bare}`]
      : [...new Set(tenants.map((tenant) => `id:${tenant.id.text}`))];
  const where = tenants.every((tenant) => live.some((known) => sameId(known.id, tenant.id)))
    ? 'stands for several tenants'
    : 'stands for different tenants live and in the backup';
  return new TenantDrError('tenant-ambiguous', `"${printable(text)}" ${where}. Nothing was changed.`, {
    hint: `Say which one: ${options.map((option) => printable(option)).join(' or ')}.`,
    facts: { options },
  });
}
