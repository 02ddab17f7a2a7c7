import type { SearchHit, SearchRequest } from '../../engine/port.ts';
import { hasManyWays } from '../../engine/slice.ts';
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
  const pattern = `%${text.replaceAll(/[\\%_]/g, (character) => `\\${character}`)}%`;
  type Found = [Parameters<typeof idOf>[0], string];
  const found = () =>
    work.connection
      .prepare(
        `SELECT o, k FROM (SELECT ${ownerOf(work, table, 't')} AS o, ${keyTextOf(table, 't')} AS k ` +
          `FROM main.${quote(name)} t WHERE CAST(t.${quote(column)} AS TEXT) LIKE ? ESCAPE '\\') ORDER BY o IS NULL, o, k LIMIT ?`,
      )
      .raw()
      .all(pattern, limit) as Found[];
  const many = hasManyWays(work.tables.map(({ slice }) => slice))(name);
  let rows = many ? [] : found();
  // Few rows are nobody's by plain keys; only then it is worth following loops over whole tables.
  if (many || rows.some(([owner]) => owner === null)) {
    prepareOwners(work, table);
    rows = found();
  }
  return rows.flatMap(([owner, key]) => (owner === null ? [] : [{ tenant: idOf(owner), key }]));
}
