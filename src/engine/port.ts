import type { TenantColumns } from '../config/schema.ts';
import type { Conflict, InboundReference, Revival, RowEffect, SharedNeed, TableEffects } from './plan.ts';
import type { Schema } from './schema.ts';
import type { SliceShape } from './slice.ts';
import type { Tenant, TenantId } from './tenant.ts';

/**
 * The database port: what the engine asks of a database. `databases/sqlite` and `databases/postgres` answer it
 * with parallel file names. It belongs to the engine, so that imports point one way; no SQL leaves the adapters.
 * All methods reject with TenantDrError. Nothing here blocks the event loop.
 */

export type DatabaseKind = 'sqlite' | 'postgres';

/** Differences between databases the engine may ask about, instead of asking for a name. */
export interface Capabilities {
  /** Foreign keys are not enforced while the change runs, so no cascade can happen. */
  foreignKeysOff: boolean;
  /** Large tenants can be locked row by row while others write. */
  rowLocks: boolean;
  /** How the isolation proof works, for the printed sentence. */
  isolationMethod: string;
  /** What the name of a saved slice ends with, by what kind of file it is. */
  sliceEnding: '.db' | '.sql';
}

/** Who a database is, as a manifest records it. */
export interface DatabaseIdentity {
  kind: DatabaseKind;
  /** Name used in confirmations: the file's base name without its ending, or the database name. */
  name: string;
  /** Path, or host:port/name; never a password. */
  location: string;
  host: string;
  /** Rises with what only this database could know: PostgreSQL's system identifier; null for SQLite. */
  systemId: string | null;
}

export interface Progress {
  phase: string;
  done: number;
  total: number | null;
  unit: 'bytes' | 'rows' | 'tables' | 'pages' | 'tenants' | 'backups';
  /** Which of them is under way. */
  about?: string;
}
export type OnProgress = (progress: Progress) => void;

/** Multiset digest of a table's slice (see docs in digest.ts): rows counts duplicates. */
export interface TableDigest {
  rows: number;
  digest: string;
  /** Only of `planned`: what the effects take away and add, whatever else the table holds. Equal for equal effects. */
  change?: string;
}
export interface SliceDigest {
  digest: string;
  tables: Record<string, TableDigest>;
}

/** Something that can be staged: a private copy, a dump, or another live database. */
export type StagedSource =
  /** `whole`: every row in it is the slice (a tenant archive or safety copy). */
  | { form: 'database-file'; path: string; whole: boolean }
  | {
      form: 'dump';
      path: string;
      format: 'custom' | 'directory' | 'tar' | 'plain';
      compression: 'none' | 'gzip' | 'zstd';
      whole: boolean;
    }
  | { form: 'live'; url: string };

export interface StageRequest {
  source: StagedSource;
  columns: TenantColumns;
  /** Live shape and the tenants whose slices will be asked for; a streaming stage picks just these. */
  shape: SliceShape;
  tenants: TenantId[];
  onProgress?: OnProgress;
}

export interface Staged {
  schema: Schema;
  tenants: Tenant[];
}

/** What collecting a slice found. */
export interface Collected {
  tables: Record<string, { live: number; staged: number }>;
  /** Rows whose ownership paths lead to different tenants. */
  disagreements: Conflict[];
}

export interface Comparison {
  tables: TableEffects[];
  conflicts: Conflict[];
  sharedNeeded: SharedNeed[];
  inbound: InboundReference[];
  revivals: Revival[];
}

export interface EffectsPage {
  table: string;
  kind?: 'insert' | 'update' | 'delete';
  offset: number;
  limit: number;
  withValues: boolean;
}

/** How the database itself proved that nobody else's rows were written. */
export interface IsolationProof {
  method: string;
  otherRowsWritten: number;
  tablesGuarded: number;
  /** What application triggers tried and was skipped; what the proof does not cover. */
  notes: string[];
}

/** Recorded before the first change so that the outcome can be found out after a crash. */
export interface ChangeMarker {
  /** PostgreSQL: xid, pid, systemId, timeline. SQLite: nothing is needed beyond digests. */
  [name: string]: string | number | null;
}

/** A configured check selects rows that should not be; `:tenant` in its SQL is the id. */
export interface ConfiguredCheck {
  name: string;
  sql: string;
}

/** Rows a configured check found that should not be; counting may stop early. */
export interface CheckResult {
  ok: boolean;
  rows: number;
}

/** The application's own log: which table and columns, and between which times (ISO 8601). */
export interface TrailRequest {
  table: string;
  at: string;
  what: string;
  from: string;
  to: string;
  limit: number;
}

/** How often something was logged in a minute. `what` is a value: for the screen, not for the journal. */
export interface TrailEntry {
  at: string;
  what: string;
  count: number;
}

export type Outcome = 'committed' | 'not-committed' | 'in-progress' | 'contradictory';

export interface SearchRequest {
  shape: SliceShape;
  table: string;
  column: string;
  text: string;
  limit: number;
}

export interface SearchHit {
  tenant: TenantId;
  /** Key text of the row; never a value. */
  key: string;
}

/**
 * One connection to the live database, with at most one staged source beside it and one tenant's slice
 * collected at a time. Call order: stage, then per tenant collect, compare, (save), begin, apply, verify,
 * prove, commit; or rollback at any point.
 */
export interface Session {
  readonly identity: DatabaseIdentity;
  readonly capabilities: Capabilities;
  /** The connection is gone, and with it what was staged: only a new session can go on. */
  readonly lost: boolean;

  schema(): Promise<Schema>;
  /** Rejects with tenants-table-missing. Sorted by id. */
  tenants(columns: TenantColumns): Promise<Tenant[]>;

  /** Makes a source queryable beside the live database. Replaces an earlier one. */
  stage(request: StageRequest): Promise<Staged>;
  unstage(): Promise<void>;

