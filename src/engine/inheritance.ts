import type { ConfigFile } from '../config/schema.ts';
import { TenantDrError } from '../errors.ts';
import type { TableOwnership } from './ownership.ts';
import type { Schema, Table } from './schema.ts';
import type { Link } from './slice.ts';

type OwnershipConfig = Pick<ConfigFile, 'tenants' | 'ownership'>;

/**
 * Ownership through keys, from the owned tables outwards. A table's rows belong through every key into an owned
 * table; keys that would make ownership circular are kept apart as loops, those nearest the tenant come first.
 */
export function inherit(
  schema: Schema,
  config: OwnershipConfig,
  found: Map<string, TableOwnership>,
): string[] {
  const rank = new Map<string, number>();
  for (const entry of found.values()) {
    if (entry.membership && entry.membership.via !== 'links') rank.set(entry.name, 0);
  }
  const candidates = schema.tables.filter(
    (table) =>
      table.kind === 'table' &&
      (!found.has(table.name) || found.get(table.name)?.membership?.via === 'links'),
  );
  for (let distance = 1, grew = true; grew; distance++) {
    grew = false;
    for (const table of candidates) {
      if (rank.has(table.name)) continue;
      if (keysOf(table, found).some((link) => (rank.get(link.parent) ?? distance) < distance)) {
        rank.set(table.name, distance);
        grew = true;
      }
    }
  }
  const parents = new Map<string, Set<string>>();
  const byRank = candidates
    .filter((table) => rank.has(table.name))
    .sort((a, b) => rankOf(rank, a.name) - rankOf(rank, b.name));
  for (const table of byRank) parents.set(table.name, new Set());
  const accepted = new Map<string, Link[]>();
  const links = byRank.flatMap((table) => keysOf(table, found).map((link) => ({ table: table.name, link })));
  links.sort((a, b) => rankOf(rank, a.link.parent) - rankOf(rank, b.link.parent));
  const loops = new Map<string, Link[]>();
  for (const { table, link } of links) {
    if (!rank.has(link.parent)) continue;
    if (reaches(parents, link.parent, table)) {
      loops.set(table, [...(loops.get(table) ?? []), link]);
      continue;
    }
    parents.get(table)?.add(link.parent);
    accepted.set(table, [...(accepted.get(table) ?? []), link]);
  }
  for (const table of byRank) {
    const declared = found.get(table.name);
    found.set(table.name, {
      name: table.name,
      ownership: declared ? 'declared' : 'inherited',
      path: [],
      membership: {
        via: 'links',
        links: accepted.get(table.name) ?? [],
        ...(loops.has(table.name) ? { loops: loops.get(table.name) as Link[] } : {}),
      },
      crossLinks: [],
    });
  }
  for (const entry of found.values()) {
    if (entry.membership?.via === 'links' && !rank.has(entry.name)) {
      throw new TenantDrError(
        'config-invalid',
        `ownership.tables.${entry.name} goes through a table that reaches no tenant.`,
        {
          table: entry.name,
          hint: `Classify the table it goes through first (${config.tenants.table} is the root).`,
        },
      );
    }
  }
  return topological(schema, config, found, parents);
}

function rankOf(rank: Map<string, number>, table: string): number {
  return rank.get(table) ?? Number.MAX_SAFE_INTEGER;
}

/** Candidate links of a table: what the config declared, otherwise its foreign keys. */
function keysOf(table: Table, found: Map<string, TableOwnership>): Link[] {
  const declared = found.get(table.name)?.membership;
  if (declared?.via === 'links') return declared.links;
  return table.foreignKeys.map((key) => ({
    columns: key.columns,
    parent: key.table,
    parentColumns: key.parentColumns,
  }));
}

function reaches(parents: Map<string, Set<string>>, from: string, to: string): boolean {
  // A set is walked while it grows: every table on the way is looked at once, however many ways lead to it.
  const seen = new Set([from]);
  for (const name of seen) for (const next of parents.get(name) ?? []) seen.add(next);
  return seen.has(to);
}

/** Owned tables, every table after the tables it belongs through; the tenants table first. */
function topological(
  schema: Schema,
  config: OwnershipConfig,
  found: Map<string, TableOwnership>,
  parents: Map<string, Set<string>>,
): string[] {
  const order: string[] = [];
  const visit = (name: string): void => {
    if (order.includes(name)) return;
    for (const parent of parents.get(name) ?? []) visit(parent);
    order.push(name);
  };
  if (found.get(config.tenants.table)?.membership) visit(config.tenants.table);
  for (const table of schema.tables) if (found.get(table.name)?.membership) visit(table.name);
  return order;
}
