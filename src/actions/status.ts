import type { TenantColumns } from '../config/schema.ts';
import { sameId, type Tenant, type TenantId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { ActionContext } from './action.ts';
import type { Stakes } from './operator.ts';

type Status = NonNullable<TenantColumns['status']>;

/** The status column from the configuration; without one suspending has no meaning here. */
export function statusColumn(context: ActionContext): Status {
  const status = context.config.tenants.status;
  if (status) return status;
  throw new TenantDrError(
    'config-invalid',
    'The configuration does not say which column holds a tenant’s status.',
    {
      hint: 'Set tenants.status: { column: …, active: …, suspended: … }, or skip this step and stop the tenant by hand (`tenant-dr restore` alone needs no status). Nothing was changed.',
    },
  );
}

/** Compares a status as read, always text, with a configured value. */
export function isStatus(found: string | null, wanted: string | number | boolean | null): boolean {
  if (found === null || wanted === null) return found === wanted;
  if (typeof wanted === 'boolean')
    return [String(wanted), wanted ? '1' : '0', wanted ? 't' : 'f'].includes(found);
  return found === String(wanted);
}

/** This incident suspended the tenant and has not reactivated it. */
export function openSuspension(context: ActionContext, tenant: TenantId): boolean {
  const latest = context.incident.state.suspensions.findLast((one) => sameId(one.tenant, tenant));
  return latest !== undefined && latest.reactivatedAt === null;
}

/** The blast radius of a change to one tenant. */
export function stakesOf(context: ActionContext, tenant: Tenant, more: Partial<Stakes> = {}): Stakes {
  const location = context.database.location;
  return {
    phrase: tenant.slug,
    database: { name: databaseName(location), location, environment: context.config.environment },
    tenants: [{ id: tenant.id.text, slug: tenant.slug, name: tenant.name, tier: tenant.tier }],
    tables: [],
    cannotBeUndone: [],
    ...more,
  };
}

/** File name without folder and ending, or what follows the last slash of host:port/name. */
export function databaseName(location: string): string {
  const last = location.split(/[\\/]/).at(-1) ?? location;
  return last.replace(/\.(db|sqlite3?|sqlite)$/i, '');
}
