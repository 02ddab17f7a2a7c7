import type { Config } from '../config/schema.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import { findDrift } from './drift.ts';
import type { Ownership } from './ownership.ts';
import { classify, requireClassified } from './ownership.ts';
import type {
  Conflict,
  Drift,
  InboundReference,
  RestoreMode,
  Revival,
  SharedNeed,
  TableEffects,
} from './plan.ts';
import type {
  ChangeMarker,
  IsolationProof,
  OnProgress,
  Session,
  SliceDigest,
  Staged,
  StagedSource,
} from './port.ts';
import type { Schema } from './schema.ts';
import type { ShapeOptions } from './shape.ts';
import { buildShape } from './shape.ts';
import type { SliceShape } from './slice.ts';
import type { Tenant, TenantId } from './tenant.ts';
import type { FoundTenant } from './tenants.ts';

/**
 * The restore engine: stage → plan → (shown, confirmed) → safety copy → one transaction: apply, verify, prove,
 * commit. The same plan serves preview, apply, verification, diff and undo.
 */

/** The live database, opened and understood. */
export interface Ground {
  session: Session;
  config: Config;
  schema: Schema;
  ownership: Ownership;
  tenants: Tenant[];
  /** The plan whose effects the session holds now; any other must be made again before it is applied. */
  latest?: Plan;
}

/** Reads structure, ownership and tenants. Throws table-unclassified, tenants-table-missing. */
export async function survey(session: Session, config: Config): Promise<Ground> {
  const schema = await session.schema();
  const ownership = classify(schema, config);
  requireClassified(ownership);
  return { session, config, schema, ownership, tenants: await session.tenants(config.tenants) };
}

/** Makes a source queryable beside the live database, for the tenants named. */
export async function stageSource(
  ground: Ground,
  source: StagedSource,
  tenants: TenantId[],
  onProgress?: OnProgress,
): Promise<Staged> {
  const shape = buildShape(ground.schema, ground.ownership, ground.config, { mode: 'exact' });
  return ground.session.stage({
    source,
    columns: ground.config.tenants,
    shape,
    tenants,
    ...(onProgress ? { onProgress } : {}),
  });
}

export interface PlanRequest extends ShapeOptions {
  tenant: FoundTenant;
  staged: Staged;
  /** Every staged row is the tenant's (tenant archive, safety copy). */
  whole: boolean;
  mode: RestoreMode;
  /** Bring back shared rows the slice needs. */
  withShared?: boolean | undefined;
  /** A plan to be shown gives the backup's digest too; applying one does not need it. */
  digestStaged?: boolean | undefined;
}

export interface Plan {
  tenant: FoundTenant;
  mode: RestoreMode;
  /** Digests of the slice: now, in the backup (where asked for), and after the change. */
  live: SliceDigest;
  staged: SliceDigest | null;
  planned: SliceDigest;
  tables: TableEffects[];
  conflicts: Conflict[];
  drift: Drift[];
  sharedNeeded: SharedNeed[];
  inbound: InboundReference[];
  revivals: Revival[];
  /** What it was made from: execute makes it again when anything moved meanwhile. */
  request: PlanRequest;
}

/** Computes exact row effects; writes nothing. The session keeps them for `execute`. */
export async function makePlan(ground: Ground, request: PlanRequest, onProgress?: OnProgress): Promise<Plan> {
  const { session } = ground;
  await session.beginRead();
  try {
    return await planInside(ground, request, onProgress);
  } finally {
    await session.endRead();
  }
}

