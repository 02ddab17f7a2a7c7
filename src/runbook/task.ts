import { type Preview, WentBack } from '../actions/operator.ts';
import { TenantDrError } from '../errors.ts';
import { gateWaitsFor, leftOutBecause } from './conditions.ts';
import { askAfterFailure, askAtGate, askToProceed, type Consent } from './questions.ts';
import type { Run } from './run.ts';
import { asError } from './run.ts';
import type { Step, Task } from './runbook.ts';
import { type Work, workOf } from './work.ts';

/** How a task ended: it is out of the way, or the run stops here. */
export type Ended =
  | { went: 'on' }
  | { went: 'stop'; why: 'operator' | 'gate' | 'refused' | 'failed' | 'signal'; error: TenantDrError };

const on: Ended = { went: 'on' };

/** Takes one task from its conditions to its end. Everything that happens is in the journal before it has an effect. */
export async function walkTask(run: Run, step: Step, task: Task): Promise<Ended> {
  run.enter(step, task);
  const { options, context } = run;
  const input = task.body.kind === 'action' ? options.input?.[task.body.action.id] : undefined;
  const work = workOf(task, task.body, context, input);
  const leftOut = leftOutBecause(task.when, options) ?? work.leftOut;
  if (leftOut) return skip(run, step, task, leftOut, 'condition');
  if (!run.operator.attended && task.autoSkip) return skip(run, step, task, task.autoSkip, 'runbook');
  // What a person takes to decide is part of the step's time, as its estimate is.
  if (run.operator.attended) await startStep(run, step);
  for (;;) {
    const gate = await passGate(run, step, task);
    if (gate) return gate;
    const attempt = await tryOnce(run, step, task, work);
    if (!(attempt instanceof TenantDrError)) return attempt;
    const next = await afterFailure(run, step, task, attempt);
    if (next !== 'retry') return next;
  }
}

/** Prepares, asks for consent, does it. An error is handed back, to be shown with what can be done about it. */
async function tryOnce(run: Run, step: Step, task: Task, work: Work): Promise<Ended | TenantDrError> {
  for (;;) {
    const attempt = await attemptOnce(run, step, task, work);
    if (!(attempt instanceof WentBack)) return attempt;
    const nothing = { summary: 'Nothing was decided and nothing was changed.', lines: [], commands: [] };
    const consent = await askToProceed(run, { ...task, confirm: 'ask' }, nothing, false);
    const other = await unlessGo(run, step, task, consent);
    if (other) return other;
  }
}

async function attemptOnce(run: Run, step: Step, task: Task, work: Work): Promise<Ended | TenantDrError> {
  try {
    const ready = await prepare(run, step, task, work);
    if (ready instanceof TenantDrError || 'went' in ready) return ready;
    return (await perform(run, step, task, work, ready.input)) ?? on;
  } finally {
    await run.release();
  }
}

async function unlessGo(run: Run, step: Step, task: Task, consent: Consent): Promise<Ended | null> {
  if (consent.go === 'leave') return { went: 'stop', why: consent.why, error: consent.error };
  return consent.go === 'skip' ? skip(run, step, task, consent.reason, 'operator') : null;
}

/** Gates hold in a dry run too, but there nothing has been done that could open them. */
async function passGate(run: Run, step: Step, task: Task): Promise<Ended | null> {
  if (run.options.mode === 'dry-run') return null;
  const waitsFor = gateWaitsFor(task, run.state);
  if (waitsFor.length === 0) return null;
  await run.incident.append({ event: 'gate.failed', step: step.id, task: task.id, needs: waitsFor });
  const answer = await askAtGate(run, task, waitsFor);
  if (answer.go === 'leave') return { went: 'stop', why: 'gate', error: answer.error };
  if (answer.go === 'override') {
    await run.incident.append({
      event: 'gate.overridden',
      step: step.id,
      task: task.id,
      reason: answer.reason,
    });
    return null;
  }
  for (const [otherStep, other] of tasksNamed(run, waitsFor)) {
    const ended = await walkTask(run, otherStep, other);
    if (ended.went === 'stop') return ended;
  }
  run.enter(step, task);
  return passGate(run, step, task);
}

function tasksNamed(run: Run, ids: string[]): [Step, Task][] {
  return run.options.runbook.steps.flatMap((step) =>
    step.tasks
      .filter((task) => ids.includes(task.id) || ids.includes(step.id))
      .filter((task) => run.state.tasks[task.id]?.state !== 'done')
      .map((task): [Step, Task] => [step, task]),
  );
}

type Ready = { input: unknown } | Ended | TenantDrError;

/** Finds out the input, shows what will happen, and gets whatever consent the task needs. */
async function prepare(run: Run, step: Step, task: Task, work: Work): Promise<Ready> {
  let input: unknown;
  let preview: Preview;
  const posed = run.operator.posed;
  try {
    run.view.set({ phase: 'previewing' });
    input = await work.prepare();
    preview = await work.preview(input);
  } catch (error) {
    return asError(error);
  } finally {
    run.view.set({ phase: 'walking', progress: null });
  }
  run.view.set({ preview });
  if (run.options.mode === 'dry-run' && work.inDryRun === 'preview') {
    for (const line of [preview.summary, ...preview.lines, ...preview.commands]) run.context.output(line);
    await run.incident.append({
      event: 'task.note',
      step: step.id,
      task: task.id,
      text: preview.summary,
      data: { commands: preview.commands, table: preview.table ?? null },
    });
    return skip(run, step, task, 'dry run: shown, not done', 'condition');
  }
  const consent = await askToProceed(run, task, preview, run.operator.posed > posed);
  return (await unlessGo(run, step, task, consent)) ?? { input };
}

