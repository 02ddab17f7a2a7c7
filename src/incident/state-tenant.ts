import { sameId, type TenantId } from '../engine/tenant.ts';
import type { Entry } from './events.ts';
import type { IncidentState, RestoreRecord, SuspensionRecord } from './records.ts';

/** What an entry means for the tenants: suspended, settled, reactivated, renamed. */
export function applyTenant(state: IncidentState, entry: Entry): void {
  switch (entry.event) {
    case 'tenant.suspended':
      state.suspensions.push({
        tenant: entry.tenant,
        former: entry.former,
        suspendedAt: entry.at,
        reactivatedAt: null,
        settled: null,
      });
      return;
    case 'tenant.settled': {
      const { quiet, seconds, samples, reason } = entry;
      changeSuspension(state, entry.tenant, { settled: { quiet, seconds, samples, reason: reason ?? null } });
      return;
    }
    case 'tenant.reactivated':
      state.suspensions = state.suspensions.map((one) =>
        sameId(one.tenant, entry.tenant) && !one.reactivatedAt ? { ...one, reactivatedAt: entry.at } : one,
      );
      return;
    case 'tenant.renamed':
      state.tenants = state.tenants.map((tenant) =>
        sameId(tenant.id, entry.tenant) ? { ...tenant, slug: entry.slug, name: entry.name } : tenant,
      );
      return;
    default:
      return;
  }
}

/** What an entry means for the restores of the incident. Outcomes belong to the tenant's latest restore. */
export function applyRestore(state: IncidentState, entry: Entry): void {
  switch (entry.event) {
    case 'restore.intended':
      state.restores.push({
        state: 'intended',
        tenant: entry.tenant,
        intended: entry,
        finished: null,
        failure: null,
        endedAt: null,
      });
      return;
    case 'restore.finished':
      changeRestore(state, entry.tenant, {
        state: 'finished',
        finished: entry,
        failure: null,
        endedAt: entry.at,
      });
      return;
    case 'restore.rolled-back':
      changeRestore(state, entry.tenant, {
        state: 'rolled-back',
        failure: entry.error?.message ?? null,
        endedAt: entry.at,
      });
      return;
    case 'restore.unknown':
      changeRestore(state, entry.tenant, { state: 'unknown', failure: entry.reason });
      return;
    default:
      return;
  }
}

/**
 * Can the tenants work again? Design section 5: reactivated after verification. Nobody is suspended by this
 * incident, no restore is without a known outcome, no tenant's latest verification failed, and the runbook is past
 * the step that ends the outage. Where no step is marked so, the restore itself is that step.
 */
export function isUsable(state: IncidentState): boolean {
  // It skips every change, so nobody could work again because of it.
  if (state.opened.mode === 'dry-run') return false;
  if (state.suspensions.some((suspension) => suspension.reactivatedAt === null)) return false;
  if (state.restores.some((restore) => restore.state === 'intended' || restore.state === 'unknown'))
    return false;
  if (verificationFailed(state)) return false;
  const reactivated = state.suspensions.length > 0;
  const ending = state.steps.filter((step) => step.usable);
  if (ending.length === 0)
    return reactivated || state.restores.some((restore) => restore.state === 'finished');
  return ending.every(
    (step) => step.state === 'done' || step.state === 'skipped' || (reactivated && step.state !== 'todo'),
  );
}

/** What counts is the latest verification of each tenant. */
function verificationFailed({ verifications }: IncidentState): boolean {
  const latest = new Map(
    verifications.map(({ tenant, ok }) => [tenant ? `${tenant.type} ${tenant.text}` : '', ok]),
  );
  return [...latest.values()].includes(false);
}

function changeSuspension(state: IncidentState, tenant: TenantId, change: Partial<SuspensionRecord>): void {
  const index = state.suspensions.findLastIndex((suspension) => sameId(suspension.tenant, tenant));
  const suspension = state.suspensions[index];
  if (suspension) state.suspensions[index] = { ...suspension, ...change };
}

function changeRestore(state: IncidentState, tenant: TenantId, change: Partial<RestoreRecord>): void {
  const index = state.restores.findLastIndex((restore) => sameId(restore.tenant, tenant));
  const restore = state.restores[index];
  if (restore) state.restores[index] = { ...restore, ...change };
}
