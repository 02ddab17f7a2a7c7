import type { TenantColumns } from '../../config/schema.ts';
import type { Conflict, RowEffect, SharedNeed } from '../../engine/plan.ts';
import type * as Port from '../../engine/port.ts';
import type { SliceShape } from '../../engine/slice.ts';
import type { Tenant, TenantId } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import type { Executed } from './apply.ts';
import { applyEffects } from './apply.ts';
import { countAll, countTables, digestAll, ownerless } from './census.ts';
import { runCheck } from './check.ts';
import { collect, recollectLive } from './collect.ts';
import { readEffects } from './compare.ts';
import { compareSlice, unlikePlan } from './compare-slice.ts';
import { findObstacles } from './conflicts.ts';
import type { Connection } from './connect.ts';
import { connect, fileIdentity, prepareForWriting, requireSameFile } from './connect.ts';
import type { TableHashes } from './digest.ts';
import { digestStaged, finishDigest, hashLive, hashPlanned } from './digest.ts';
import { fullTextTables, isInStep, proveFullText } from './fulltext.ts';
import { proveEntries, watchEntries } from './fulltext-entries.ts';
import { installGuards, readProof, removeGuards } from './guard.ts';
import type { SqliteSchema } from './introspect.ts';
import { introspect } from './introspect.ts';
import { changedSince, probe } from './probe.ts';
import { saveEffects, saveSlice } from './save.ts';
import { searchRows } from './search.ts';
import { includeShared } from './shared.ts';
import type { StatusRule } from './source.ts';
import { attachStaged } from './staged.ts';
import { setStatus } from './status.ts';
import { listTenants } from './tenants.ts';
import { readTrail } from './trail.ts';
import { begin, beginPin, type Pinned, reading } from './turn.ts';
import type { TableWork, Workspace } from './workspace.ts';
import { referredColumns, tableWork } from './workspace.ts';

/**
 * The port's Session on SQLite, synchronous: it lives in a worker thread (`worker.ts`), where blocking is free.
 * Method names and meanings are those of `engine/port.ts`.
 */
export class SqliteSession {
  readonly path: string;
  private readonly connection: Connection;
  private readonly opened: string;
  private live: SqliteSchema | undefined;
  private staged: SqliteSchema | undefined;
  private work: Workspace | undefined;
  private status: StatusRule | null = null;
  private liveHashes: TableHashes | undefined;
  private readVersion: bigint | undefined;
  private lockedAt = 0;
  private inStepBefore = new Map<string, boolean>();
  private shared: SharedNeed[] = [];
  private unproved: string[] = [];
  private guarded = false;

  constructor(path: string, mode: 'read' | 'write') {
    this.path = path;
    this.connection = connect(path, mode);
    this.opened = fileIdentity(path);
  }

  schema(): SqliteSchema {
    this.live = introspect(this.connection, 'main');
    return this.live;
  }

  tenants(columns: TenantColumns): Tenant[] {
    return listTenants(this.connection, 'main', columns);
  }

  stage(request: { source: Port.StagedSource; columns: TenantColumns }): Port.Staged {
    this.unstage();
    attachStaged(this.connection, request.source);
    this.staged = introspect(this.connection, 'staged');
    return { schema: this.staged, tenants: listTenants(this.connection, 'staged', request.columns) };
  }

  unstage(): void {
    if (!this.staged) return;
    this.work = undefined;
    this.staged = undefined;
    this.connection.exec('DETACH staged');
  }

  beginRead(): { changedSince: boolean } {
    this.#unguard();
    const former = this.readVersion;
    this.readVersion = begin(this.connection, 'BEGIN');
    return { changedSince: former !== undefined && former !== this.readVersion };
  }

  /** Begins a reading as `pin.ts` needs it. */
  beginPin(): Pinned {
    return beginPin(this.connection, this.path);
  }

  /** Everything `work` reads shows one state, and waits for the database once. */
  reading<T>(work: () => T): T {
    return reading(this.connection, work);
  }

  endRead(): void {
    if (this.connection.inTransaction) this.connection.exec('COMMIT');
  }

  collect(request: {
    shape: SliceShape;
    tenant: TenantId;
    staged: 'none' | 'slice' | 'whole';
    status: StatusRule | null;
  }): Port.Collected {
    this.work = this.workspace(request.shape);
    this.status = request.status;
    this.liveHashes = undefined;
    this.shared = [];
    return collect(this.work, request.tenant, request.staged);
  }

  digest(side: 'live' | 'staged' | 'planned'): Port.SliceDigest {
    const work = this.collected();
    if (side === 'staged') return digestStaged(work);
    const live = this.hashes();
    if (side === 'live') return finishDigest(work, live);
    return finishDigest(work, hashPlanned(work, live), live);
  }

  compare(): Port.Comparison {
    const work = this.collected();
    const { tables, revivals } = compareSlice(work, this.status);
    return { tables, revivals, ...findObstacles(work) };
  }

  effects(page: Port.EffectsPage): RowEffect[] {
    const table = this.collected().byName.get(page.table);
    return table ? readEffects(this.collected(), table, page) : [];
  }

