import type { CheckResult, ConfiguredCheck } from '../../engine/port.ts';
import type { TenantId } from '../../engine/tenant.ts';
import { reasonOf, TenantDrError } from '../../errors.ts';
import { sqlState } from './errors.ts';
import type { Sql } from './sql.ts';
import { idLiteral } from './tenants.ts';

/** Counting stops here: a check that finds more is just as failed. */
const countedUpTo = 10_000;

/** Runs a configured check, a query for rows that should not be, in a read-only transaction of its own. */
export async function runCheck(
  sql: Sql,
  check: ConfiguredCheck,
  tenant: TenantId,
  { dry } = { dry: false },
): Promise<CheckResult> {
  // Twice a colon is a cast, not our placeholder.
  const query = check.sql
    .trim()
    .replace(/;$/, '')
    .replaceAll(/(?<!:):tenant\b/g, () => idLiteral(tenant));
  await sql.run('BEGIN READ ONLY');
  try {
    // A parameter makes the server take one statement only.
    const counting = `SELECT count(*) FROM (SELECT 1 FROM (${query}\n) q LIMIT $1) c`;
    const found = await sql.value(`${dry ? 'EXPLAIN ' : ''}${counting}`, [countedUpTo]);
    const rows = dry ? 0 : Number(found);
    return { ok: rows === 0, rows };
  } catch (error) {
    const state = sqlState(error) ?? '';
    if (!state.startsWith('42') && !state.startsWith('22') && state !== '25006') throw error;
    throw new TenantDrError(
      'config-invalid',
      `The check “${check.name}” of the config cannot be run: ${reasonOf(error)}`,
      {
        hint: 'A check selects the rows that should not be; `:tenant` stands for the tenant’s id. Correct it under checks:.',
        cause: error,
      },
    );
  } finally {
    await sql.run('ROLLBACK');
  }
}