async function planInside(ground: Ground, request: PlanRequest, onProgress?: OnProgress): Promise<Plan> {
  const { session, config, schema, ownership } = ground;
  const shape = withoutMissing(buildShape(schema, ownership, config, request), request.staged.schema);
  const drift = request.whole ? [] : findDrift(schema, request.staged.schema, shape);
  const collected = await session.collect({
    shape,
    tenant: request.tenant.id,
    staged: request.whole ? 'whole' : 'slice',
    status: request.verbatim ? null : suspendedStatus(config),
  });
  const live = await session.digest('live', onProgress);
  const staged = request.digestStaged ? await session.digest('staged', onProgress) : null;
  const comparison = await session.compare(onProgress);
  const planned = await session.digest('planned', onProgress);
  const helped = request.withShared === true;
  const plan: Plan = {
    tenant: request.tenant,
    mode: request.mode,
    live,
    staged,
    planned,
    tables: comparison.tables,
    conflicts: [
      ...comparison.conflicts.filter(
        (conflict) => !(helped && isSharedNeed(conflict, comparison.sharedNeeded)),
      ),
      ...collected.disagreements,
    ],
    drift,
    sharedNeeded: comparison.sharedNeeded,
    inbound: comparison.inbound,
    revivals: comparison.revivals,
    request,
  };
  ground.latest = plan;
  return plan;
}

/** A table the backup does not know keeps its rows: nothing in the backup says what it held. */
function withoutMissing(shape: SliceShape, staged: Schema): SliceShape {
  const known = new Set(staged.tables.map((table) => table.name));
  return {
    ...shape,
    tables: shape.tables.map((table) => (known.has(table.name) ? table : { ...table, mode: 'keep' })),
  };
}

function suspendedStatus(config: Config): { column: string; suspended: string | number | boolean | null } {
  return {
    column: config.tenants.status?.column ?? 'status',
    suspended: config.tenants.status?.suspended ?? 'suspended',
  };
}

function isSharedNeed(conflict: Conflict, needs: SharedNeed[]): boolean {
  return (
    conflict.kind === 'reference-missing' &&
    needs.some((need) => need.table === conflict.other?.table && need.key === conflict.other?.key)
  );
}

export function countEffects(plan: Pick<Plan, 'tables'>): { insert: number; update: number; delete: number } {
  const sum = (kind: 'insert' | 'update' | 'delete'): number =>
    plan.tables.reduce((total, table) => total + table[kind], 0);
  return { insert: sum('insert'), update: sum('update'), delete: sum('delete') };
}

/** Refuses a plan that must not be applied. Throws backup-without-tenant, conflict. */
export function requireApplicable(plan: Plan): void {
  if (!plan.tenant.inBackup && !plan.request.whole) {
    throw new TenantDrError(
      'backup-without-tenant',
      `The backup does not hold tenant ${plan.tenant.slug}. Nothing was changed.`,
      {
        hint: 'Choose a backup from when the tenant existed: `tenant-dr backups --tenant <tenant>`.',
      },
    );
  }
  const drift = plan.drift.find((entry) => entry.blocking);
  if (drift) {
    throw new TenantDrError('conflict', `${drift.detail} Nothing was changed.`, {
      table: drift.table,
      hint: 'Leave the table out with --tables, or choose a backup from after that change.',
      facts: { drift: plan.drift },
    });
  }
  const blocking = plan.conflicts.filter((conflict) => conflict.blocking);
  const first = blocking[0];
  if (!first) return;
  const more = blocking.length > 1 ? ` (and ${blocking.length - 1} more)` : '';
  throw new TenantDrError('conflict', `${first.detail}${more} Nothing was changed.`, {
    table: first.table,
    key: first.key,
    hint: 'See them all with `tenant-dr plan`. Leave tables out with --tables, or use --mode keep-new or missing.',
    facts: { conflicts: blocking },
  });
}

/** What is written down before the first change, so that the outcome can be found out after a crash. */
export interface Intention {
  tenant: TenantId;
  mode: RestoreMode;
  before: string;
  planned: string;
  tables: { name: string; insert: number; update: number; delete: number }[];
  safetyCopy: { path: string; rows: number; bytes: number };
  effects: { path: string; rows: number; sha256: string };
  marker: ChangeMarker;
}

export interface Completion {
  after: string;
  isolation: IsolationProof;
  seconds: ChangeSeconds;
}

export interface ChangeSeconds {
  safety: number;
  apply: number;
  verify: number;
  writeLock: number;
}

/** The incident's side of a change; every call is on disk before it returns. */
export interface Recorder {
  intended(intention: Intention): Promise<void>;
  finished(completion: Completion): Promise<void>;
  rolledBack(error: TenantDrError): Promise<void>;
  unknown(error: TenantDrError): Promise<void>;
}

