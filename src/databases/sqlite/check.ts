import type { CheckResult } from '../../engine/port.ts';
import type { TenantId } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import type { Connection } from './connect.ts';
import { bindId } from './tenants.ts';

/** Counting stops here: a check that finds more is just as failed. */
const countedUpTo = 10_000;

/** Runs a configured check: a query for rows that should not be. Its values never leave this function. */
export function runCheck(connection: Connection, sql: string, tenant: TenantId): CheckResult {
  const statement = prepared(connection, sql);
  const given = /:tenant\b/.test(sql) ? [{ tenant: bindId(tenant) }] : [];
  let rows = 0;
  for (const _ of statement.raw().iterate(...given)) {
    rows += 1;
    if (rows === countedUpTo) break;
  }
  return { ok: rows === 0, rows };
}

function prepared(connection: Connection, sql: string) {
  try {
    const statement = connection.prepare<unknown[]>(sql);
    if (statement.reader && statement.readonly) return statement;
  } catch (cause) {
    throw refused(cause instanceof Error ? cause.message : 'it is not SQL');
  }
  throw refused('it must be one SELECT that changes nothing');
}

function refused(why: string): TenantDrError {
  return new TenantDrError('config-invalid', `A check in the configuration cannot be run: ${why}.`, {
    hint: 'A check selects the rows that should not be; `:tenant` stands for the tenant’s id. Correct it under checks:.',
  });
}
