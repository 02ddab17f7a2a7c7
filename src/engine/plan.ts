import type { TableMode } from './slice.ts';

/** What a plan says: the exact row effects that turn the live slice into the staged one. */

export const restoreModes = ['exact', 'keep-new', 'missing'] as const;
export type RestoreMode = (typeof restoreModes)[number];

export type EffectKind = 'insert' | 'update' | 'delete';

/** One value as shown to a person; `null` is NULL. Only with --with-values does one leave the process. */
export interface ColumnChange {
  column: string;
  live: string | null;
  backup: string | null;
}

export interface RowEffect {
  kind: EffectKind;
  /** Canonical text of the row's key: a JSON array; for a table without a key, its position and hash. */
  key: string;
  /** Names of changed columns (update only). */
  columns: string[];
  /** Values; present only when asked for. */
  changes?: ColumnChange[];
}

export interface TableEffects {
  name: string;
  mode: TableMode;
  /** Rows of the slice, live and in the backup. */
  live: number;
  backup: number;
  insert: number;
  update: number;
  delete: number;
  unchanged: number;
  /** Rows that differ from the backup and stay as they are: newer ones, and what a rule or a choice leaves alone. */
  kept: number;
  /** Rows that exist only live and would be gone: equals `delete`. */
  losses: number;
  /** Columns that change in some row. */
  updatedColumns: string[];
  /** The first few effects, by key. */
  samples: RowEffect[];
}

export type ConflictKind =
  | 'key-of-another-tenant'
  | 'cut-loose'
  | 'unique-taken'
  | 'paths-disagree'
  | 'reference-missing'
  | 'inbound-reference'
  | 'duplicate-key'
  | 'value-does-not-fit'
  | 'tenant-id-changed'
  | 'trigger-cannot-run'
  | 'triggers-run';

export interface Conflict {
  kind: ConflictKind;
  table: string;
  /** Key text of the row of this slice. */
  key: string;
  /** Constraint or column concerned. */
  constraint?: string;
  /** Other side: a table, a key, a tenant id where one is known. */
  other?: { table?: string; key?: string; tenant?: string };
  /** One sentence. Holds no row values but keys. */
  detail: string;
  /** A plan with a blocking conflict is never applied. */
  blocking: boolean;
}

export interface Drift {
  kind:
    | 'table-only-live'
    | 'table-only-backup'
    | 'column-only-live'
    | 'column-only-backup'
    | 'type-changed'
    | 'key-changed'
    | 'tenant-column-missing'
    | 'rows-missing';
  table: string;
  column?: string;
  detail: string;
  blocking: boolean;
}

/** A shared row the slice refers to that is gone from the live database. */
export interface SharedNeed {
  table: string;
  key: string;
  /** The backup still has it, so it can be brought back on request. */
  inBackup: boolean;
  neededBy: string;
}

/** Rows outside the slice that refer to rows the plan would delete. */
export interface InboundReference {
  table: string;
  key: string;
  refersTo: { table: string; key: string };
  onDelete: string;
  /** Tenant the referring row belongs to, where it can be told. */
  tenant?: string;
}

/** Rows that would come back to life (design section 4): unfinished queue rows, credentials removed since. */
export interface Revival {
  table: string;
  review: 'credentials' | 'queue' | 'billing';
  rows: number;
  keys: string[];
  /** What will be done with them. */
  decision: 'restore' | 'skip' | 'set';
}
