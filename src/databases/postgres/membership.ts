import type { StageRequest } from '../../engine/port.ts';
import type { SliceTable } from '../../engine/slice.ts';
import { ident, identList, literal } from './identifiers.ts';
import type { Structure } from './introspect.ts';
import type { Sql } from './sql.ts';
import { idText } from './tenants.ts';
import { targetOf } from './workspace.ts';

type Request = Pick<StageRequest, 'shape' | 'tenants'>;

/**
 * Condition on a row of a server's table, without temporary tables, that it belongs to one of the tenants asked for:
 * links become subqueries, those that loop are left out. Null when no row can.
 */
export function memberOf(
  sql: Sql,
  structure: Structure,
  request: Request,
  slice: SliceTable,
  alias: string,
): string | null {
  return new Membership(sql, structure, request).condition(slice, alias, true);
}

/** One question. However many ways lead over a table, its rows are asked for once, in a WITH query of their own. */
class Membership {
  private readonly sql: Sql;
  private readonly structure: Structure;
  private readonly request: Request;
  /** WITH queries, parents first. */
  private readonly queries: string[] = [];
  /** By table, what its rows are called there; null when none can be a tenant's, or as long as that is being found out. */
  private readonly names = new Map<string, string | null>();

  constructor(sql: Sql, structure: Structure, request: Request) {
    this.sql = sql;
    this.structure = structure;
    this.request = request;
  }

  /** `outermost`: the subqueries begin with the WITH queries, which those inside them see. */
  condition({ name, membership }: SliceTable, alias: string, outermost: boolean): string | null {
    const columns = this.columnsOf(name);
    const { tenants } = this.request;
    if (membership.via !== 'links') {
      if (!columns.has(membership.column) || tenants.length === 0) return null;
      return `${alias}.${ident(membership.column)} IN (${tenants.map((id) => literal(idText(id))).join(', ')})`;
    }
    const links = membership.links.filter((link) => link.columns.every((column) => columns.has(column)));
    const parents = links.map((link) => this.parentRows(link.parent));
    const queries = outermost && this.queries.length > 0 ? `WITH ${this.queries.join(', ')} ` : '';
    const ways = links.flatMap((link, i) => {
      const rows = parents[i];
      if (!rows) return [];
      return `(${identList(link.columns, alias)}) IN (${queries}SELECT ${identList(link.parentColumns, rows)} FROM ${rows})`;
    });
    return ways.length === 0 ? null : `(${ways.join(' OR ')})`;
  }

  private parentRows(table: string): string | null {
    const known = this.names.get(table);
    if (known !== undefined) return known;
    this.names.set(table, null);
    const { tables } = this.request.shape;
    const slice = tables.find(({ name }) => name === table);
    const relation = this.structure.relations.get(table);
    const condition = slice && relation ? this.condition(slice, 'p', false) : null;
    if (!relation || condition === null) return null;
    const links = tables.flatMap(({ membership }) => (membership.via === 'links' ? membership.links : []));
    const asked = links.flatMap(({ parent, parentColumns }) => (parent === table ? parentColumns : []));
    const held = this.columnsOf(table);
    const columns = [...new Set(asked)].filter((column) => held.has(column));
    const name = `tdr_rows_${this.queries.length}`;
    this.queries.push(
      `${name} AS (SELECT ${identList(columns, 'p')} FROM ${targetOf(this.sql, relation)} p WHERE ${condition})`,
    );
    this.names.set(table, name);
    return name;
  }

  private columnsOf(table: string): Set<string> {
    return new Set(this.structure.relations.get(table)?.columns.map(({ name }) => name));
  }
}
