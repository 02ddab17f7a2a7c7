import type { SearchHit, SearchRequest } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import { keyText, shown } from './encoding.ts';
import { ident } from './identifiers.ts';
import { ownerOf } from './owner-lookup.ts';
import { findOwners, ownerJoin } from './owners.ts';
import { idOf, idTypeOf } from './tenants.ts';
import type { Workspace } from './workspace.ts';
import { columnOf, hasLoops, namingColumns } from './workspace.ts';

/** Rows whose column holds a text, with the tenant each belongs to. Values never leave this function. */
export async function searchRows(work: Workspace, request: SearchRequest): Promise<SearchHit[]> {
  const { table: name, column, text, limit } = request;
  const slot = work.byName.get(name);
  if (!slot?.columns.includes(column)) {
    throw new TenantDrError(
      'config-invalid',
      slot
        ? `tenants.search names column "${column}", which ${name} does not have.`
        : `tenants.search names table "${name}", which holds no tenant's rows.`,
      { hint: 'Correct tenants.search in the configuration.', table: name },
    );
  }
  const root = work.slots.find((one) => one.slice.membership.via === 'identity');
  const membership = root?.slice.membership;
  const type = root && membership?.via === 'identity' ? idTypeOf(columnOf(root, membership.column)) : 'text';
  const pattern = `%${text.replaceAll(/[\\%_]/g, (character) => `\\${character}`)}%`;
  const found = (owner: string, joins = '') =>
    work.sql.rows(
      `SELECT o, k FROM (SELECT ${owner} AS o, ${keyText('t', namingColumns(slot.relation))} AS k
       FROM ${slot.target} t${joins} WHERE ${shown(`t.${ident(column)}`)} ILIKE $1) q ORDER BY o, k LIMIT $2`,
      [pattern, limit],
    );
  const many = work.manyWays(name);
  let rows = many ? [] : await found(ownerOf(work, slot, 't'));
  // Few rows are nobody's by plain keys; only then it is worth following loops over whole tables.
  if (many || (hasLoops(work.shape.tables) && rows.some((row) => row.o === null))) {
    const { owner, joins } = ownerJoin(work, slot, await findOwners(work, slot));
    rows = await found(owner, joins);
  }
  return rows.flatMap(({ o, k }) =>
    o === null || o === undefined ? [] : [{ tenant: idOf(o, type), key: k ?? '' }],
  );
}