  /**
   * One consistent reading from here to endRead. `changedSince`: another program committed since the last one. `shape`:
   * what will be collected in it, where nothing was staged; room for it is made before the reading begins.
   */
  beginRead(shape?: SliceShape): Promise<{ changedSince: boolean }>;
  /** Also of a reading that failed to begin. */
  endRead(): Promise<void>;

  /** Finds the tenant's rows, live and staged. `staged: whole` takes every staged row. */
  collect(request: {
    shape: SliceShape;
    tenant: TenantId;
    staged: 'none' | 'slice' | 'whole';
    status: { column: string; suspended: string | number | boolean | null } | null;
  }): Promise<Collected>;
  /** Digest of the collected slice. `planned` is the live digest with the compared effects applied to it. */
  digest(side: 'live' | 'staged' | 'planned', onProgress?: OnProgress): Promise<SliceDigest>;
  /** Computes effects, conflicts, needs and inbound references of the collected slice. */
  compare(onProgress?: OnProgress): Promise<Comparison>;
  effects(page: EffectsPage): Promise<RowEffect[]>;
  /** Consent given after opening: plans made from now on count on it, see `OpenOptions.disableTriggers`. */
  consentToDisabledTriggers(): Promise<void>;
  /** Brings back shared rows that the slice needs, as part of the change (needs consent). */
  includeShared(needs: SharedNeed[]): Promise<void>;

  /** Writes the live slice to a new tenant archive at `path` (0600, fsynced, read back). Ends the reading. */
  saveSlice(path: string, onProgress?: OnProgress): Promise<{ rows: number; bytes: number }>;
  /** Writes key, old and new hash of every planned row to `path` (0600, fsynced); for `probe`. */
  saveEffects(path: string): Promise<{ rows: number; sha256: string }>;

  /** Starts the write transaction and takes the locks. `changedSince`: the slice may differ from the last compare. */
  beginWrite(options: {
    onWait?: (waitedSeconds: number) => void;
  }): Promise<{ changedSince: boolean; marker: ChangeMarker }>;
  /** Installs what enforces isolation while the change runs, applies the effects. */
  apply(
    onProgress?: OnProgress,
  ): Promise<{ executed: Record<string, { insert: number; update: number; delete: number }> }>;
  /** Inside the transaction: planning again must give nothing; touched keys and inbound references of all tenants hold. */
  verify(): Promise<Conflict[]>;
  prove(): Promise<IsolationProof>;
  /** Commits durably. Rejects with outcome-unknown when the answer got lost. */
  commit(): Promise<{ writeLockSeconds: number }>;
  rollback(): Promise<void>;

  /** For undo, after compare: rows it would touch, but for the tenant's own, that are not as the change recorded at `path` left them. */
  changedSince(path: string): Promise<{ table: string; key: string }[]>;
  /** Did the change whose effects were saved at `path` happen? Row by row, for digests that match neither. */
  probe(path: string, marker: ChangeMarker): Promise<Outcome>;

  /** Runs a configured check. Rejects with config-invalid. With `dry` the database only says whether it could: no row is read. */
  check(check: ConfiguredCheck, tenant: TenantId, options?: { dry: boolean }): Promise<CheckResult>;
  /** What the application logged about the collected tenant, by minute, oldest first. Rejects with config-invalid. */
  trail(request: TrailRequest): Promise<TrailEntry[]>;
  /** Sets the tenant's status in a transaction of its own; returns the former status. */
  setStatus(
    columns: TenantColumns,
    tenant: TenantId,
    status: string | number | boolean | null,
  ): Promise<string | null>;
  /**
   * Rows of an owned table whose column, as text, holds a text (ASCII letters of either case), with the tenant
   * each belongs to; rows of nobody are left out. Finds a customer from a complaint (config `tenants.search`).
   */
  search(request: SearchRequest): Promise<SearchHit[]>;
  /** Rows per table and tenant (tenant ids as text), for manifests and listings. */
  countAll(shape: SliceShape): Promise<Record<string, Record<string, number>>>;
  /** Rows of these tables, whoever they belong to. */
  countTables(names: string[]): Promise<Record<string, number>>;
  /** Those of these tables that hold rows of which none belongs to a tenant. Stops at the first one that does. */
  ownerless(shape: SliceShape): Promise<string[]>;
  /** Digest of every table's rows per tenant, in one scan a table: table → tenant id text → digest. */
  digestAll(shape: SliceShape, onProgress?: OnProgress): Promise<Record<string, Record<string, TableDigest>>>;

  close(): Promise<void>;
}

export interface OpenOptions {
  /** `read` leaves the database byte for byte as it is. */
  mode: 'read' | 'write';
  /** Seconds to wait for another writer before giving up. */
  busySeconds?: number;
  /** PostgreSQL, ordinary role: triggers of changed tables may be disabled meanwhile; all writers of them wait. */
  disableTriggers?: boolean;
  onWait?: (waitedSeconds: number) => void;
  /** Aborting it ends a wait for what others hold: the call rejects with `interrupted`, and nothing was changed. */
  signal?: AbortSignal;
}

/** One finding of `doctor`. */
export interface Finding {
  name: string;
  ok: boolean;
  /** A warning does not stop anything. */
  level: 'ok' | 'warning' | 'error';
  detail: string;
  hint?: string;
}

export interface Database {
  readonly kind: DatabaseKind;
  /** Never contains a password. */
  readonly location: string;
  /** Starts what the next `open` will need anyway, for callers that still have other things to do. Opens nothing. */
  makeReady(): void;
  open(options: OpenOptions): Promise<Session>;
  /** What doctor asks of the database itself: rights, locks, settings, tools. */
  examine(): Promise<Finding[]>;
}
