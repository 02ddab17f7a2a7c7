import type { Config, TenantColumns } from '../config/schema.ts';
import { sameId, type Tenant, type TenantId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { SuspensionRecord } from '../incident/records.ts';
import type { ActionContext } from './action.ts';
import type { Stakes } from './operator.ts';

export type Status = NonNullable<TenantColumns['status']>;

/**
 * What takes a tenant out of service here and back: its status column, or (null) the application's hooks alone.
 * Throws config-invalid where there is neither.
 */
export function statusOrHooks({ tenants, hooks }: Config, what: 'suspend' | 'reactivate'): Status | null {
  if (tenants.status) return tenants.status;
  if (hooks[what].before.length + hooks[what].after.length > 0) return null;
  throw new TenantDrError(
    'config-invalid',
    `The configuration does not say how to ${what} a tenant: which column holds its status, or which hooks do it.`,
    {
      hint: `Set tenants.status: { column: …, active: …, suspended: … } or hooks.${what}, or skip this step and do it by hand (\`tenant-dr restore\` alone needs neither). Nothing was changed.`,
    },
  );
}

/** A configured value as the journal holds it. */
export function statusText(value: string | number | boolean | null): string | null {
  return value === null ? null : String(value);
}

/** A status as read, always text, as a value of the kind that is configured: a column without a type keeps what it gets. */
export function statusValue(text: string | null, { active, suspended }: Status): Status['active'] {
  if (text === null) return null;
  const kinds = [typeof active, typeof suspended];
  if (kinds.includes('boolean')) {
    if (isStatus(text, true)) return true;
    if (isStatus(text, false)) return false;
  }
  return kinds.includes('number') && String(Number(text)) === text ? Number(text) : text;
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
  return latestSuspension(context, tenant)?.reactivatedAt === null;
}

/** This incident suspended the tenant and has reactivated it. */
export function endedSuspension(context: ActionContext, tenant: TenantId): boolean {
  return (latestSuspension(context, tenant)?.reactivatedAt ?? null) !== null;
}

function latestSuspension({ incident }: ActionContext, tenant: TenantId): SuspensionRecord | undefined {
  return incident.state.suspensions.findLast((one) => sameId(one.tenant, tenant));
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