/** Runs it. Null when it is done; otherwise why it failed. An unknown outcome stays open, for a probe. */
async function perform(
  run: Run,
  step: Step,
  task: Task,
  work: Work,
  input: unknown,
): Promise<TenantDrError | null> {
  const { incident } = run;
  if (work.effect !== 'read' && work.effect !== 'manual') await incident.assertFence();
  await startStep(run, step);
  const started = run.seconds;
  const where = { step: step.id, task: task.id, ...(work.action ? { action: work.action } : {}) };
  const commands = work.commands(input);
  const way = work.isRollback ? { rollback: true as const } : {};
  await incident.append({ event: 'task.started', ...where, effect: work.effect, input, commands, ...way });
  run.view.set({ phase: run.stopping ? 'stopping' : 'running', progress: null });
  const stopping = () => run.view.set({ phase: 'stopping' });
  run.options.signal.addEventListener('abort', stopping, { once: true });
  try {
    const { output, failure } = await work.run(input);
    await run.settled();
    const seconds = run.since(started);
    if (failure === null) {
      await incident.append({ event: 'task.finished', ...where, state: 'done', seconds, output });
      return null;
    }
    const error = new TenantDrError('gate-failed', failure, {
      hint:
        task.ifItFails[0] ??
        step.ifItFails[0] ??
        'Put right what it found, then go on with `tenant-dr resume`.',
    });
    await incident.append({
      event: 'task.finished',
      ...where,
      state: 'failed',
      seconds,
      output,
      error: plain(error),
    });
    return error;
  } catch (cause) {
    const error = asError(cause);
    if (
      error.code === 'journal-unwritable' ||
      error.code === 'fenced-off' ||
      error.code === 'outcome-unknown'
    )
      throw error;
    const seconds = run.since(started);
    const state = error.code === 'interrupted' ? 'undone' : 'failed';
    await incident.append({ event: 'task.finished', ...where, state, seconds, error: plain(error) });
    return error;
  } finally {
    run.options.signal.removeEventListener('abort', stopping);
    run.view.set({ phase: 'walking', progress: null });
  }
}

async function startStep(run: Run, step: Step): Promise<void> {
  const record = run.state.steps.find((one) => one.id === step.id);
  if (record?.state === 'running') return;
  await run.incident.append({ event: 'step.started', step: step.id, attempt: (record?.attempt ?? 0) + 1 });
}

async function afterFailure(
  run: Run,
  step: Step,
  task: Task,
  error: TenantDrError,
): Promise<Ended | 'retry'> {
  if (error.code === 'interrupted') return { went: 'stop', why: run.stopping ? 'signal' : 'operator', error };
  if (error.code === 'confirmation-refused') return { went: 'stop', why: 'refused', error };
  const next = await askAfterFailure(run, task, error);
  if (next.go === 'retry') return 'retry';
  if (next.go === 'skip') return skip(run, step, task, next.reason, 'operator');
  if (next.go === 'rollback' && task.rollback) return rollBack(run, step, task, task.rollback, error);
  return { went: 'stop', why: 'failed', error };
}

/** The runbook's own way back, with the consent its effect demands. The task counts as skipped afterwards. */
export async function rollBack(
  run: Run,
  step: Step,
  task: Task,
  rollback: NonNullable<Task['rollback']>,
  failure: Pick<TenantDrError, 'message'>,
): Promise<Ended> {
  const { back, work } = wayBack(run, task, rollback);
  if (work.leftOut) {
    const why = `failed: ${failure.message} "${rollback.title}" was not done: ${work.leftOut}`;
    return skip(run, step, task, why, 'operator');
  }
  const attempt = await tryOnce(run, step, { ...back, confirm: confirmOf(work) }, work);
  if (attempt instanceof TenantDrError) {
    const next = await afterFailure(run, step, back, attempt);
    return next === 'retry' ? rollBack(run, step, task, rollback, failure) : next;
  }
  if (attempt.went === 'stop') return attempt;
  return rolledBack(run, step, task, rollback, failure);
}

/** The way back of a task, as a task and its work. */
export function wayBack(
  run: Run,
  task: Task,
  rollback: NonNullable<Task['rollback']>,
): { back: Task; work: Work } {
  const back = { ...task, title: rollback.title, body: rollback.body, rollback: null };
  return { back, work: { ...workOf(back, back.body, run.context), isRollback: true } };
}

/** It was gone to its end: what had failed is left out, and says why. */
export async function rolledBack(
  run: Run,
  step: Step,
  task: Task,
  rollback: NonNullable<Task['rollback']>,
  failure: Pick<TenantDrError, 'message'>,
): Promise<Ended> {
  await run.context.note(`Rolled back: ${rollback.title}`);
  return skip(run, step, task, `failed and was rolled back: ${failure.message}`, 'operator');
}

function confirmOf(work: Work): Task['confirm'] {
  if (work.effect === 'destroy') return 'typed';
  return work.effect === 'write' ? 'ask' : 'none';
}

async function skip(
  run: Run,
  step: Step,
  task: Task,
  reason: string,
  by: 'operator' | 'runbook' | 'condition',
): Promise<Ended> {
  await run.incident.append({ event: 'task.skipped', step: step.id, task: task.id, reason, by });
  return on;
}

export function plain(error: TenantDrError): { code: string; message: string; hint?: string } {
  return { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) };
}
