import { reasonOf, TenantDrError } from '../errors.ts';
import type { Ground } from './ground.ts';
import type { Conflict, RestoreMode, TableEffects } from './plan.ts';
import { type Plan, planInside, requireApplicable, requireWithin, sameEffects } from './planning.ts';
import type { Capabilities, ChangeMarker, IsolationProof, OnProgress, Session } from './port.ts';
import { buildShape } from './shape.ts';
import type { TenantId } from './tenant.ts';

/**
 * Carrying out a plan: safety copy → one transaction: apply, verify, prove, commit. The very effects that were
 * planned are applied, and verification is planning again: it must give nothing.
 */

/** What is written down before the first change, so that the outcome can be found out after a crash. */
export interface Intention {
  tenant: TenantId;
  mode: RestoreMode;
  before: string;
  planned: string;
  tables: TableEffects[];
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
  /** Called right before the write lock: the last moment to stop (fencing, signals). `plan` is what the safety copy was made from. */
  beforeChange?: (plan: Plan) => void | Promise<void>;
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
 * refused when its effects are others than those confirmed. Throws plan-stale, conflict, verification-failed,
 * isolation-failed (all rolled back), outcome-unknown.
 */
export async function execute(ground: Ground, confirmed: Plan, options: ExecuteOptions): Promise<Execution> {
  const { session } = ground;
  let plan = confirmed;
  for (let attempt = 1; ; attempt++) {
    const started = performance.now();
    let safetyCopy: Execution['safetyCopy'];
    let effects: Intention['effects'];
    try {
      const { changedSince } = await session.beginRead();
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
    if (done) return { ...done, safetyCopy };
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

/** One transaction. Returns null when other rows would change than before the lock, with nothing changed. */
async function change(
  ground: Ground,
  saved: Plan,
  given: ExecuteOptions & {
    safetyCopy: Execution['safetyCopy'];
    effects: Intention['effects'];
    safety: number;
  },
): Promise<(Completion & { plan: Plan }) | null> {
  const { session } = ground;
  // Whatever becomes of it, what the session holds is then not that plan any more.
  delete ground.latest;
  await given.beforeChange?.(saved);
  const { changedSince, marker } = await session.beginWrite({
    ...(given.onWait ? { onWait: given.onWait } : {}),
  });
  let plan = saved;
  let isolation: IsolationProof;
  let applied: number;
  let verified: number;
  let intended = false;
  try {
    // Rows it leaves alone may have been written since: to the safety copy they are like those of a moment later.
    if (changedSince) plan = await planAgain(ground, saved);
    if (!sameEffects(plan, saved)) {
      await session.rollback();
      return null;
    }
    await given.recorder.intended(intentionOf(plan, given.safetyCopy, given.effects, marker));
    intended = true;
    const started = performance.now();
    await session.apply(given.onProgress);
    applied = secondsSince(started);
    const problems = await session.verify();
    if (problems.length > 0) throw verificationError(problems, session.capabilities);
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
  const after = await digestAfter(ground, plan, isolation.notes);
  const completion: Completion = {
    after,
    isolation,
    seconds: { safety: given.safety, apply: applied, verify: verified, writeLock: writeLockSeconds },
  };
  await given.recorder.finished(completion);
  return { ...completion, plan };
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

/** Under the write lock: the same plan from the rows as they are now. */
async function planAgain(ground: Ground, plan: Plan): Promise<Plan> {
  const now = await planInside(ground, plan.request);
  if (plan.request.withShared)
    await ground.session.includeShared(plan.sharedNeeded.filter((need) => need.inBackup));
  requireApplicable(now);
  return now;
}

/** From here on the change is done: what can no longer be read is a note, and no failure. */
async function digestAfter(ground: Ground, plan: Plan, notes: string[]): Promise<string> {
  const planned = plan.planned.digest;
  try {
    const after = await digestNow(ground, plan);
    // Rows that are nobody's, and the tenant's by the backup alone, are found by planning once more.
    if (after === planned || (await plannedAgain(ground, plan)) === planned) return planned;
    notes.push(
      'After the commit the slice no longer had the planned digest: the application wrote to it right away.',
    );
    return after;
  } catch (error) {
    notes.push(
      `After the commit the slice could not be read again (${reasonOf(error)}): its digest is the one verified in the transaction.`,
    );
    return planned;
  }
}

async function digestNow(ground: Ground, plan: Plan): Promise<string> {
  const { session, schema, ownership, config } = ground;
  try {
    await session.beginRead();
    const shape = buildShape(schema, ownership, config, { mode: 'exact' });
    delete ground.latest;
    await session.collect({ shape, tenant: plan.tenant.id, staged: 'none', status: null });
    return (await session.digest('live')).digest;
  } finally {
    await session.endRead();
  }
}

async function plannedAgain(ground: Ground, plan: Plan): Promise<string> {
  try {
    await ground.session.beginRead();
    return (await planInside(ground, plan.request)).planned.digest;
  } finally {
    await ground.session.endRead();
    delete ground.latest;
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
    tables: plan.tables,
    safetyCopy,
    effects,
    marker,
  };
}

function verificationError(problems: Conflict[], { foreignKeysOff }: Capabilities): TenantDrError {
  const first = problems[0] as Conflict;
  const hint = foreignKeysOff
    ? 'A trigger or a column type of the live table changes this value. Leave the table out with --tables, or change that first.'
    : 'The application’s triggers run, because this role may not keep them from it, and one of them changes this value. Consent that they are disabled meanwhile (--disable-triggers), or leave the table out with --tables.';
  return new TenantDrError('verification-failed', `${first.detail} Everything was rolled back.`, {
    table: first.table,
    key: first.key,
    hint,
    facts: { problems },
  });
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
