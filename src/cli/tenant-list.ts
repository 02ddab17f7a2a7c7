import type { BackupEntry } from '../backups/catalogue.ts';
import type { ManifestTenant } from '../backups/manifest.ts';
import { own } from '../engine/own.ts';
import type { Tenant } from '../engine/tenant.ts';
import { idForJson, idKey, sameId } from '../engine/tenant.ts';
import type { Policy } from '../policy/policy.ts';
import type { RpoAge } from '../policy/rpo.ts';
import { rpoAge } from '../policy/rpo.ts';
import { byTier, higherTier } from '../policy/tiers.ts';
import type { FoundTenants } from './tenant-reading.ts';

/** A tenant as `tenants` lists it. */
export interface ListedTenant extends Tenant {
  /** All rows of its slice; null where they cannot be counted without staging. */
  rows: number | null;
  /** False: its row is gone from the database and only backups know it. */
  live: boolean;
  /** Columns of tenants.search that held the text looked for. */
  foundIn: string[];
  newestBackup: { ref: string; takenAt: Date } | null;
  rpo: RpoAge;
}

export interface ListRequest {
  /** As the database (or the backup looked into) has them. */
  tenants: Tenant[];
  /** Rows by table and tenant id. */
  counts: Record<string, Record<string, number>> | null;
  hits: FoundTenants['hits'];
  /** Newest first. */
  backups: BackupEntry[];
  policy: Policy;
  now: Date;
}

/**
 * Tenants with their newest usable backup against the RPO of their tier, highest tier first. Tenants that only
 * a manifest knows are added, marked; of two tiers the higher counts (design section 8).
 */
export function listTenants(request: ListRequest): ListedTenant[] {
  const remembered = new Map(rememberedTenants(request.backups).map((one) => [idKey(one.id), one]));
  const holders = request.backups.filter(isUsable).map((backup) => ({ backup, holds: holderOf(backup) }));
  const live = request.tenants.map((tenant) => {
    const known = remembered.get(idKey(tenant.id));
    return { ...tenant, tier: known ? higherTier(tenant.tier, known.tier) : tenant.tier, live: true };
  });
  const present = new Set(request.tenants.map((tenant) => idKey(tenant.id)));
  const gone = [...remembered.values()]
    .filter((one) => !present.has(idKey(one.id)))
    .map(({ id, slug, name, tier }) => ({ id, slug, name, tier, status: null, live: false }));
  return [...live, ...gone].map((tenant) => withBackup(tenant, holders, request)).sort(byTier);
}

/** Ten thousand tenants are looked up in ten thousand entries: by key, never one by one. */
/** A usable backup, and whom it may hold. */
interface Holder {
  backup: BackupEntry;
  holds: (tenant: Tenant) => boolean;
}

function withBackup(
  tenant: Tenant & { live: boolean },
  holders: Holder[],
  { counts, hits, policy, now }: ListRequest,
): ListedTenant {
  const newest = holders.find(({ holds }) => holds(tenant))?.backup;
  return {
    ...tenant,
    rows: counts && rowsOf(counts, tenant),
    foundIn: [...new Set(hits.filter((hit) => sameId(hit.tenant, tenant.id)).map((hit) => hit.column))],
    newestBackup: newest ? { ref: newest.id, takenAt: newest.takenAt } : null,
    rpo: rpoAge(policy[tenant.tier], newest?.takenAt ?? null, now),
  };
}

/** Who the newest manifest of the whole database lists. */
function rememberedTenants(backups: BackupEntry[]): ManifestTenant[] {
  return (
    backups.find((backup) => backup.kind !== 'archive' && backup.manifest?.tenants)?.manifest?.tenants ?? []
  );
}

function isUsable(backup: BackupEntry): boolean {
  return backup.problem === null && backup.verified !== false && backup.kind !== 'safety';
}

/** A backup without a manifest may hold anybody; one with a manifest says whom it holds. */
function holderOf(backup: BackupEntry): Holder['holds'] {
  const tenants = backup.manifest?.tenants;
  if (!tenants) return () => backup.kind !== 'archive';
  const held = new Set(tenants.map((one) => idKey(one.id)));
  return (tenant) => held.has(idKey(tenant.id));
}

function rowsOf(counts: Record<string, Record<string, number>>, tenant: Tenant): number {
  return Object.values(counts).reduce((sum, byTenant) => sum + (own(byTenant, tenant.id.text) ?? 0), 0);
}

/** As the contract's document has it. */
export function tenantForJson(tenant: ListedTenant): Record<string, unknown> {
  return {
    id: idForJson(tenant.id),
    slug: tenant.slug,
    name: tenant.name,
    status: tenant.status,
    tier: tenant.tier,
    ...(tenant.unknownTier === undefined ? {} : { unknownTier: tenant.unknownTier }),
    rows: tenant.rows,
    live: tenant.live,
    ...(tenant.foundIn.length === 0 ? {} : { foundIn: tenant.foundIn }),
    newestBackup: tenant.newestBackup && {
      ref: tenant.newestBackup.ref,
      takenAt: tenant.newestBackup.takenAt.toISOString(),
    },
    rpo: tenant.rpo,
  };
}

/** Name, slug or id holds the text, whatever the case. */
export function isCalled(tenant: Tenant, text: string): boolean {
  const wanted = text.toLowerCase();
  return [tenant.name, tenant.slug, tenant.id.text].some((known) => known.toLowerCase().includes(wanted));
}
