import { basename } from 'node:path';
import { type OpenedBackup, openBackup } from '../backups/open.ts';
import { type Ground, survey } from '../engine/ground.ts';
import { checkOrigin } from '../engine/origin.ts';
import { makePlan, type Plan, type PlanRequest } from '../engine/planning.ts';
import type { OnProgress, Progress, Session, Staged } from '../engine/port.ts';
import { type Execution, execute } from '../engine/restore.ts';
import { idKey, sameId, type Tenant, type TenantId } from '../engine/tenant.ts';
import { type FoundTenant, TenantDirectory } from '../engine/tenants.ts';
import { TenantDrError } from '../errors.ts';
import { type ActionContext, stopIfAsked, tenantOf } from './action.ts';
import { IncidentRecorder } from './recorder.ts';
import { describeSafetyCopy, freeSafetyPath } from './safety.ts';
import { statusMoved } from './status-back.ts';
import { isWholeStaged, stageWanted, type Wanted } from './wanted.ts';

/** How a plan is to be made. */
export type PlanOptions = Pick<
  PlanRequest,
  'mode' | 'tables' | 'except' | 'review' | 'withShared' | 'verbatim' | 'digestStaged'
>;

/** Seconds before the change; the engine measures the change itself. */
export interface Preparation {
  stage: number;
  plan: number;
}

/** What opening a backup needs of a run, or of a command that has not opened an incident yet. */
export type ChangeDeps = Pick<
  ActionContext,
  'config' | 'database' | 'mode' | 'signal' | 'progress' | 'output'
> & {
  /** Consent that triggers are disabled meanwhile, and writers of their tables wait. */
  disableTriggers?: boolean | undefined;
};

/** A backup staged beside the live database, in one session, for any number of tenants one after the other. */
export class Workbench {
  readonly backup: OpenedBackup;
  readonly ground: Ground;
  readonly staged: Staged;
  /** Whose rows were looked for in the backup. */
  private readonly ids: TenantId[];
  readonly deps: ChangeDeps;
  /** One a tenant: the plan that was shown is the one that is carried out. */
  private readonly changes = new Map<string, Change>();
  private known: TenantDirectory | undefined;
  /** Seconds it took to open and stage. */
  readonly stageSeconds: number;

  private constructor(
    deps: ChangeDeps,
    parts: { backup: OpenedBackup; ground: Ground; staged: Staged; ids: TenantId[] },
    seconds: number,
  ) {
    this.deps = deps;
    this.backup = parts.backup;
    this.ground = parts.ground;
    this.staged = parts.staged;
    this.ids = parts.ids;
    this.stageSeconds = seconds;
  }

  /**
   * Opens and stages a backup. Rejects as `openBackup`, `survey` and `checkOrigin` do; nothing was changed then.
   * `foreignSource` is the name typed to accept a backup of another database. `wanted` says whose rows are looked
   * for, among the live tenants and those of the backup: some sources are staged only as far as is asked for.
   */
  static async open(
    deps: ChangeDeps,
    ref: string,
    foreignSource: string | undefined,
    wanted: Wanted,
  ): Promise<Workbench> {
    const { config, signal } = deps;
    const started = performance.now();
    const onProgress = (progress: Progress) => deps.progress(progress);
    const [opening, live] = await Promise.allSettled([
      openBackup(ref, { config, signal, onProgress }),
      openLive(deps),
    ]);
    if (opening.status === 'rejected' || live.status === 'rejected') {
      if (opening.status === 'fulfilled') await opening.value.close();
      if (live.status === 'fulfilled') await live.value.session.close();
      throw live.status === 'rejected' ? live.reason : (opening as PromiseRejectedResult).reason;
    }
    const backup = opening.value;
    const { session, ground } = live.value;
    try {
      const { staged, ids } = await stageWanted(ground, backup, wanted, onProgress);
      checkOrigin({
        live: { identity: session.identity, environment: config.environment, tenants: ground.tenants },
        backup: { name: backup.id, origin: backup.manifest?.source ?? null, tenants: staged.tenants },
        accepted: foreignSource,
      });
      const parts = { backup, ground, staged, ids };
      return new Workbench(deps, parts, (performance.now() - started) / 1000);
    } catch (error) {
      await session.close();
      // A damaged backup explains an odd error better than the error itself.
      await backup.confirmed.finally(() => backup.close());
      throw error;
    }
  }

  /** The tenants that are live and in the backup. */
  get directory(): TenantDirectory {
    this.known ??= new TenantDirectory(this.ground.tenants, this.staged.tenants);
    return this.known;
  }

  /** Throws for a tenant whose rows were not looked for: an empty slice would be restored over the live one. */
  change(tenant: Tenant): Change {
    if (!isWholeStaged(this.backup) && !this.ids.some((id) => sameId(id, tenant.id)))
      throw new TenantDrError('internal', `The rows of ${tenant.slug} were not looked for in the backup.`);
    const key = idKey(tenant.id);
    const known = this.changes.get(key);
    if (known) return known;
    const is = (other: { id: FoundTenant['id'] }) => sameId(other.id, tenant.id);
    const change = new Change(this, {
      ...tenant,
      live: this.ground.tenants.some(is),
      inBackup: this.staged.tenants.some(is),
    });
    this.changes.set(key, change);
    return change;
  }

