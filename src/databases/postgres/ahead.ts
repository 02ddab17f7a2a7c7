import type { StageRequest } from '../../engine/port.ts';
import { linksOf } from '../../engine/slice.ts';
import type { TenantId } from '../../engine/tenant.ts';
import { addStaged } from './collect.ts';
import type { Structure } from './introspect.ts';
import { collectLiveTable } from './live.ts';
import { letGo, letGoAfter, portionsOf, tablesAtOnce } from './portions.ts';
import { bareWorkspace } from './prepare.ts';
import type { Sql } from './sql.ts';
import type { Stage } from './stage.ts';
import { prepareJoins } from './statistics.ts';
import type { Slot, Workspace } from './workspace.ts';
import { adoptRaw, buildSlots, hasLoops } from './workspace.ts';

/**
 * Work on the server while a dump is being read: the tenant's live rows are collected, and staged rows get their
 * types, table by table as they are complete. What the plan finds ready it checks (live rows by their versions)
 * instead of doing it after the reading. For one tenant; many would wait for each other.
 */
export class Ahead {
  readonly work: Workspace;
  private readonly complete = new Set<string>();
  private readonly taken = new Set<string>();
  private last: Promise<void> = Promise.resolve();
  private failed: { error: unknown } | null = null;

  constructor(sql: Sql, structure: Structure, request: StageRequest, tenant: TenantId, stage: Stage) {
    const slots = buildSlots(sql, structure, request.shape, null);
    const bare = bareWorkspace(sql, structure, request.shape, slots);
    this.work = { ...bare, stage, tenant, stagedAs: 'slice' };
    for (const part of portionsOf(slots)) {
      for (const slot of part) this.queue(() => collectLiveTable(this.work, slot));
      if (part.length === tablesAtOnce) this.queue(() => letGo(sql));
    }
  }

  /** Where it can be done ahead: one tenant, picked out of more, whose ownership does not loop. */
  static for(sql: Sql, structure: Structure, request: StageRequest, stage: Stage): Ahead | null {
    const [tenant] = request.tenants;
    const whole = request.source.form !== 'live' && request.source.whole;
    if (!tenant || request.tenants.length > 1 || whole || hasLoops(request.shape.tables)) return null;
    if (request.shape.tables.length === 0) return null;
    return new Ahead(sql, structure, request, tenant, stage);
  }

  /** All rows of a staged table are there. */
  done(table: string): void {
    this.complete.add(table);
    const ready = (slot: Slot): boolean =>
      this.complete.has(slot.slice.name) && linksOf(slot.slice).every((link) => this.taken.has(link.parent));
    for (const slot of this.work.slots) if (ready(slot)) this.take(slot);
  }

  private take(slot: Slot): void {
    if (this.taken.has(slot.slice.name)) return;
    const made = this.taken.add(slot.slice.name).size;
    this.queue(async () => {
      adoptRaw(slot, this.work.stage?.raw.get(slot.slice.name));
      await addStaged(this.work, slot);
      await prepareJoins(this.work, slot, 'staged');
      await letGoAfter(this.work.sql, made);
    });
  }

  /** After a failure nothing more is asked of a transaction that is lost anyway. */
  private queue(task: () => Promise<unknown>): void {
    const { sql } = this.work;
    this.last = sql.turns
      .take(async () => {
        if (!this.failed) await task();
      }, true)
      .catch((error: unknown) => {
        this.failed ??= { error };
      });
  }

  /** Does what is left. Rejects with the first failure. */
  async finish(): Promise<Workspace> {
    for (const slot of this.work.slots) this.take(slot);
    await this.settled();
    if (this.failed) throw this.failed.error;
    this.work.stagedKnown = true;
    return this.work;
  }

  /** Waits until nothing is under way; the first failure, null when there was none. */
  async settled(): Promise<{ error: unknown } | null> {
    await this.last;
    return this.failed;
  }
}
