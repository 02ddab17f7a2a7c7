import type { SearchHit, SearchRequest } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import { keyText, shown } from './encoding.ts';
import { ident } from './identifiers.ts';
import { ownerOf } from './ownership.ts';
import { idOf, idTypeOf } from './tenants.ts';
import type { Workspace } from './workspace.ts';
import { columnOf, namingColumns } from './workspace.ts';

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
  const rows = await work.sql.rows(
    `SELECT o, k FROM (SELECT ${ownerOf(work, slot, 't')} AS o, ${keyText('t', namingColumns(slot.relation))} AS k
     FROM ${slot.target} t WHERE ${shown(`t.${ident(column)}`)} ILIKE $1) q WHERE o IS NOT NULL ORDER BY o, k LIMIT $2`,
    [pattern, limit],
  );
  return rows.map((row) => ({ tenant: idOf(row.o ?? '', type), key: row.k ?? '' }));
}
