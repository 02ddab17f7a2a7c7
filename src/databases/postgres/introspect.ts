import { createHash } from 'node:crypto';
import type { Column, Schema, Table } from '../../engine/schema.ts';
import type { Relation, RelationColumn, Unique } from './catalog.ts';
import { foreignActions, readCatalog } from './catalog.ts';
import type { Sql } from './sql.ts';
import { structureMark } from './structure-mark.ts';

/** The structure of the schema: as the engine sees it, and with what only PostgreSQL has. */
export interface Structure {
  schema: Schema;
  relations: Map<string, Relation>;
  /** Tells whether it is still this structure. */
  mark: string;
}

/** Reads the structure of the session's schema. Partitions are part of their root. Changes nothing. */
export async function introspect(sql: Sql): Promise<Structure> {
  // Taken first: what changes while the rest is read shows later.
  const mark = await structureMark(sql);
  const relations = await readCatalog(sql, sql.target.schema);
  const own = [...relations.values()].map(toTable);
  const tables = [...own, ...tablesElsewhere(relations)];
  return { schema: { tables, fingerprint: fingerprintOf(own) }, relations, mark };
}

/** Tables of other schemas whose rows refer to ours: what belongs to a tenant must not be forgotten for where it is. */
function tablesElsewhere(relations: Map<string, Relation>): Table[] {
  const own = new Set([...relations.values()].map(({ oid }) => oid));
  const found = new Map<string, Table>();
  for (const { name, referencedBy } of relations.values()) {
    for (const { from, columns, parentColumns, onDelete, onUpdate } of referencedBy) {
      if (own.has(from.root.oid)) continue;
      const child = `${from.schema}.${from.root.table}`;
      const table = found.get(child) ?? { ...bareTable(child), foreignKeys: [] };
      table.foreignKeys.push({
        columns,
        table: name,
        parentColumns,
        onDelete: foreignActions[onDelete],
        onUpdate: foreignActions[onUpdate],
      });
      found.set(child, table);
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function bareTable(name: string): Table {
  return { name, kind: 'elsewhere', columns: [], primaryKey: [], uniques: [], foreignKeys: [], triggers: [] };
}

export function relationOf(structure: Structure, name: string): Relation {
  const found = structure.relations.get(name);
  if (!found) throw new Error(`no relation ${name}`);
  return found;
}

function toTable(relation: Relation): Table {
  return {
    name: relation.name,
    kind: relation.extension ? 'internal' : relation.kind === 'f' ? 'foreign' : 'table',
    columns: relation.columns.map(toColumn),
    primaryKey: relation.primaryKey,
    uniques: relation.uniques.map((unique: Unique) => ({
      name: unique.name,
      columns: unique.terms.map((term) => term.column),
      partial: unique.predicate !== null,
      primary: unique.primary,
    })),
    foreignKeys: relation.foreignKeys.map((key) => ({
      columns: key.columns,
      table: key.table,
      parentColumns: key.parentColumns,
      onDelete: foreignActions[key.onDelete],
      onUpdate: foreignActions[key.onUpdate],
    })),
    triggers: relation.triggers.map((trigger) => ({ name: trigger.name, sql: trigger.sql })),
  };
}

function toColumn(column: RelationColumn): Column {
  return {
    name: column.name,
    type: column.type,
    notNull: column.notNull,
    hasDefault: column.hasDefault,
    generated: column.generated,
    // Numbers of all kinds compare, and so do dates, texts, addresses and bits; otherwise only one type with itself.
    comparesAs: 'BDINSV'.includes(column.category) ? column.category : column.baseName,
    ...(column.identity === null ? {} : { identity: column.identity }),
    ...(column.collation === null ? {} : { collation: column.collation }),
  };
}

export function fingerprintOf(tables: Table[]): string {
  const facts = tables.map((table) => [
    table.name,
    table.kind,
    table.columns.map((column) => [column.name, column.type, column.notNull, column.generated]),
    table.primaryKey,
    table.foreignKeys,
    table.uniques.map((unique) => [unique.columns, unique.partial]),
  ]);
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}