export interface ExecuteOptions {
  safetyPath: string;
  effectsPath: string;
  recorder: Recorder;
  /** Called right before the write lock: the last moment to stop (fencing, signals). */
  beforeChange?: () => void | Promise<void>;
  onProgress?: OnProgress;
  onWait?: (waitedSeconds: number) => void;
}

export interface Execution extends Completion {
  plan: Plan;
  safetyCopy: { path: string; rows: number; bytes: number };
}

/** How often a plan is made again because the slice moved under it. */
const attempts = 3;

/**
 * Carries out a confirmed plan: safety copy, then one transaction. A plan that is no longer true is made again and
 * refused when its effects exceed what was confirmed. Throws plan-stale, conflict, verification-failed,
 * isolation-failed (all rolled back), outcome-unknown.
 */
export async function execute(ground: Ground, confirmed: Plan, options: ExecuteOptions): Promise<Execution> {
  const { session } = ground;
  let plan = confirmed;
  for (let attempt = 1; ; attempt++) {
    const started = performance.now();
    const { changedSince } = await session.beginRead();
    let safetyCopy: Execution['safetyCopy'];
    let effects: Intention['effects'];
    try {
      if (changedSince || ground.latest !== plan)
        plan = await planInside(ground, confirmed.request, options.onProgress);
      requireWithin(plan, confirmed);
      if (plan.request.withShared)
        await session.includeShared(plan.sharedNeeded.filter((need) => need.inBackup));
      effects = { path: options.effectsPath, ...(await session.saveEffects(options.effectsPath)) };
      safetyCopy = {
        path: options.safetyPath,
        ...(await session.saveSlice(options.safetyPath, options.onProgress)),
      };
    } finally {
      await session.endRead();
    }
    const safety = secondsSince(started);
    const done = await change(ground, plan, { ...options, safetyCopy, effects, safety });
    if (done) return { ...done, plan, safetyCopy };
    if (attempt === attempts) {
      throw new TenantDrError(
        'plan-stale',
        `The rows of tenant ${plan.tenant.slug} keep changing while they are being restored. Nothing was changed.`,
        {
          hint: 'Suspend the tenant first, or stop what writes its rows, then plan again.',
        },
      );
    }
  }
}

/** One transaction. Returns null when the slice moved between plan and lock, with nothing changed. */
async function change(
  ground: Ground,
  plan: Plan,
  given: ExecuteOptions & {
    safetyCopy: Execution['safetyCopy'];
    effects: Intention['effects'];
    safety: number;
  },
): Promise<Completion | null> {
  const { session } = ground;
  await given.beforeChange?.();
  const { changedSince, marker } = await session.beginWrite({
    ...(given.onWait ? { onWait: given.onWait } : {}),
  });
  let isolation: IsolationProof;
  let applied: number;
  let verified: number;
  let intended = false;
  try {
    if (changedSince && !(await stillTrue(ground, plan))) {
      await session.rollback();
      return null;
    }
    await given.recorder.intended(intentionOf(plan, given.safetyCopy, given.effects, marker));
    intended = true;
    const started = performance.now();
    await session.apply(given.onProgress);
    applied = secondsSince(started);
    const problems = await session.verify();
    if (problems.length > 0) throw verificationError(problems);
    isolation = await session.prove();
    verified = secondsSince(started) - applied;
  } catch (error) {
    await session.rollback();
    const failure =
      error instanceof TenantDrError
        ? error
        : new TenantDrError('internal', reasonOf(error), { cause: error });
    if (intended) await given.recorder.rolledBack(failure);
    throw failure;
  }
  const { writeLockSeconds } = await commit(session, given.recorder);
  const after = await digestNow(ground, plan);
  if (after !== plan.planned.digest) {
    isolation.notes.push(
      'After the commit the slice no longer had the planned digest: the application wrote to it right away.',
    );
  }
  const completion = {
    after,
    isolation,
    seconds: { safety: given.safety, apply: applied, verify: verified, writeLock: writeLockSeconds },
  };
  await given.recorder.finished(completion);
  return completion;
}

