import type { TenantColumns } from '../../config/schema.ts';
import type { RowEffect, SharedNeed } from '../../engine/plan.ts';
import type * as Port from '../../engine/port.ts';
import type { Schema } from '../../engine/schema.ts';
import type { SliceShape } from '../../engine/slice.ts';
import type { Tenant } from '../../engine/tenant.ts';
import { TenantDrError } from '../../errors.ts';
import { countAll, countTables, digestAll, ownerless } from './census.ts';
import { Change } from './change.ts';
import { runCheck } from './check.ts';
import { collect } from './collect.ts';
import { compareAll } from './comparison.ts';
import type { TableHashes } from './digest.ts';
import { digestStaged, finishLive, hashLive, hashPlanned } from './digest.ts';
import { readEffects } from './effects.ts';
import type { SessionFacts } from './facts.ts';
import { introspect, type Structure } from './introspect.ts';
import { refreshLive } from './live.ts';
import { type CollectRequest, censusWorkspace, dropMany, makeMany, prepareWorkspace } from './prepare.ts';
import { changedSince, probe } from './probe.ts';
import { saveEffects, saveSlice } from './save.ts';
import { searchRows } from './search.ts';
import { exportSnapshot, type Snapshot } from './snapshot.ts';
import { openSource } from './sources.ts';
import type { Sql } from './sql.ts';
import { type Stage, stageSource } from './stage.ts';
import { setStatus } from './status.ts';
import { listTenants, requireTenants, stagedTenants } from './tenants.ts';
import { readTrail } from './trail.ts';
import { methodFor } from './triggers.ts';
import { dropTables, targetOf, type Workspace } from './workspace.ts';

/** The port's Session on PostgreSQL: one connection, our temporary tables on it, at most one transaction. */
export class PostgresSession implements Port.Session {
  readonly identity: Port.DatabaseIdentity;
  readonly capabilities: Port.Capabilities;
  private readonly sql: Sql;
  private readonly facts: SessionFacts;
  private structure: Structure | null = null;
  private stageNow: Stage | null = null;
  private work: Workspace | null = null;
  /** The temporary tables are those of `work`, and hold the rows it counts. */
  private intact = false;
  private reading = false;
  private change: Change | null = null;
  private hashes: TableHashes | null = null;
  private compared = false;
  private shared: SharedNeed[] = [];

  constructor(sql: Sql, facts: SessionFacts) {
    this.sql = sql;
    this.facts = facts;
    this.identity = facts.identity;
    this.capabilities = {
      foreignKeysOff: facts.replica,
      rowLocks: true,
      isolationMethod: 'the server counts every row a transaction writes',
      sliceEnding: '.sql',
    };
  }

  get lost(): boolean {
    return this.sql.lost;
  }

  async schema(): Promise<Schema> {
    this.structure = await introspect(this.sql);
    return this.structure.schema;
  }

  private async known(): Promise<Structure> {
    this.structure ??= await introspect(this.sql);
    return this.structure;
  }

  async tenants(columns: TenantColumns): Promise<Tenant[]> {
    const structure = await this.known();
    const relation = requireTenants(structure.relations.get(columns.table), columns);
    return listTenants(this.sql, relation, columns, targetOf(this.sql, relation));
  }

  async stage(request: Port.StageRequest): Promise<Port.Staged> {
    await this.unstage();
    const structure = await this.known();
    const source = await openSource(this.sql, structure, request);
    try {
      const { stage, work } = await stageSource(this.sql, structure, source, request);
      this.stageNow = stage;
      this.compared = false;
      this.work = work ?? (await makeMany(this.sql, structure, request.shape, stage));
      this.intact = true;
    } finally {
      await source.close();
    }
    return {
      schema: this.stageNow.schema,
      tenants: await stagedTenants(this.sql, structure, this.stageNow, request.columns),
    };
  }

  async unstage(): Promise<void> {
    if (!this.stageNow && !this.work) return;
    [this.stageNow, this.work] = [null, null];
    await dropTables(this.sql, 'raw|member|live|staged|want|gone');
  }

  async beginRead(shape?: SliceShape): Promise<{ changedSince: boolean }> {
    if (shape) [this.work, this.intact] = [await makeMany(this.sql, await this.known(), shape, null), true];
    await this.sql.run('BEGIN ISOLATION LEVEL REPEATABLE READ');
    this.reading = true;
    if (!this.work || !this.compared || !this.hashes) return { changedSince: false };
    // The rows compared last, looked at again: only what they are now says whether the plan still holds.
    const changedSince = await refreshLive(this.work);
    if (changedSince) this.hashes = await hashLive(this.work);
    return { changedSince };
  }

  /** Inside a reading: lets another connection read the same snapshot until the reading ends. */
  exportSnapshot(): Promise<Snapshot> {
    return exportSnapshot(this.sql);
  }

  async endRead(): Promise<void> {
    if (!this.reading) return;
    this.reading = false;
    await this.finishReading();
  }

  async collect(request: CollectRequest): Promise<Port.Collected> {
    this.compared = false;
    this.shared = [];
    const own = !this.reading && !this.change;
    const structure = await this.known();
    const { sql, stageNow } = this;
    const before = this.intact ? this.work : null;
    this.intact = false;
    this.work = await prepareWorkspace(sql, structure, stageNow, request, before);
    if (own) await sql.run('BEGIN');
    try {
      const found = await collect(this.work);
      this.hashes = await hashLive(this.work);
      this.intact = true;
      return found;
    } finally {
      if (own) await this.finishReading();
    }
  }

