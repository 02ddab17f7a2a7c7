import { distance } from 'fastest-levenshtein';
import { TenantDrError } from '../errors.ts';
import { higherTier } from '../policy/tiers.ts';
import { printable } from './printable.ts';
import type { Tenant, TenantId } from './tenant.ts';
import { eachOnce, idKey } from './tenant.ts';

/** As much of a tenant as a manifest tells too. */
export type KnownTenant = Pick<Tenant, 'id' | 'slug'>;

/** A tenant as named on the command line, found live, in the backup, or both. */
export interface FoundTenant extends Tenant {
  /** False when only the backup has it: it comes back suspended. */
  live: boolean;
  inBackup: boolean;
}

/** The tenants of a live database and of a backup, to be found by what an operator calls them. */
export class TenantDirectory {
  private readonly all: Tenant[];
  private readonly liveById: Map<string, Tenant>;
  private readonly backupById: Map<string, Tenant>;
  private readonly byIdText: Map<string, Tenant[]>;
  private readonly bySlug: Map<string, Tenant[]>;

  constructor(live: Tenant[], backup: Tenant[]) {
    this.all = [...live, ...backup];
    this.liveById = byId(live);
    this.backupById = byId(backup);
    this.byIdText = Map.groupBy(this.all, ({ id }) => id.text);
    this.bySlug = Map.groupBy(this.all, ({ slug }) => slug);
  }

  /** Those a restore can be for. */
  inBackup(): FoundTenant[] {
    return [...this.backupById.values()].map((tenant) => this.found(tenant.id));
  }

  /**
   * The tenant an operator means by an id or a slug (`id:…` and `slug:…` say which).
   * Throws tenant-unknown with the nearest names, tenant-ambiguous when the text stands for different tenants.
   */
  find(text: string): FoundTenant {
    const { id, slug } = meaningsOf(text);
    const named = [
      ...(id === null ? [] : (this.byIdText.get(id) ?? [])),
      ...(slug === null ? [] : (this.bySlug.get(slug) ?? [])),
    ];
    const [first, ...others] = eachOnce(named, (tenant) => tenant.id);
    if (!first) throw unknown(text, this.all);
    if (others.length > 0) throw ambiguous(text, [first, ...others], this.liveById);
    return this.found(first.id);
  }

  /** The tier is the higher of live row and backup when they disagree (design section 8). */
  found(id: TenantId): FoundTenant {
    const now = this.liveById.get(idKey(id));
    const then = this.backupById.get(idKey(id));
    const known = (now ?? then) as Tenant;
    return {
      ...known,
      tier: now && then ? higherTier(now.tier, then.tier) : known.tier,
      live: now !== undefined,
      inBackup: then !== undefined,
    };
  }
}

function byId(tenants: Tenant[]): Map<string, Tenant> {
  return new Map(eachOnce(tenants, ({ id }) => id).map((tenant) => [idKey(tenant.id), tenant]));
}

/** Finds one tenant, as `TenantDirectory.find` does. */
export function resolveTenant(text: string, live: Tenant[], backup: Tenant[] | null): FoundTenant {
  return new TenantDirectory(live, backup ?? []).find(text);
}

/** Who one of these texts may stand for: whose rows have to be looked for in a backup. */
export function namedAmong(texts: string[]): (live: KnownTenant[], backup: KnownTenant[]) => TenantId[] {
  const meanings = texts.map(meaningsOf);
  const ids = new Set(meanings.map(({ id }) => id));
  const slugs = new Set(meanings.map(({ slug }) => slug));
  return (live, backup) =>
    [...live, ...backup].filter(({ id, slug }) => ids.has(id.text) || slugs.has(slug)).map(({ id }) => id);
}

/** What a text may be of a tenant. One that begins like a prefix stands for nobody without a prefix. */
function meaningsOf(text: string): { id: string | null; slug: string | null } {
  if (text.startsWith('id:')) return { id: text.slice(3), slug: null };
  if (text.startsWith('slug:')) return { id: null, slug: text.slice(5) };
  return { id: text, slug: text };
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

function ambiguous(text: string, tenants: Tenant[], live: Map<string, Tenant>): TenantDrError {
  const bare = text.replace(/^(id|slug):/, '');
  const byId = tenants.find((tenant) => tenant.id.text === bare);
  const bySlug = tenants.filter((tenant) => tenant.slug === bare && tenant !== byId);
  // A slug that stands for several tenants can only be told apart by id.
  const options =
    byId && bySlug.length === 1
      ? [`id:${bare}`, `slug:${bare}`]
      : [...new Set(tenants.map((tenant) => `id:${tenant.id.text}`))];
  const where = tenants.every(({ id }) => live.has(idKey(id)))
    ? 'stands for several tenants'
    : 'stands for different tenants live and in the backup';
  return new TenantDrError('tenant-ambiguous', `"${printable(text)}" ${where}. Nothing was changed.`, {
    hint: `Say which one: ${options.map((option) => printable(option)).join(' or ')}.`,
    facts: { options },
  });
}