async function commit(session: Session, recorder: Recorder): Promise<{ writeLockSeconds: number }> {
  try {
    return await session.commit();
  } catch (error) {
    const failure =
      error instanceof TenantDrError
        ? error
        : new TenantDrError('internal', reasonOf(error), { cause: error });
    if (failure.code === 'outcome-unknown') await recorder.unknown(failure);
    else {
      await session.rollback();
      await recorder.rolledBack(failure);
    }
    throw failure;
  }
}

/** Under the write lock: the slice is the one the plan was made from. Recomputes the effects in any case. */
async function stillTrue(ground: Ground, plan: Plan): Promise<boolean> {
  const now = await planInside(ground, plan.request);
  if (plan.request.withShared)
    await ground.session.includeShared(plan.sharedNeeded.filter((need) => need.inBackup));
  requireApplicable(now);
  return now.live.digest === plan.live.digest && now.planned.digest === plan.planned.digest;
}

async function digestNow(ground: Ground, plan: Plan): Promise<string> {
  const { session, schema, ownership, config } = ground;
  await session.beginRead();
  try {
    const shape = buildShape(schema, ownership, config, { mode: 'exact' });
    delete ground.latest;
    await session.collect({ shape, tenant: plan.tenant.id, staged: 'none', status: null });
    return (await session.digest('live')).digest;
  } finally {
    await session.endRead();
  }
}

function intentionOf(
  plan: Plan,
  safetyCopy: Execution['safetyCopy'],
  effects: Intention['effects'],
  marker: ChangeMarker,
): Intention {
  return {
    tenant: plan.tenant.id,
    mode: plan.mode,
    before: plan.live.digest,
    planned: plan.planned.digest,
    tables: plan.tables
      .filter((table) => table.insert + table.update + table.delete > 0)
      .map(({ name, insert, update, delete: deleted }) => ({ name, insert, update, delete: deleted })),
    safetyCopy,
    effects,
    marker,
  };
}

/** Refuses when the plan made now would do more than what was confirmed, and says what changed. */
function requireWithin(plan: Plan, confirmed: Plan): void {
  const same = plan === confirmed || plan.live.digest === confirmed.live.digest;
  const more = plan.tables.filter((table) => {
    const shown = confirmed.tables.find((known) => known.name === table.name);
    return (
      !shown || table.insert > shown.insert || table.update > shown.update || table.delete > shown.delete
    );
  });
  if (!same && more.length > 0) throw staleError(plan.tenant.slug, confirmed.tables, more);
  requireApplicable(plan);
}

export function staleError(
  slug: string,
  shown: Pick<TableEffects, 'name' | 'insert' | 'update' | 'delete'>[],
  now: TableEffects[],
): TenantDrError {
  const changes = now.map((table) => {
    const before = shown.find((known) => known.name === table.name) ?? { insert: 0, update: 0, delete: 0 };
    return { table: table.name, shown: pick(before), now: pick(table) };
  });
  const text = changes
    .map(
      ({ table, shown: a, now: b }) =>
        `${table}: +${a.insert} ~${a.update} -${a.delete} became +${b.insert} ~${b.update} -${b.delete}`,
    )
    .join('; ');
  return new TenantDrError(
    'plan-stale',
    `Rows of tenant ${slug} changed since the plan was made (${text}). Nothing was changed.`,
    {
      hint: 'Look at the new plan and confirm again.',
      table: changes[0]?.table ?? '',
      facts: { changes },
    },
  );
}

function pick({ insert, update, delete: deleted }: { insert: number; update: number; delete: number }): {
  insert: number;
  update: number;
  delete: number;
} {
  return { insert, update, delete: deleted };
}

function verificationError(problems: Conflict[]): TenantDrError {
  const first = problems[0] as Conflict;
  return new TenantDrError('verification-failed', `${first.detail} Everything was rolled back.`, {
    table: first.table,
    key: first.key,
    hint: 'A trigger or a column type of the live table changes this value. Leave the table out with --tables, or change that first.',
    facts: { problems },
  });
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
