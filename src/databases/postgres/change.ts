import type { Conflict, SharedNeed } from '../../engine/plan.ts';
import type { ChangeMarker, IsolationProof, OnProgress } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import type { Applied, Executed } from './apply.ts';
import { applyEffects } from './apply.ts';
import { compareAll } from './comparison.ts';
import { findObstacles } from './conflicts.ts';
import { raiseCounters } from './counters.ts';
import { connectionLost } from './errors.ts';
import type { SessionFacts } from './facts.ts';
import { readMarker } from './identity.ts';
import type { Baseline } from './isolation.ts';
import { prove, requireCounted, takeBaseline } from './isolation.ts';
import { isDeadlock, lockSlice, lockTenant } from './lock.ts';
import { tellingWaits, type Waiting } from './lock-waits.ts';
import { notesOn, staleViews } from './stale-views.ts';
import { requireStructure } from './structure-mark.ts';
import type { DisabledTrigger, TriggerMethod } from './triggers.ts';
import { activeTriggers, disableTriggers, enableTriggers, mayReplicate } from './triggers.ts';
import { verifyChange } from './verify.ts';
import type { Workspace } from './workspace.ts';

const attempts = 3;

/** The one write transaction of a restore, from the locks to the commit. */
export class Change {
  private work: Workspace;
  private readonly facts: SessionFacts;
  private readonly waiting: Waiting;
  private method: TriggerMethod = 'on';
  private disabled: DisabledTrigger[] = [];
  private baseline: Baseline | null = null;
  private applied: Applied | null = null;
  private marker: ChangeMarker = {};
  private lockedAt = 0;
  private open = false;

  constructor(work: Workspace, facts: SessionFacts, waiting: Waiting) {
    this.work = work;
    this.facts = facts;
    this.waiting = waiting;
  }

  /** Takes the locks and looks again under them. `changed`: the plan no longer holds, or something now stands against it. */
  async begin(): Promise<{ marker: ChangeMarker; changed: boolean }> {
    const before = this.work.slots.map(({ rows, made }) => ({ rows: { ...rows }, made: [...made] }));
    for (let attempt = 1; ; attempt++) {
      try {
        return await tellingWaits(this.work.sql, this.waiting, () => this.tryBegin());
      } catch (error) {
        await this.rollback();
        // The temporary tables are those of before and hold again what they held.
        for (const [i, slot] of this.work.slots.entries()) {
          Object.assign(slot.rows, before[i]?.rows);
          slot.made = new Set(before[i]?.made);
        }
        if (!isDeadlock(error) || attempt === attempts) throw error;
      }
    }
  }

  private async tryBegin(): Promise<{ marker: ChangeMarker; changed: boolean }> {
    const { sql } = this.work;
    await sql.run('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
    this.open = true;
    this.lockedAt = performance.now();
    await lockTenant(this.work);
    if (this.facts.replica && (await mayReplicate(sql))) this.method = 'replica';
    const changed = await lockSlice(this.work);
    await requireStructure(sql, this.work.structure.mark);
    // Rows that are still the versions compared before need no second comparison; what others hold may have changed.
    const conflicts = changed
      ? (await compareAll(this.work, this.method)).conflicts
      : (await findObstacles(this.work, true)).conflicts;
    this.marker = await readMarker(sql, {
      systemId: this.facts.identity.systemId,
      timeline: this.facts.timeline,
    });
    return { marker: this.marker, changed: changed || conflicts.some((conflict) => conflict.blocking) };
  }

  async apply(
    work: Workspace,
    needs: SharedNeed[],
    onProgress?: OnProgress,
  ): Promise<{ executed: Record<string, Executed> }> {
    this.work = work;
    const total = work.slots.reduce((sum, slot) => sum + slot.rows.want + slot.rows.gone, 0);
    onProgress?.({ phase: 'applying', done: 0, total, unit: 'rows' });
    await requireCounted(work);
    if (this.method === 'on' && this.facts.options.disableTriggers && activeTriggers(work.slots).length > 0) {
      this.disabled = await disableTriggers(work);
      this.method = 'disabled';
    }
    this.baseline = await takeBaseline(work.sql);
    this.applied = await tellingWaits(work.sql, this.waiting, () => applyEffects(work, needs));
    onProgress?.({ phase: 'applying', done: total, total, unit: 'rows' });
    return { executed: this.applied.executed };
  }

  async verify(): Promise<Conflict[]> {
    return verifyChange(this.work, this.method);
  }

  async prove(): Promise<IsolationProof> {
    if (!this.baseline || !this.applied)
      throw new TenantDrError('internal', 'Nothing was applied that could be proved.');
    const proof = await prove(this.work, this.baseline, this.applied, this.method, this.disabled);
    if (this.method === 'disabled') await enableTriggers(this.work, this.disabled);
    proof.notes.push(...notesOn(await staleViews(this.work)), ...(await raiseCounters(this.work)));
    return proof;
  }

  /** Commits durably. */
  async commit(): Promise<{ writeLockSeconds: number }> {
    const { sql } = this.work;
    try {
      await sql.run('COMMIT');
    } catch (error) {
      if (!connectionLost(error)) throw error;
      this.open = false;
      throw new TenantDrError(
        'outcome-unknown',
        'The connection was lost while committing: whether the change happened is not known yet.',
        {
          hint: 'Run `tenant-dr resume`: it asks the server.',
          facts: { marker: this.marker },
          cause: error,
        },
      );
    }
    this.open = false;
    return { writeLockSeconds: (performance.now() - this.lockedAt) / 1000 };
  }

  async rollback(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    this.method = 'on';
    try {
      await this.work.sql.run('ROLLBACK');
    } catch (error) {
      // Without a connection the server rolls back by itself; the first error is the one to report.
      if (!connectionLost(error)) throw error;
    }
  }
}
