import type { Entry } from './events.ts';
import type { StepSpec } from './facts.ts';
import type { IncidentState, Moment, StepRecord, TaskRecord } from './records.ts';

export function blankStep(spec: StepSpec): StepRecord {
  return {
    ...spec,
    state: 'todo',
    attempt: 0,
    startedAt: null,
    startedSeconds: null,
    endedAt: null,
    seconds: null,
    error: null,
    reason: null,
    skippedBy: null,
    summary: null,
    outcome: null,
    progress: null,
  };
}

/** What an entry means for the steps and their tasks. A step the runbook does not name is left alone. */
export function applyStep(state: IncidentState, entry: Entry, now: Moment): void {
  switch (entry.event) {
    case 'run.planned': {
      const before = new Map(state.steps.map((step) => [step.id, step]));
      state.runbook = entry.runbook;
      state.steps = entry.steps.map((spec) => ({ ...(before.get(spec.id) ?? blankStep(spec)), ...spec }));
      return;
    }
    case 'step.started':
      state.currentStep = entry.step;
      changeStep(state, entry.step, (step) => ({
        state: 'running',
        attempt: Math.max(entry.attempt, step.attempt + 1),
        startedAt: entry.at,
        startedSeconds: now.elapsedSeconds,
        endedAt: null,
        error: null,
        reason: null,
        skippedBy: null,
        progress: null,
      }));
      return;
    case 'step.progress': {
      const { phase, done, total, unit } = entry;
      changeStep(state, entry.step, ({ progress }) => {
        const sinceSeconds = progress?.phase === phase ? progress.sinceSeconds : now.elapsedSeconds;
        return { progress: { phase, done, total, unit, sinceSeconds } };
      });
      return;
    }
    case 'step.finished':
      endStep(state, entry, {
        state: 'done',
        summary: entry.summary ?? null,
        outcome: entry.outcome ?? null,
      });
      return;
    case 'step.failed':
      endStep(state, entry, { state: 'failed', error: entry.error });
      return;
    case 'step.skipped':
      changeStep(state, entry.step, () => ({
        state: 'skipped',
        endedAt: entry.at,
        reason: entry.reason,
        skippedBy: entry.by,
      }));
      leaveStep(state, entry.step);
      return;
    case 'step.interrupted':
      state.interruptions.push(entry);
      changeStep(state, entry.step, (step) => ({
        state: 'interrupted',
        endedAt: entry.at,
        seconds: secondsWith(step, now),
      }));
      if (entry.task !== undefined)
        changeTask(state, entry.step, entry.task, () => ({ state: 'interrupted' }));
      return;
    case 'step.probed':
      if (entry.outcome !== 'unknown') {
        changeStep(state, entry.step, () => ({ state: entry.outcome === 'done' ? 'done' : 'todo' }));
        leaveStep(state, entry.step);
      }
      return;
    case 'task.started':
      // a resumed run goes on in the middle of a step
      state.currentStep = entry.step;
      changeStep(state, entry.step, (step) => ({
        state: 'running',
        ...(step.state === 'running' ? {} : { startedAt: entry.at, startedSeconds: now.elapsedSeconds }),
        endedAt: null,
      }));
      changeTask(state, entry.step, entry.task, (task) => ({
        action: entry.action ?? null,
        state: 'running',
        attempt: task.attempt + 1,
        input: entry.input,
        commands: entry.commands ?? null,
        startedAt: entry.at,
        error: null,
        reason: null,
        skippedBy: null,
        rolledBackFrom: entry.rollback ? (task.rolledBackFrom ?? task.error ?? unknownFailure) : null,
      }));
      return;
    case 'task.finished':
      changeTask(state, entry.step, entry.task, (task) => ({
        action: entry.action ?? task.action,
        // A way back that was gone is not the task done: what waits for the task goes on waiting.
        ...(entry.state === 'done' && task.rolledBackFrom
          ? { state: 'skipped', reason: 'failed and was rolled back', skippedBy: 'operator' }
          : { state: entry.state }),
        seconds: (task.seconds ?? 0) + entry.seconds,
        output: entry.output,
        error: entry.error ?? null,
      }));
      return;
    case 'task.skipped':
      changeTask(state, entry.step, entry.task, () => ({
        state: 'skipped',
        reason: entry.reason,
        skippedBy: entry.by,
      }));
      return;
    case 'task.note':
      state.taskNotes.push({
        at: entry.at,
        step: entry.step,
        task: entry.task,
        text: entry.text,
        data: entry.data ?? null,
      });
      return;
    default:
      return;
  }
}

const unknownFailure = { code: 'internal', message: 'it failed' };

function endStep(
  state: IncidentState,
  entry: { step: string; seconds: number; at: string },
  change: Partial<StepRecord>,
): void {
  changeStep(state, entry.step, (step) => ({
    endedAt: entry.at,
    seconds: (step.seconds ?? 0) + entry.seconds,
    progress: null,
    ...change,
  }));
  leaveStep(state, entry.step);
}

/** An attempt that was interrupted counts up to where that was noted: the time the tool was dead is in it. */
function secondsWith(step: StepRecord, now: Moment): number | null {
  if (step.state !== 'running' || step.startedSeconds === null) return step.seconds;
  const worked = Math.max(0, now.elapsedSeconds - step.startedSeconds);
  return (step.seconds ?? 0) + Math.round(worked * 1000) / 1000;
}

function leaveStep(state: IncidentState, id: string): void {
  if (state.currentStep === id) state.currentStep = null;
}

function changeStep(
  state: IncidentState,
  id: string,
  change: (step: StepRecord) => Partial<StepRecord>,
): void {
  const index = state.steps.findIndex((step) => step.id === id);
  const step = state.steps[index];
  if (step) state.steps[index] = { ...step, ...change(step) };
}

function changeTask(
  state: IncidentState,
  step: string,
  id: string,
  change: (task: TaskRecord) => Partial<TaskRecord>,
): void {
  const task = state.tasks[id] ?? blankTask(step, id);
  state.tasks[id] = { ...task, ...change(task) };
}

function blankTask(step: string, id: string): TaskRecord {
  return {
    id,
    step,
    action: null,
    state: 'todo',
    attempt: 0,
    input: undefined,
    commands: null,
    output: undefined,
    startedAt: null,
    seconds: null,
    error: null,
    reason: null,
    skippedBy: null,
    rolledBackFrom: null,
  };
}
