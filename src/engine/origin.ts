import { TenantDrError } from '../errors.ts';
import type { DatabaseIdentity } from './port.ts';
import type { Tenant } from './tenant.ts';

/** What a manifest says about where its backup came from. */
export interface RecordedOrigin {
  identity: DatabaseIdentity;
  environment: string;
}

export interface OriginQuestion {
  live: { identity: DatabaseIdentity; environment: string; tenants: Tenant[] };
  backup: { name: string; origin: RecordedOrigin | null; tenants: Tenant[] };
  /** Name typed by the operator (--foreign-source), which accepts a backup from elsewhere. */
  accepted: string | undefined;
}

/** At least this share of the tenants both sides have must agree. */
const enough = 0.5;

/**
 * Refuses a backup that does not come from this database: another environment by its manifest, otherwise by the
 * tenants' ids and slugs (contract: "identity in the manifest, else tenants' ids").
 * Throws backup-other-environment, backup-foreign, backup-origin-unknown.
 */
export function checkOrigin({ live, backup, accepted }: OriginQuestion): void {
  const name = backup.origin ? backup.origin.identity.name : backup.name;
  if (accepted !== undefined) {
    if (accepted === name) return;
    throw new TenantDrError(
      'backup-foreign',
      `--foreign-source must name the source exactly. Nothing was changed.`,
      {
        hint: `Type --foreign-source ${JSON.stringify(name)} to accept it.`,
      },
    );
  }
  const accept = `If that is intended, type --foreign-source ${JSON.stringify(name)}.`;
  const recorded = backup.origin?.environment;
  if (recorded !== undefined && recorded !== live.environment) {
    throw new TenantDrError(
      'backup-other-environment',
      `This backup is of environment "${recorded}", the database is "${live.environment}". Nothing was changed.`,
      { hint: `Choose a backup of this environment. ${accept}` },
    );
  }
  const { identity } = live;
  const samePlace =
    backup.origin !== null &&
    backup.origin.identity.kind === identity.kind &&
    backup.origin.identity.systemId === identity.systemId &&
    backup.origin.identity.location === identity.location &&
    backup.origin.identity.host === identity.host;
  if (samePlace) return;
  if (live.tenants.length === 0) {
    throw new TenantDrError(
      'backup-origin-unknown',
      'The live tenants table is empty, so nothing shows that this backup comes from this database. Nothing was changed.',
      { hint: `Make sure it does, then type --foreign-source ${JSON.stringify(name)}.` },
    );
  }
  if (overlap(live.tenants, backup.tenants) < enough) {
    throw new TenantDrError(
      'backup-foreign',
      'This backup does not come from this database: its tenants have other ids or slugs. Nothing was changed.',
      { hint: `Choose a backup of this database. ${accept}` },
    );
  }
}

/**
 * Of the tenants both sides have by id, the share that agrees in slug or name. Tenants deleted since, or new
 * since, say nothing; one whose row was damaged must not make the whole backup foreign.
 */
function overlap(live: Tenant[], backup: Tenant[]): number {
  const known = new Map(live.map((tenant) => [`${tenant.id.type} ${tenant.id.text}`, tenant]));
  const common = backup.flatMap((then) => {
    const now = known.get(`${then.id.type} ${then.id.text}`);
    return now ? [{ now, then }] : [];
  });
  if (common.length === 0) return 0;
  return (
    common.filter(({ now, then }) => now.slug === then.slug || now.name === then.name).length / common.length
  );
}