  includeShared(needs: SharedNeed[]): void {
    this.shared = needs;
  }

  saveSlice(path: string): { rows: number; bytes: number } {
    return saveSlice(this.collected(), path, this.hashes());
  }

  saveEffects(path: string): { rows: number; sha256: string } {
    return saveEffects(this.collected(), path);
  }

  /** One try for the write lock; the caller in `database.ts` repeats it while another program holds it. */
  tryBeginWrite(): { changedSince: boolean; marker: Port.ChangeMarker } {
    this.#unguard();
    requireSameFile(this.path, this.opened);
    prepareForWriting(this.connection);
    const version = begin(this.connection, 'BEGIN IMMEDIATE');
    this.lockedAt = performance.now();
    return { changedSince: version !== this.readVersion, marker: {} };
  }

  apply(onProgress: Port.OnProgress): { executed: Executed } {
    const work = this.collected();
    const fullText = fullTextTables(work);
    this.inStepBefore = new Map(fullText.map((table) => [table.name, isInStep(work, table)]));
    if (this.shared.length > 0) includeShared(work, this.shared);
    installGuards(work);
    this.guarded = true;
    watchEntries(work);
    return { executed: applyEffects(work, onProgress) };
  }

  verify(): Conflict[] {
    const work = this.collected();
    proveFullText(work);
    recollectLive(work);
    this.unproved = proveEntries(work);
    return unlikePlan(work);
  }

  prove(): Port.IsolationProof {
    const work = this.collected();
    const proof = readProof(work);
    for (const [name, before] of this.inStepBefore) {
      if (!before)
        proof.notes.push(
          `The full-text table ${name} did not match its content before the change; it was built anew.`,
        );
    }
    for (const name of this.unproved)
      proof.notes.push(`Entries of the full-text table ${name} were written: whose they are can't be told.`);
    return proof;
  }

  commit(): { writeLockSeconds: number } {
    this.connection.exec('COMMIT');
    const writeLockSeconds = (performance.now() - this.lockedAt) / 1000;
    this.liveHashes = undefined;
    return { writeLockSeconds };
  }

  rollback(): void {
    if (!this.connection.inTransaction) return;
    this.connection.exec('ROLLBACK');
    this.guarded = false;
  }

  /** Guards outlive their transaction: with hundreds of tables dropping them takes seconds, in which nobody could write. */
  #unguard(): void {
    if (this.guarded) removeGuards(this.connection);
    this.guarded = false;
  }

  changedSince(path: string): { table: string; key: string }[] {
    return changedSince(this.collected(), path);
  }

  probe(path: string): Port.Outcome {
    return probe(this.connection, this.live ?? this.schema(), path);
  }

  setStatus(
    columns: TenantColumns,
    tenant: TenantId,
    value: string | number | boolean | null,
  ): string | null {
    this.#unguard();
    return setStatus(this.connection, columns, tenant, value);
  }

  countAll(shape: SliceShape): Record<string, Record<string, number>> {
    return countAll(this.workspace(shape));
  }

  countTables(names: string[]): Record<string, number> {
    return countTables(this.connection, names);
  }

  ownerless(shape: SliceShape): string[] {
    return ownerless(this.workspace(shape));
  }

  digestAll(
    shape: SliceShape,
    onProgress: Port.OnProgress,
  ): Record<string, Record<string, Port.TableDigest>> {
    return digestAll(this.workspace(shape), onProgress);
  }

  check(...asked: Parameters<Port.Session['check']>): Port.CheckResult {
    return runCheck(this.connection, ...asked);
  }

  trail(request: Port.TrailRequest): Port.TrailEntry[] {
    return readTrail(this.collected(), request);
  }

  search(request: Port.SearchRequest): Port.SearchHit[] {
    return searchRows(this.workspace(request.shape), request);
  }

  close(): void {
    this.rollbackIfOpen();
    this.connection.close();
  }

  private rollbackIfOpen(): void {
    if (this.connection.inTransaction) this.connection.exec('ROLLBACK');
  }

  private collected(): Workspace {
    if (!this.work) throw new TenantDrError('internal', 'No slice has been collected.');
    return this.work;
  }

  workspace(shape: SliceShape): Workspace {
    const live = this.live ?? this.schema();
    const staged = this.staged ?? null;
    const tables = shape.tables.map((slice, index) => tableWork(slice, index, live, staged));
    const root = tables.find((table) => table.slice.membership.via === 'identity') as TableWork;
    const identity = root.slice.membership as { column: string };
    return {
      connection: this.connection,
      encoding: live.encoding,
      tables,
      byName: new Map(tables.map((table) => [table.slice.name, table])),
      referred: referredColumns(shape.tables),
      liveSchema: live,
      stagedSchema: staged,
      others: shape.others,
      root: { table: root.live, column: identity.column },
    };
  }

  /** Hashes of the live slice as it was collected, computed once. */
  private hashes(): TableHashes {
    this.liveHashes ??= hashLive(this.collected());
    return this.liveHashes;
  }
}
