import type { TenantDrError } from '../errors.ts';
import type { Incident } from '../incident/incident.ts';

/** Did this incident change anything live? Null while the outcome of a change is not known. */
export function changedBy({ state }: Incident): boolean | null {
  if (state.opened.mode !== 'live') return false;
  if (state.restores.some((one) => one.state === 'intended' || one.state === 'unknown')) return null;
  return state.suspensions.length > 0 || state.restores.some((one) => one.state === 'finished');
}

/** Adds to an error which incident holds the record, and whether anything was changed before it. */
export function inIncident(error: TenantDrError, incident: Incident): TenantDrError {
  error.facts.incident ??= incident.id;
  error.facts.changed ??= changedBy(incident);
  return error;
}
