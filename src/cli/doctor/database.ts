import { nearestOf } from '../../config/explain.ts';
import type { Config } from '../../config/schema.ts';
import type { TableOwnership } from '../../engine/ownership.ts';
import { classify } from '../../engine/ownership.ts';
import type { Database, Session } from '../../engine/port.ts';
import { printable } from '../../engine/printable.ts';
import type { Schema } from '../../engine/schema.ts';
import { sameName } from '../../engine/schema.ts';
import { buildShape } from '../../engine/shape.ts';
import type { SliceShape } from '../../engine/slice.ts';
import { tableNamed } from '../../engine/spelling.ts';
import type { Tenant } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import type { Finding } from './finding.ts';
import { failure, fine, warning } from './finding.ts';

export interface DatabaseReport {
  findings: Finding[];
  /** Empty when they could not be read. */
  tenants: Tenant[];
}

/** The live database: what it says of itself, whether every table is classified, who is in it. */
export async function examineDatabase(database: Database, config: Config): Promise<DatabaseReport> {
  const findings: Finding[] = await database.examine();
  if (findings.some((finding) => finding.level === 'error')) return { findings, tenants: [] };
  try {
    const session = await database.open({ mode: 'read' });
    try {
      const schema = await session.schema();
      const ownership = classify(schema, config);
      const { unclassified, unknown, tables } = ownership;
      findings.push(
        unclassified.length === 0
          ? fine('tables', `${tables.length}, every one classified`)
          : warning(
              'tables',
              `nobody has said whose rows these hold: ${unclassified.map(printable).join(', ')}`,
              'classify them under ownership.tables; tenant-dr init proposes how',
            ),
      );
      findings.push(...ruleFindings(unknown, tables), ...auditLogFindings(schema, config));
      findings.push(
        ...(await ownerFindings(session, buildShape(schema, ownership, config, { mode: 'exact' }))),
      );
      const tenants = await session.tenants(config.tenants);
      findings.push(...tenantFindings(tenants), ...(await checkFindings(session, config, tenants)));
      return { findings, tenants };
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof TenantDrError)) throw error;
    findings.push(failure(error.code, 'tenants', error.message, error.hint ?? 'see tenant-dr tables'));
    return { findings, tenants: [] };
  }
}

/** Such a rule does nothing: what it was meant for goes back in time like any other table. */
function ruleFindings(unknown: string[], tables: TableOwnership[]): Finding[] {
  const known = tables.map(({ name }) => name);
  return unknown.map((name) => {
    const nearest = nearestOf(name, known);
    return warning(
      'rules',
      `ownership.tables.${printable(name)} is a rule for a table that is not there`,
      nearest === undefined ? 'take it out, or correct the name' : `did you mean ${printable(nearest)}?`,
    );
  });
}

/** Rows that belong to nobody are not restored. That this is so of all rows of a table is hardly meant. */
async function ownerFindings(session: Session, shape: SliceShape): Promise<Finding[]> {
  return (await session.ownerless(shape)).map((name) =>
    warning(
      'owners',
      `no row of ${printable(name)} belongs to a tenant: none of them is restored`,
      'tenant-dr tables shows how they should belong; correct that under ownership.tables, or write shared',
    ),
  );
}

function auditLogFindings(schema: Schema, { auditLog }: Config): Finding[] {
  if (!auditLog) return [];
  const table = tableNamed(schema, auditLog.table);
  const gone = [auditLog.at, auditLog.what].find(
    (name) => !table?.columns.some((one) => sameName(schema, one.name, name)),
  );
  if (table && gone === undefined) return [];
  const what = table ? `column "${gone}", which ${table.name} does not have` : `table "${auditLog.table}"`;
  return [
    warning(
      'audit log',
      `auditLog names ${what}${table ? '' : ', which is not there'}`,
      'correct auditLog: in the config',
    ),
  ];
}

/** Tried with any tenant, without reading a row: else a broken one shows when the tenant's rows are back already. */
async function checkFindings(session: Session, { checks }: Config, [tenant]: Tenant[]): Promise<Finding[]> {
  if (!tenant || checks.length === 0) return [];
  const broken: Finding[] = [];
  for (const check of checks) {
    try {
      await session.check(check, tenant.id, { dry: true });
    } catch (error) {
      if (!(error instanceof TenantDrError) || error.code !== 'config-invalid') throw error;
      broken.push(warning('checks', error.message, error.hint ?? 'correct it under checks:'));
    }
  }
  return broken.length > 0 ? broken : [fine('checks', `${checks.length}, every one can be run`)];
}

function tenantFindings(tenants: Tenant[]): Finding[] {
  if (tenants.length === 0) {
    return [
      warning(
        'tenants',
        'the tenants table is empty',
        'if it should not be: tenant-dr tenants --in latest shows who was there',
      ),
    ];
  }
  const unknown = [...new Set(tenants.flatMap((tenant) => tenant.unknownTier ?? []))];
  const twice = repeated(tenants.map((tenant) => tenant.slug));
  return [
    fine('tenants', String(tenants.length)),
    ...(unknown.length === 0
      ? []
      : [
          warning(
            'tiers',
            `these count as free: ${unknown.map(printable).join(', ')}`,
            'set tenants.tier to the column that holds enterprise, pro, starter or free',
          ),
        ]),
    ...(twice.length === 0
      ? []
      : [
          warning(
            'slugs',
            `stand for more than one tenant: ${twice.map(printable).join(', ')}`,
            'name those tenants as id:<id>',
          ),
        ]),
  ];
}

function repeated(names: string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
