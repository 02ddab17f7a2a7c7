import type { StageRequest } from '../../engine/port.ts';
import type { SliceTable } from '../../engine/slice.ts';
import { ident, identList, literal } from './identifiers.ts';
import type { Structure } from './introspect.ts';
import type { Sql } from './sql.ts';
import { idText } from './tenants.ts';
import { targetOf } from './workspace.ts';

/**
 * Condition on a row of a server's table, without temporary tables, that it belongs to one of the tenants asked for:
 * links become nested conditions, those that loop are left out. Null when no row can.
 */
export function memberOf(
  sql: Sql,
  structure: Structure,
  request: Pick<StageRequest, 'shape' | 'tenants'>,
  slice: SliceTable,
  alias: string,
): string | null {
  const relation = structure.relations.get(slice.name);
  if (!relation) return null;
  const has = (name: string): boolean => relation.columns.some((column) => column.name === name);
  const { membership } = slice;
  if (membership.via !== 'links') {
    if (!has(membership.column) || request.tenants.length === 0) return null;
    return `${alias}.${ident(membership.column)} IN (${request.tenants.map((id) => literal(idText(id))).join(', ')})`;
  }
  const ways = membership.links.flatMap((link) => {
    const parent = request.shape.tables.find((table) => table.name === link.parent);
    const held = structure.relations.get(link.parent);
    if (!parent || !held || !link.columns.every(has)) return [];
    const inner = `${alias}p`;
    const condition = memberOf(sql, structure, request, parent, inner);
    if (condition === null) return [];
    return [
      `(${identList(link.columns, alias)}) IN (SELECT ${identList(link.parentColumns, inner)} FROM ${targetOf(sql, held)} ${inner} WHERE ${condition})`,
    ];
  });
  return ways.length === 0 ? null : `(${ways.join(' OR ')})`;
}
