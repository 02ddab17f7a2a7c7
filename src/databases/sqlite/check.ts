import type { CheckResult, ConfiguredCheck } from '../../engine/port.ts';
import type { TenantId } from '../../engine/tenant.ts';
import { reasonOf, TenantDrError } from '../../errors.ts';
import type { Connection } from './connect.ts';
import { bindId } from './tenants.ts';

/** Counting stops here: a check that finds more is just as failed. */
const countedUpTo = 10_000;

/** Runs a configured check: a query for rows that should not be. Its values never leave this function. */
export function runCheck(
  connection: Connection,
  check: ConfiguredCheck,
  tenant: TenantId,
  { dry } = { dry: false },
): CheckResult {
  const { sql } = check;
  const given = /:tenant\b/.test(sql) ? [{ tenant: bindId(tenant) }] : [];
  const statement = prepared(connection, check, given);
  let rows = 0;
  if (dry) return { ok: true, rows };
  for (const _ of statement.raw().iterate(...given)) {
    rows += 1;
    if (rows === countedUpTo) break;
  }
  return { ok: rows === 0, rows };
}

function prepared(connection: Connection, check: ConfiguredCheck, given: unknown[]) {
  try {
    const statement = connection.prepare<unknown[]>(check.sql);
    if (statement.reader && statement.readonly) {
      // Also finds values that nobody gives.
      connection.prepare<unknown[]>(`EXPLAIN ${check.sql}`).all(...given);
      return statement;
    }
  } catch (cause) {
    throw refused(check, reasonOf(cause));
  }
  throw refused(check, 'it must be one SELECT that changes nothing');
}

function refused({ name }: ConfiguredCheck, why: string): TenantDrError {
  return new TenantDrError('config-invalid', `The check “${name}” of the config cannot be run: ${why}.`, {
    hint: 'A check selects the rows that should not be; `:tenant` stands for the tenant’s id. Correct it under checks:.',
  });
}
