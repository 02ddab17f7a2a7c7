import { TenantDrError } from '../errors.ts';
import type { Incident } from '../incident/incident.ts';

/** Did this incident change anything live? Null while the outcome of a change is not known. */
export function changedBy({ state }: Incident): boolean | null {
  if (state.opened.mode !== 'live') return false;
  if (state.restores.some((one) => one.state === 'intended' || one.state === 'unknown')) return null;
  return state.suspensions.length > 0 || state.restores.some((one) => one.state === 'finished');
}

/**
 * Adds to an error which incident holds the record, and whether anything was changed before it. An error that came
 * between the intention and the record of its outcome, such as a full disk, becomes outcome-unknown.
 */
export function inIncident(error: TenantDrError, incident: Incident): TenantDrError {
  const changed = changedBy(incident);
  const told = changed === null && error.code !== 'outcome-unknown' ? unrecorded(error) : error;
  told.facts.incident ??= incident.id;
  told.facts.changed ??= changed;
  return told;
}

function unrecorded(error: TenantDrError): TenantDrError {
  return new TenantDrError(
    'outcome-unknown',
    `The change had begun, and what came of it is not recorded: ${error.message}`,
    { hint: 'Put that right, then `tenant-dr resume` finds out; assume nothing.', cause: error },
  );
}
