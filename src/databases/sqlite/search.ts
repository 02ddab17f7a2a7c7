import type { SearchHit, SearchRequest } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import { quote } from './identifiers.ts';
import { ownerOf, prepareOwners } from './owners.ts';
import { keyTextOf } from './ownership.ts';
import { idOf } from './tenants.ts';
import type { Workspace } from './workspace.ts';

/** Rows whose column holds a text, with the tenant each belongs to. Values never leave this function. */
export function searchRows(work: Workspace, request: SearchRequest): SearchHit[] {
  const { table: name, column, text, limit } = request;
  const table = work.byName.get(name);
  if (!table?.columns.includes(column)) {
    throw new TenantDrError(
      'config-invalid',
      table
        ? `tenants.search names column "${column}", which ${name} does not have.`
        : `tenants.search names table "${name}", which holds no tenant's rows.`,
      { hint: 'Correct tenants.search in the configuration.', table: name },
    );
  }
  prepareOwners(work, table);
  const pattern = `%${text.replaceAll(/[\\%_]/g, (character) => `\\${character}`)}%`;
  const rows = work.connection
    .prepare(
      `SELECT o, k FROM (SELECT ${ownerOf(work, table, 't')} AS o, ${keyTextOf(table, 't')} AS k ` +
        `FROM main.${quote(name)} t WHERE CAST(t.${quote(column)} AS TEXT) LIKE ? ESCAPE '\\') ` +
        'WHERE o IS NOT NULL ORDER BY o, k LIMIT ?',
    )
    .raw()
    .all(pattern, limit) as [Parameters<typeof idOf>[0], string][];
  return rows.map(([owner, key]) => ({ tenant: idOf(owner), key }));
}
