import { sameId, type TenantId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { TenantRef } from './facts.ts';
import { type IncidentSummary, listIncidents, type Which } from './list.ts';
import { unprobedTenants } from './state.ts';

/**
 * One incident at a time works on a tenant, and nothing starts for a tenant whose last restore has no known outcome
 * yet. Tenants are told apart by database: one state folder may serve several.
 */

/** Whom an incident is about is settled when it is opened. */
function isAbout(location: string, tenants: TenantId[]): NonNullable<Which['about']> {
  return (opened) =>
    opened.database.location === location &&
    opened.tenants.some(({ id }) => tenants.some((tenant) => sameId(id, tenant)));
}

function concerns({ state }: IncidentSummary, location: string, tenant: TenantId): boolean {
  return (
    state !== null &&
    state.opened.database.location === location &&
    state.tenants.some((other) => sameId(other.id, tenant))
  );
}

/** A rehearsal carries the live location too, but works on a copy: only live incidents count. */
function isUnprobed(summary: IncidentSummary, location: string, tenant: TenantId): boolean {
  const { state, damage } = summary;
  if (state?.opened.mode !== 'live' || state.opened.database.location !== location) return false;
  if (unprobedTenants(state).some((other) => sameId(other, tenant))) return true;
  // a damaged journal may have lost the line that says a restore began
  return damage !== null && state.closed === null && concerns(summary, location, tenant);
}

/**
 * Rejects with incident-unprobed or incident-locked when another live incident has a claim on one of the tenants.
 * `own` is the incident asking. Resolves with those that nobody closed, whose work may go on.
 */
export async function assertTenantsFree(
  stateDir: string,
  facts: { database: { location: string }; tenants: TenantRef[] },
  own?: string,
): Promise<string[]> {
  const { location } = facts.database;
  const about = isAbout(
    location,
    facts.tenants.map(({ id }) => id),
  );
  const all = await listIncidents(stateDir, { except: own, unsettled: true, about });
  for (const tenant of facts.tenants) {
    const unprobed = all.find((one) => isUnprobed(one, location, tenant.id));
    if (unprobed) throw unprobedError(unprobed, tenant.slug);
    const busy = all.find(
      (one) =>
        one.lock === 'held' &&
        one.state?.closed === null &&
        one.state.opened.mode === 'live' &&
        concerns(one, location, tenant.id),
    );
    if (busy) throw busyError(busy.id, tenant.slug);
  }
  return all
    .filter(({ state }) => state?.opened.mode === 'live' && state.closed === null)
    .map(({ id }) => id);
}

function busyError(incident: string, slug: string): TenantDrError {
  return new TenantDrError(
    'incident-locked',
    `${slug} is being worked on in ${incident}. Nothing was changed.`,
    {
      hint: `Look on with "tenant-dr watch ${incident}".`,
      facts: { incident },
    },
  );
}

/** Why nothing new may start for a tenant. */
export function unprobedError(summary: IncidentSummary, slug: string): TenantDrError {
  const why = summary.damage
    ? `its journal is damaged, so nobody knows whether a restore of ${slug} was under way`
    : `a restore of ${slug} was interrupted and nobody knows yet whether it happened`;
  return new TenantDrError('incident-unprobed', `${summary.id} comes first: ${why}. Nothing was changed.`, {
    hint: summary.damage
      ? `Compare the tenant with its safety copies in ${summary.dir}/safety (tenant-dr diff), then move that folder away.`
      : `Run "tenant-dr resume ${summary.id}": it finds out.`,
    facts: { incident: summary.id },
  });
}
