import { idForJson, sameId } from '../engine/tenant.ts';
import type { TenantDrError } from '../errors.ts';
import type { Incident } from '../incident/incident.ts';
import { exitOf, exits } from './exits.ts';

/** What came of one of several tenants, as a restore of several lists it. */
export interface OneResult {
  tenant: { id: number | string; slug: string };
  error?: { code: string; message: string; hint?: string };
  /** False: its turn never came. */
  begun?: boolean;
  tables?: { insert: number; update: number; delete: number }[];
  /** Null where the process that held the proof was gone before it could say so. */
  isolation?: { method: string; otherRowsWritten: number; notes: string[] } | null;
}

/** The list of an action's output; undefined for what has no such list. */
export function resultsOf(output: unknown): OneResult[] | undefined {
  return (output as { results?: OneResult[] } | null | undefined)?.results;
}

/** The first tenant whose turn never came: its incident stays open for it. */
export function firstNotBegun(output: unknown): OneResult | undefined {
  return resultsOf(output)?.find(({ begun }) => begun === false);
}

/**
 * The list of a restore that ended before its last tenant, as its journal has it: its error alone would have an exit
 * code that says nothing was changed. Null where that is true, and where something was refused or left undecided.
 */
export function resultsSoFar(
  { state }: Incident,
  error: TenantDrError | null,
): { results: OneResult[] } | null {
  const { code, message, hint } = error ?? {};
  if (!code || exitOf[code] !== exits.failed || state.tenants.length < 2) return null;
  const done = state.restores.filter((one) => one.state === 'finished');
  if (done.length === 0) return null;
  const why = { code, message: `Not restored: ${message}`, ...(hint === undefined ? {} : { hint }) };
  const results = state.tenants.map(({ id, slug }): OneResult => {
    const tenant = { id: idForJson(id), slug };
    const record = done.find((one) => sameId(one.tenant, id));
    return record ? { tenant, tables: record.intended.tables } : { tenant, error: why, begun: false };
  });
  return { results };
}