  async close(): Promise<void> {
    await this.ground.session.close();
    await this.backup.close();
  }
}

async function openLive(deps: ChangeDeps): Promise<{ session: Session; ground: Ground }> {
  const session = await deps.database.open({
    mode: deps.mode === 'dry-run' ? 'read' : 'write',
    ...(deps.disableTriggers ? { disableTriggers: true } : {}),
    signal: deps.signal,
    onWait: (seconds) => deps.output(`waiting for another writer: ${Math.round(seconds)} s`),
  });
  try {
    return { session, ground: await survey(session, deps.config) };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/**
 * One tenant's slice being put back: planned and carried out in the workbench's session, so that what was shown is
 * what is applied.
 */
export class Change {
  readonly bench: Workbench;
  readonly tenant: FoundTenant;
  readonly seconds: Preparation;
  /** Why whoever confirmed was told that the tenant is left out: then it is, whatever became of the reason. */
  leftOut: TenantDrError | null = null;
  #plan: { key: string; plan: Plan } | null = null;

  constructor(bench: Workbench, tenant: FoundTenant) {
    this.bench = bench;
    this.tenant = tenant;
    this.seconds = { stage: bench.stageSeconds, plan: 0 };
  }

  /** A workbench for the one tenant of a run. */
  static async open(
    context: ChangeDeps & Pick<ActionContext, 'tenant'>,
    ref: string,
    foreignSource?: string,
  ): Promise<Change> {
    const tenant = tenantOf(context);
    const bench = await Workbench.open(context, ref, foreignSource, () => [tenant.id]);
    return bench.change(tenant);
  }

  get backup(): OpenedBackup {
    return this.bench.backup;
  }

  get ground(): Ground {
    return this.bench.ground;
  }

  /** The plan for these options; the one made last is kept, because the session holds its effects. */
  async plan(options: PlanOptions, onProgress: OnProgress = this.bench.deps.progress): Promise<Plan> {
    const key = JSON.stringify(options);
    if (this.#plan?.key === key) return this.#plan.plan;
    this.#requireOwnSafetyCopy();
    const started = performance.now();
    const request = { ...options, tenant: this.tenant, staged: this.bench.staged, whole: this.backup.whole };
    const plan = await makePlan(this.ground, request, onProgress);
    this.seconds.plan += (performance.now() - started) / 1000;
    this.#plan = { key, plan };
    return plan;
  }

  /** What stood against the plan that is known may be gone: the next is made anew. */
  forgetPlan(): void {
    this.#plan = null;
  }

  /** What was shown to whoever confirmed it: why it is left out, or the plan made last and not carried out yet. */
  get shown(): Plan | TenantDrError | null {
    return this.leftOut ?? this.#plan?.plan ?? null;
  }

  /** Consent that triggers are disabled during the change; a plan made from now on says so. */
  async consentToDisabledTriggers(): Promise<void> {
    await this.ground.session.consentToDisabledTriggers();
    this.#plan = null;
  }

  /**
   * Carries the plan out. The backup was read to its end and the fence is held before the first row changes.
   * Rejects as the engine's `execute`; the incident knows the outcome either way.
   */
  async execute(options: PlanOptions, context: ActionContext): Promise<Done> {
    const { incident } = context;
    const plan = await this.plan(options, context.progress);
    // Used up: another attempt is planned anew.
    this.#plan = null;
    const { sliceEnding } = this.ground.session.capabilities;
    const safetyPath = await freeSafetyPath(incident, this.tenant, sliceEnding);
    const effectsPath = incident.path(`effects-${basename(safetyPath, sliceEnding)}.jsonl`);
    const recorder = new IncidentRecorder(context, this.backup.ref, statusMoved(this, plan));
    const execution = await execute(this.ground, plan, {
      safetyPath,
      effectsPath,
      recorder,
      beforeChange: async (saved) => {
        stopIfAsked(context.signal);
        await this.backup.confirmed;
        recorder.safetySha256 = await describeSafetyCopy(safetyPath, saved, this, context);
        await incident.assertFence();
      },
      onProgress: (progress) => context.progress(progress),
      onWait: (seconds) => context.output(`waiting for another writer: ${Math.round(seconds)} s`),
    });
    return { execution, sha256: recorder.safetySha256 };
  }

  close(): Promise<void> {
    return this.bench.close();
  }

  /** Every row of a safety copy counts as the tenant's, so it must be this tenant's. */
  #requireOwnSafetyCopy(): void {
    const kept = this.backup.whole ? this.backup.manifest?.tenants : null;
    if (!kept || kept.some(({ id }) => sameId(id, this.tenant.id))) return;
    throw new TenantDrError(
      'backup-without-tenant',
      `${this.backup.ref} is a copy of ${kept.map(({ slug }) => slug).join(', ')}, not of ${this.tenant.slug}. Nothing was changed.`,
      { hint: 'Name a safety copy of this tenant, or a backup of the database.' },
    );
  }
}

export interface Done {
  execution: Execution;
  /** Of the safety copy. */
  sha256: string;
}
