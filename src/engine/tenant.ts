import { TenantDrError } from '../errors.ts';
import type { Tier } from '../policy/tiers.ts';

/**
 * A tenant's id as the database stores it: 1 and '1' are different tenants.
 * `text` is the decimal digits of an integer, the text itself, or the lower-case hex of a blob.
 */
export interface TenantId {
  type: 'integer' | 'text' | 'blob';
  text: string;
}

export interface Tenant {
  id: TenantId;
  /** Falls back to the id where the tenants table has no slug column. */
  slug: string;
  name: string;
  status: string | null;
  tier: Tier;
  /** What the tier column held when it was not one of the four (counts as free, is reported). */
  unknownTier?: string;
}

/** Id as it stands in JSON: a number while it is exact, otherwise text. */
export function idForJson(id: TenantId): number | string {
  if (id.type !== 'integer') return id.text;
  const number = Number(id.text);
  return Number.isSafeInteger(number) ? number : id.text;
}

/** The slug to name a tenant by. A blank one nobody can type as a confirmation counts as absent: then it is the id. */
export function slugOr(id: TenantId, slug: string | null): string {
  return slug === null || slug.trim() === '' ? id.text : slug;
}

export function sameId(a: TenantId, b: TenantId): boolean {
  return a.type === b.type && a.text === b.text;
}

/** Names an id among those of all types, for looking tenants up. */
export function idKey({ type, text }: TenantId): string {
  return `${type} ${text}`;
}

/** Everyone once, however often named: the first of each id, in the order given. */
export function eachOnce<One>(all: One[], idOf: (one: One) => TenantId): One[] {
  const first = new Map<string, One>();
  for (const one of all) {
    const key = idKey(idOf(one));
    if (!first.has(key)) first.set(key, one);
  }
  return [...first.values()];
}

/** A status was to be set of a tenant whose own row is gone from `table`. */
export function noRowOfTenant(table: string): TenantDrError {
  return new TenantDrError('tenant-unknown', `The tenant's row is not in "${table}". Nothing was changed.`, {
    hint: 'Restore the tenant first: it comes back suspended.',
    table,
  });
}