  /** After a failed statement our temporary tables are what they were before the reading: they are made anew. */
  private async finishReading(): Promise<void> {
    if (!(await this.sql.commit())) this.intact = false;
  }

  private collected(): Workspace {
    if (this.work) return this.work;
    throw new TenantDrError('internal', 'No slice was collected on this session.');
  }

  async digest(side: 'live' | 'staged' | 'planned', onProgress?: Port.OnProgress): Promise<Port.SliceDigest> {
    const work = this.collected();
    if (side === 'staged') return digestStaged(work);
    this.hashes ??= await hashLive(work);
    const planned = side === 'planned' ? await hashPlanned(work, this.hashes) : undefined;
    const digest = finishLive(work, planned ?? this.hashes, planned && this.hashes);
    onProgress?.({ phase: 'digesting', done: work.slots.length, total: work.slots.length, unit: 'tables' });
    return digest;
  }

  async compare(onProgress?: Port.OnProgress): Promise<Port.Comparison> {
    this.intact = false;
    const comparison = await compareAll(this.collected(), methodFor(this.facts), onProgress);
    [this.compared, this.intact] = [true, true];
    return comparison;
  }

  async effects(page: Port.EffectsPage): Promise<RowEffect[]> {
    const slot = this.collected().byName.get(page.table);
    return slot ? readEffects(this.collected(), slot, page) : [];
  }

  async consentToDisabledTriggers(): Promise<void> {
    this.facts.options.disableTriggers = true;
  }

  async includeShared(needs: SharedNeed[]): Promise<void> {
    this.shared = needs;
  }

  saveSlice(path: string, onProgress?: Port.OnProgress): Promise<{ rows: number; bytes: number }> {
    return saveSlice(this.collected(), path, onProgress);
  }

  saveEffects(path: string): Promise<{ rows: number; sha256: string }> {
    return saveEffects(this.collected(), path);
  }

  async beginWrite(
    options: Parameters<Port.Session['beginWrite']>[0],
  ): ReturnType<Port.Session['beginWrite']> {
    const work = this.collected();
    this.change = new Change(work, this.facts, { ...this.facts.options, ...options });
    try {
      const { marker, changed } = await this.change.begin();
      if (changed) this.hashes = await hashLive(work);
      return { changedSince: changed, marker };
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  private changing(): Change {
    if (this.change) return this.change;
    throw new TenantDrError('internal', 'No write transaction is open on this session.');
  }

  async apply(onProgress?: Port.OnProgress): ReturnType<Port.Session['apply']> {
    // A plan made again under the lock has a workspace of its own.
    return this.changing().apply(this.collected(), this.shared, onProgress);
  }

  verify(): ReturnType<Port.Session['verify']> {
    return this.changing().verify();
  }

  prove(): Promise<Port.IsolationProof> {
    return this.changing().prove();
  }

  async commit(): Promise<{ writeLockSeconds: number }> {
    const done = await this.changing().commit();
    this.letGo();
    return done;
  }

  async rollback(): Promise<void> {
    const change = this.letGo();
    this.intact = false;
    await change?.rollback();
  }

  /** The change is over, and with it what was compared for it. */
  private letGo(): Change | null {
    const { change } = this;
    this.change = null;
    this.compared = false;
    return change;
  }

  async probe(path: string, marker: Port.ChangeMarker): Promise<Port.Outcome> {
    return probe(this.sql, await this.known(), path, marker);
  }

  async changedSince(path: string): Promise<{ table: string; key: string }[]> {
    return changedSince(this.collected(), path);
  }

  check(...asked: Parameters<Port.Session['check']>): Promise<Port.CheckResult> {
    return runCheck(this.sql, ...asked);
  }

  trail(request: Port.TrailRequest): Promise<Port.TrailEntry[]> {
    return readTrail(this.collected(), request);
  }

  async setStatus(
    ...[columns, tenant, status]: Parameters<Port.Session['setStatus']>
  ): Promise<string | null> {
    return setStatus(this.sql, await this.known(), { columns, tenant, status, waiting: this.facts.options });
  }

  async search(request: Port.SearchRequest): Promise<Port.SearchHit[]> {
    return searchRows(await this.census(request.shape), request);
  }

  async countAll(shape: SliceShape): Promise<Record<string, Record<string, number>>> {
    return countAll(await this.census(shape));
  }

  async countTables(names: string[]): Promise<Record<string, number>> {
    return countTables(this.sql, await this.known(), names);
  }

  async ownerless(shape: SliceShape): Promise<string[]> {
    return ownerless(await this.census(shape));
  }

  async digestAll(shape: SliceShape, onProgress?: Port.OnProgress): ReturnType<Port.Session['digestAll']> {
    return digestAll(await this.census(shape), onProgress);
  }

  private async census(shape: SliceShape): Promise<Workspace> {
    return censusWorkspace(this.sql, await this.known(), shape);
  }

  async close(): Promise<void> {
    if (this.work && !this.reading && !this.change) await dropMany(this.work);
    await this.sql.end();
  }
}
