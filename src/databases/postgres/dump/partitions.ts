import { ident } from '../identifiers.ts';
import type { Structure } from '../introspect.ts';
import type { Sql } from '../sql.ts';

/** A name as pg_dump writes it: plain or in double quotes; with or without a schema. */
export interface QualifiedName {
  schema: string | null;
  name: string;
}

export interface PlacedName extends QualifiedName {
  schema: string;
}

/** Tells names of different schemas apart. */
export function placeOf({ schema, name }: PlacedName): string {
  return JSON.stringify([schema, name]);
}

/** The same for people. */
export function shownPlace(place: string): string {
  const [schema, name] = JSON.parse(place) as [string, string];
  return schema === 'public' ? name : `${schema}.${name}`;
}

/** A partition of the live database that holds rows itself. */
export interface PresentLeaf {
  table: string;
  empty: boolean;
}

/** Which table the blocks of data in a dump belong to, and whether a table's blocks are all there. */
export class Partitions {
  private readonly schema: string;
  /** As they are now, by `placeOf`. */
  private readonly present: Map<string, PresentLeaf>;
  private readonly defined = new Set<string>();
  /** Partition → its direct parent. */
  private readonly parents = new Map<string, PlacedName>();
  /** Tables, partitions among them, whose rows are all in partitions of theirs. */
  private readonly divided = new Set<string>();

  constructor(schema: string, present: Map<string, PresentLeaf>) {
    this.schema = schema;
    this.present = present;
  }

  define(table: PlacedName, divided: boolean): void {
    this.defined.add(placeOf(table));
    if (divided) this.divided.add(placeOf(table));
  }

  attach(child: PlacedName, parent: PlacedName): void {
    this.parents.set(placeOf(child), parent);
  }

  /** The table of our schema that a block's rows belong to; null where that is in another schema. */
  tableOf(block: PlacedName): string | null {
    const root = this.rootOf(block);
    // A dump can hold data without definitions.
    const now = this.defined.has(placeOf(block)) ? undefined : this.present.get(placeOf(block));
    if (root === block && now) return now.table;
    return root.schema === this.schema ? root.name : null;
  }

  private rootOf(block: PlacedName): PlacedName {
    let root = block;
    for (let up = this.parents.get(placeOf(root)); up; up = this.parents.get(placeOf(root))) root = up;
    return root;
  }

  /** Partitions that hold rows themselves; none for a table without partitions. */
  leavesOf(table: string): string[] {
    return [...this.parents].flatMap(([leaf, parent]) => {
      const root = this.divided.has(leaf) ? null : this.rootOf(parent);
      return root?.schema === this.schema && root.name === table ? [leaf] : [];
    });
  }

  /**
   * Partitions of a table whose rows are not among the blocks seen: a dump can leave them out (--exclude-table-data,
   * --schema), and they can be newer than the dump. That says nothing about their rows, not that there were none.
   */
  missing(table: string, seen: Set<string>): string[] {
    // Loaded by way of the root, all blocks bear its name.
    if (seen.has(placeOf({ schema: this.schema, name: table }))) return [];
    const unknown = [...this.present].filter(
      ([leaf, now]) => now.table === table && !now.empty && !this.defined.has(leaf),
    );
    return [...this.leavesOf(table), ...unknown.map(([leaf]) => leaf)].filter((leaf) => !seen.has(leaf));
  }
}

/** The partitions there are now. */
export async function partitionsNow(sql: Sql, structure: Structure): Promise<Map<string, PresentLeaf>> {
  const leaves = [...structure.relations.values()].flatMap(({ name, partitions }) =>
    partitions.filter(({ leaf }) => leaf).map((part) => ({ ...part, table: name })),
  );
  const rows = await sql.each(
    leaves.map(
      ({ schema, name }) => `SELECT NOT EXISTS (SELECT FROM ONLY ${ident(schema)}.${ident(name)}) AS empty`,
    ),
  );
  return new Map(
    leaves.map((leaf, i) => [placeOf(leaf), { table: leaf.table, empty: rows[i]?.[0]?.empty === 't' }]),
  );
}
