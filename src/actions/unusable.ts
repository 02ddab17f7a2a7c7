import { TenantDrError } from '../errors.ts';
import type { ActionContext } from './action.ts';

/** Is it the backup itself that cannot be used? Another one may do. */
export function isUnusable(error: unknown): error is TenantDrError {
  return error instanceof TenantDrError && error.code.startsWith('backup-');
}

/**
 * Why a backup cannot be used, to show a person who then chooses another. Throws the error where it is about something
 * else, or nobody is there: then it says how whoever resumes names another.
 */
export function problemOf(error: unknown, { incident, operator }: ActionContext): string {
  if (!isUnusable(error)) throw error;
  const { code, message, facts, table, key } = error;
  if (operator.attended) return message;
  if (incident.state.opened.kind !== 'runbook') throw error;
  throw new TenantDrError(code, message, {
    hint: `Go on with another backup: \`tenant-dr resume ${incident.id} --from <ref>\`.`,
    facts,
    ...(table ? { table } : {}),
    ...(key ? { key } : {}),
    cause: error,
  });
}
