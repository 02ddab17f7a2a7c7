import type { TenantId } from '../../engine/tenant.ts';
import { reasonOf, TenantDrError } from '../../errors.ts';
import { serveJob } from '../job-child.ts';
import type { ConditionRequest } from './condition.ts';
import { connect } from './connect.ts';

/** The id as the database stores it. */
function bound(tenant: TenantId | null): bigint | string | Buffer | null {
  if (!tenant)
    throw new TenantDrError('usage', 'The condition names :tenant, but no tenant was given.', {
      hint: 'add --tenant <tenant>',
    });
  if (tenant.type === 'integer') return BigInt(tenant.text);
  return tenant.type === 'blob' ? Buffer.from(tenant.text, 'hex') : tenant.text;
}

serveJob<ConditionRequest>(async ({ path, condition, tenant }) => {
  const connection = connect(path, 'read');
  try {
    const statement = connection.prepare(`SELECT CASE WHEN (${condition}) THEN 1 ELSE 0 END AS holds`);
    if (!statement.readonly) throw new Error('it writes');
    const row = (
      /:tenant\b/.test(condition) ? statement.get({ tenant: bound(tenant) }) : statement.get()
    ) as {
      holds: bigint;
    };
    return row.holds === 1n;
  } catch (error) {
    if (error instanceof TenantDrError) throw error;
    const unknown = /^no such (table|column)/.test(reasonOf(error));
    throw new TenantDrError(
      unknown ? 'table-unknown' : 'usage',
      `The condition cannot be asked: ${reasonOf(error)}.`,
      {
        hint: 'write one SQL expression, such as "(SELECT count(*) FROM agents WHERE tenant_id = :tenant) > 10"',
        cause: error,
      },
    );
  } finally {
    connection.close();
  }
});
