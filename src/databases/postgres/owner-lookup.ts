import type { Link } from '../../engine/slice.ts';
import { plainLinksOf, tablesAbove } from '../../engine/slice.ts';
import { ident } from './identifiers.ts';
import { ownerNamed } from './owners.ts';
import type { Row } from './sql.ts';
import type { Slot, Workspace } from './workspace.ts';

/**
 * SQL for the id of the tenant a live row belongs to, as text, or NULL: the tenant column, or along the links, of
 * which the first that leads to somebody decides. For the few rows that are to be told about.
 */
export function ownerOf(work: Workspace, slot: Slot, alias: string, depth = 0): string {
  const { membership } = slot.slice;
  if (membership.via !== 'links') return ownerNamed(work, slot, membership.column, alias);
  if (work.manyWays(slot.slice.name)) return new Climb(work, slot).owner(alias);
  return first(membership.links.map((link) => ownerThrough(work, link, alias, depth)));
}

/** SQL for the owner of the row a link leads to. */
export function ownerThrough(work: Workspace, link: Link, alias: string, depth = 0): string {
  const parent = work.byName.get(link.parent) as Slot;
  const inner = `o${depth}`;
  return `(SELECT ${ownerOf(work, parent, inner, depth + 1)} FROM ${parent.target} ${inner} WHERE ${leads(link, alias, inner)} LIMIT 1)`;
}

function first(ways: string[]): string {
  return ways.length === 1 ? (ways[0] as string) : `coalesce(${ways.join(', ')})`;
}

function leads(link: Link, from: string, to: string): string {
  return link.columns
    .map((name, i) => `${to}.${ident(link.parentColumns[i] as string)} = ${from}.${ident(name)}`)
    .join(' AND ');
}

/**
 * Rows of a question that tells whose rows it finds, put together from the SQL for that. Nearly always it finds none:
 * where many ways lead to the owner, he is asked for only when it does.
 */
export async function withOwner(
  work: Workspace,
  slot: Slot | undefined,
  alias: string,
  question: (owner: string) => string,
): Promise<Row[]> {
  if (!slot) return work.sql.rows(question('NULL'));
  if (work.manyWays(slot.slice.name)) {
    const found = await work.sql.rows(question('NULL'));
    if (found.length === 0) return found;
  }
  return work.sql.rows(question(ownerOf(work, slot, alias)));
}

/**
 * One lookup that goes up over the tables between a row and its tenant, each of them once, however many ways lead over
 * it: a WITH query per table for the rows met on the way up, children first, and one for their owners on the way back.
 */
class Climb {
  private readonly work: Workspace;
  private readonly from: Slot;
  /** The tables above it, parents first. */
  private readonly above: Slot[];

  constructor(work: Workspace, from: Slot) {
    this.work = work;
    this.from = from;
    const found = tablesAbove(from, work.byName, plainLinksOf);
    this.above = work.slots.filter((slot) => slot !== from && found.has(slot));
  }

  owner(alias: string): string {
    const own = this.columns(this.from).map((name) => `${alias}.${name}`);
    const queries = [
      `${rowsOf(this.from)} AS MATERIALIZED (SELECT ${own.join(', ')})`,
      ...[...this.above].reverse().map((slot) => this.met(slot)),
      ...this.above.map((slot) => this.owned(slot)),
    ];
    return `(WITH ${queries.join(', ')} SELECT ${this.along(this.from)} FROM ${rowsOf(this.from)} r)`;
  }

  /** Rows of a table that rows met before refer to. */
  private met(slot: Slot): string {
    const columns = this.columns(slot).map((name) => `p.${name}`);
    const ways = [this.from, ...this.above].flatMap((child) =>
      plainLinksOf(child.slice)
        .filter((link) => link.parent === slot.slice.name)
        .map(
          (link) =>
            `SELECT ${columns.join(', ')} FROM ${slot.target} p JOIN ${rowsOf(child)} r ON ${leads(link, 'r', 'p')}`,
        ),
    );
    return `${rowsOf(slot)} AS MATERIALIZED (${ways.join(' UNION ')})`;
  }

  /** Those rows with their owners. */
  private owned(slot: Slot): string {
    return `${ownedOf(slot)} AS MATERIALIZED (SELECT r.*, ${this.along(slot)} AS tdr_owner FROM ${rowsOf(slot)} r)`;
  }

  private along(slot: Slot): string {
    const { membership } = slot.slice;
    if (membership.via !== 'links') return ownerNamed(this.work, slot, membership.column, 'r');
    return first(
      membership.links.map((link) => {
        const parent = this.work.byName.get(link.parent) as Slot;
        return `(SELECT p.tdr_owner FROM ${ownedOf(parent)} p WHERE ${leads(link, 'r', 'p')} LIMIT 1)`;
      }),
    );
  }

  /** Columns by which rows of the table lead on, or are led to, or name their tenant. */
  private columns({ slice }: Slot): string[] {
    const links = [this.from, ...this.above].flatMap((one) => plainLinksOf(one.slice));
    const to = links.filter((link) => link.parent === slice.name).flatMap((link) => link.parentColumns);
    const { membership } = slice;
    const own =
      membership.via === 'links' ? membership.links.flatMap((link) => link.columns) : [membership.column];
    return [...new Set([...own, ...to])].map(ident);
  }
}

function rowsOf({ index }: Slot): string {
  return `tdr_rows_${index}`;
}

function ownedOf({ index }: Slot): string {
  return `tdr_owned_${index}`;
}
