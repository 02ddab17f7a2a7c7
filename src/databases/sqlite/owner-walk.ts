import type { Statement } from 'better-sqlite3';
import type { Link } from '../../engine/slice.ts';
import { quote } from './identifiers.ts';
import { ownerText } from './owners.ts';
import { ownColumn, refersTo } from './reference.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { locator } from './workspace.ts';

/** What addresses one live row: the values of its table's locator. */
export type Place = unknown[];

/** Whose a row is. `ours`: it is the tenant's that is being worked on. */
export interface Owner {
  tenant: string;
  ours: boolean;
}

/**
 * Whose a live row is, found key by key, for the few rows that are to be told about: one expression for it would name
 * every way to the tenant, and each key doubles or trebles the ways. As in `ownerOf`, the first key that leads to
 * somebody decides. Every row on the way is asked once, as long as nothing changes.
 */
export class OwnerWalk {
  private readonly work: Workspace;
  private readonly known = new Map<string, Owner | null>();
  private readonly statements = new Map<TableWork | Link, Statement>();

  constructor(work: Workspace) {
    this.work = work;
  }

  of(table: TableWork, place: Place): Owner | null {
    const name = nameOf(table, place);
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const owner = this.find(table, place);
    this.known.set(name, owner);
    return owner;
  }

  private find(table: TableWork, place: Place): Owner | null {
    const { membership } = table.slice;
    if (membership.via !== 'links') return this.read(table, membership.column, place);
    for (const link of membership.links) {
      const [parent] = this.parents(table, link, place);
      const owner = parent ? this.of(this.parentOf(link), parent) : null;
      if (owner) return owner;
    }
    return null;
  }

  /** No row the row leads to by keys that loop is somebody's, nor is any row that these lead to within the table. */
  leadsToNobody(table: TableWork, place: Place): boolean {
    const { links, loops = [] } = table.slice.membership as { links: Link[]; loops?: Link[] };
    const above = new Map([[nameOf(table, place), place]]);
    // The rows are walked while more are added.
    for (const row of above.values()) {
      if (links.some((link) => this.parents(table, link, row).length > 0)) return false;
      for (const link of loops) {
        const parent = this.parentOf(link);
        for (const found of this.parents(table, link, row)) {
          if (parent === table) above.set(nameOf(table, found), found);
          else if (this.of(parent, found)) return false;
        }
      }
    }
    return true;
  }

  private parentOf(link: Link): TableWork {
    return this.work.byName.get(link.parent) as TableWork;
  }

  private parents(table: TableWork, link: Link, place: Place): Place[] {
    const parent = this.parentOf(link);
    const matches = refersTo(link, { table: table.live, alias: 't' }, { table: parent.live, at: 'p' });
    const statement = this.statement(
      link,
      () =>
        `SELECT ${locator(parent.live, 'p').join(', ')} FROM main.${quote(table.slice.name)} t ` +
        `CROSS JOIN main.${quote(link.parent)} p ON ${matches} WHERE ${isAt(table)}`,
    );
    return statement.all(...place) as Place[];
  }

  private read(table: TableWork, column: string, place: Place): Owner | null {
    const statement = this.statement(
      table,
      () =>
        `SELECT ${ownerText(`t.${quote(column)}`)}, ${ownColumn(this.work, table.live, 't', column)} ` +
        `FROM main.${quote(table.slice.name)} t WHERE ${isAt(table)}`,
    );
    const [tenant = null, ours] = (statement.get(...place) ?? []) as [string | null, bigint];
    return tenant === null ? null : { tenant, ours: ours === 1n };
  }

  private statement(of: TableWork | Link, sql: () => string): Statement {
    const known = this.statements.get(of);
    if (known) return known;
    const statement = this.work.connection.prepare(sql()).raw();
    this.statements.set(of, statement);
    return statement;
  }
}

/** "row t is at this place". */
function isAt(table: TableWork): string {
  return locator(table.live, 't')
    .map((column) => `${column} = ?`)
    .join(' AND ');
}

function nameOf(table: TableWork, place: Place): string {
  const values = place.map((value) => (Buffer.isBuffer(value) ? value.toString('hex') : String(value)));
  return JSON.stringify([table.index, ...values.map((value, i) => `${typeof place[i]} ${value}`)]);
}
