import type { Probed } from '../actions/action.ts';
import { stopped } from '../actions/action.ts';
import { TenantDrError } from '../errors.ts';
import type { Failure } from '../incident/records.ts';
import { askAfterInterruption } from './questions.ts';
import type { Run } from './run.ts';
import type { Step, Task } from './runbook.ts';
import { type Ended, rollBack, rolledBack, walkTask, wayBack } from './task.ts';
import { type Work, workOf } from './work.ts';

/**
 * A task that had started when the process died: rerun, probed or asked about, as it declares. Repeating goes
 * through the whole door again: conditions, gates, preview and confirmation, for rows may have changed since.
 */
export async function recoverTask(run: Run, step: Step, task: Task): Promise<Ended> {
  run.enter(step, task);
  const { incident, context } = run;
  const { startedAt, input, rolledBackFrom } = run.state.tasks[task.id] ?? {};
  const { work, again, done } =
    task.rollback && rolledBackFrom
      ? back(run, step, task, task.rollback, rolledBackFrom)
      : there(run, step, task);
  await incident.append({
    event: 'step.interrupted',
    step: step.id,
    task: task.id,
    reason: `“${task.title}” had started at ${startedAt}`,
  });
  if (work.afterInterruption === 'rerun') return again();
  const probed = await lookedInto(run, work, input);
  const seconds = 0;
  const where = {
    event: 'task.finished',
    step: step.id,
    task: task.id,
    action: work.action,
    seconds,
  } as const;
  if (probed.found === 'done') {
    await incident.append({ ...where, state: 'done', output: probed.output, found: probed.by ?? 'probe' });
    return done();
  }
  if (probed.found === 'not-done') {
    await incident.append({ ...where, state: 'undone', found: probed.by ?? 'probe' });
    await context.note(probed.detail);
    return again();
  }
  if (!run.operator.attended) {
    const error = new TenantDrError('incident-unprobed', `${task.title} was interrupted: ${probed.detail}`, {
      hint: 'A person must say whether it was done: `tenant-dr resume` at a terminal.',
    });
    return { went: 'stop', why: 'refused', error };
  }
  const answer = await askAfterInterruption(run, task, probed.detail);
  if (answer === 'leave') return { went: 'stop', why: 'operator', error: stopped() };
  const state = answer === 'done' ? 'done' : 'undone';
  await incident.append({ ...where, state, found: 'operator' });
  return answer === 'done' ? done() : again();
}

async function lookedInto(run: Run, work: Work, input: unknown): Promise<Probed<unknown>> {
  if (work.afterInterruption !== 'probe')
    return { found: 'unknown', detail: 'This cannot be found out from here.' };
  // A server may go on with it for a while: whoever waits is told for what.
  run.view.set({ phase: 'probing' });
  try {
    return await work.probe(input);
  } finally {
    run.view.set({ phase: 'walking' });
  }
}

/** What was under way, how it is begun again, and what follows when it is found done. */
interface Recovery {
  work: Work;
  again: () => Promise<Ended>;
  done: () => Promise<Ended>;
}

function there(run: Run, step: Step, task: Task): Recovery {
  const work = workOf(task, task.body, run.context);
  return { work, again: () => walkTask(run, step, task), done: async () => ({ went: 'on' }) };
}

/** Its way back was under way: that is looked into, not the task, which failed before. */
function back(
  run: Run,
  step: Step,
  task: Task,
  rollback: NonNullable<Task['rollback']>,
  failure: Failure,
): Recovery {
  return {
    work: wayBack(run, task, rollback).work,
    again: () => rollBack(run, step, task, rollback, failure),
    done: () => rolledBack(run, step, task, rollback, failure),
  };
}
