import type { TenantId } from '../../engine/tenant.ts';
import { moduleAt } from '../../places.ts';
import { runJob } from '../job.ts';

export interface ConditionRequest {
  path: string;
  condition: string;
  /** Bound as `:tenant` where the condition names it. */
  tenant: TenantId | null;
}

/**
 * Does an operator's SQL condition, such as `(SELECT count(*) FROM agents WHERE tenant_id = :tenant) > 10`, hold in
 * a database file? Read-only, in a process of its own. Rejects with usage when it is not one expression SQLite
 * understands, with table-unknown when it names what this file does not have.
 */
export function conditionHolds(request: ConditionRequest, signal?: AbortSignal): Promise<boolean> {
  return runJob(moduleAt('databases/sqlite/condition-worker'), request, { signal });
}
