/** What introspection finds in a database: the facts ownership and plans are computed from. */

export interface Column {
  name: string;
  /** Declared type, as the database spells it; '' where SQLite has none. */
  type: string;
  notNull: boolean;
  hasDefault: boolean;
  /** Computed by the database: never compared, never written. */
  generated: boolean;
  /** GENERATED ALWAYS / BY DEFAULT AS IDENTITY (PostgreSQL). */
  identity?: 'always' | 'default';
  /** Kind of values it may be compared with; not given where the database compares anything with anything. */
  comparesAs?: string;
  /** Collation by which the column's own index compares, where it is not the default. */
  collation?: string;
}

export interface ForeignKey {
  columns: string[];
  table: string;
  /** Referenced columns, never empty: an implicit reference is resolved to the parent's primary key. */
  parentColumns: string[];
  onDelete: string;
  onUpdate: string;
}

export interface UniqueIndex {
  name: string;
  /** Column names in index order; null stands for an expression. */
  columns: (string | null)[];
  partial: boolean;
  primary: boolean;
}

export interface Trigger {
  name: string;
  /** The definition as stored in the database. */
  sql: string;
}

/** `elsewhere`: in another schema, which is not restored, but its keys lead to tables of this one. `shadow`: owned by a virtual table (full-text and the like). `internal`: the database's own bookkeeping. */
export type TableKind = 'table' | 'virtual' | 'shadow' | 'internal' | 'foreign' | 'elsewhere';

export interface Table {
  name: string;
  kind: TableKind;
  columns: Column[];
  /** Empty when there is none: such a table is compared as a multiset. */
  primaryKey: string[];
  uniques: UniqueIndex[];
  foreignKeys: ForeignKey[];
  triggers: Trigger[];
  /** Of a source: parts of the table (partitions) whose rows it does not hold. */
  incomplete?: string[];
  /** Definition as stored, where the database keeps one (SQLite). */
  sql?: string;
  /** For a virtual table: its module, and the table its content comes from. */
  module?: string;
  contentOf?: string;
}

export interface Schema {
  tables: Table[];
  /** Hash of the whole structure: equal fingerprints mean no drift. */
  fingerprint: string;
  /** To the database, names that differ in the case of ASCII letters only are one name. */
  foldsCase?: boolean;
}

export function findTable(schema: Schema, name: string): Table | undefined {
  return schema.tables.find((table) => table.name === name);
}

/** Whether two names mean the same to the database. */
export function sameName({ foldsCase }: Pick<Schema, 'foldsCase'>, a: string, b: string): boolean {
  return a === b || (foldsCase === true && folded(a) === folded(b));
}

function folded(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Whether the database can look for the value of one column in the other. */
export function comparable(a: Column, b: Column): boolean {
  return a.comparesAs === undefined || a.comparesAs === b.comparesAs;
}

/** Columns that hold data of their own: what is compared, digested and written. */
export function storedColumns(table: Table): Column[] {
  return table.columns.filter((column) => !column.generated);
}
