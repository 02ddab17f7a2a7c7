import type { ConfigFile } from '../config/schema.ts';
import type { Schema, Table } from './schema.ts';
import { findTable } from './schema.ts';
import { columnAsSpelled } from './spelling.ts';

type OwnershipConfig = Pick<ConfigFile, 'tenants' | 'ownership'>;

/** The column of `ownership.columns` that holds the tenant's id in this table, where one does. */
export function tenantColumnOf(schema: Schema, table: Table, config: OwnershipConfig): string | undefined {
  return namesIn(schema, table, config).find((name) => holdsTenantId(schema, table, name, config, new Set()));
}

function namesIn(schema: Schema, table: Table, { ownership }: OwnershipConfig): string[] {
  return ownership.columns
    .map((name) => columnAsSpelled(schema, table, name))
    .filter((name) => table.columns.some((known) => known.name === name));
}

/**
 * A foreign key tells more than a name: `organization_id` may be a key to a customer's own list of organizations, whose
 * ids are no tenants. One that leads to a column which itself holds the tenant's id is as good as one to the tenants.
 */
function holdsTenantId(
  schema: Schema,
  table: Table,
  column: string,
  config: OwnershipConfig,
  seen: Set<Table>,
): boolean {
  const keys = table.foreignKeys.filter(({ columns }) => columns.length === 1 && columns[0] === column);
  if (keys.length === 0) return namesIn(schema, table, config).includes(column);
  const further = new Set(seen).add(table);
  return keys.some((key) => {
    const [to] = key.parentColumns as [string];
    if (key.table === config.tenants.table) return to === config.tenants.id;
    const parent = findTable(schema, key.table);
    // Of a table elsewhere nothing is known: then the name counts.
    if (!parent || seen.has(parent)) return true;
    return holdsTenantId(schema, parent, to, config, further);
  });
}
