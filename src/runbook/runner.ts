import { stopped } from '../actions/action.ts';
import { TenantDrError } from '../errors.ts';
import { recoverTask } from './recover.ts';
import { asError, Run, type RunOptions } from './run.ts';
import type { Step } from './runbook.ts';
import { type Ended, plain, walkTask } from './task.ts';
import type { RunnerView, RunResult } from './view.ts';

/**
 * Walks a runbook against an incident. Where it stands is always the reduction of the journal, so a runner can be
 * made anew at any time and goes on rightly; what was under way is probed, never blindly repeated.
 */
export class Runner {
  readonly #run: Run;
  readonly view: () => RunnerView;
  readonly subscribe: (listener: () => void) => () => void;

  constructor(options: RunOptions) {
    this.#run = new Run(options);
    this.view = this.#run.view.view;
    this.subscribe = this.#run.view.subscribe;
  }

  /**
   * Resolves when the run has ended, whatever happened in it; the incident stays open unless it completed.
   * Only a journal that cannot be written or belongs to somebody else by now leaves no trace of the end.
   */
  async run(): Promise<RunResult> {
    const run = this.#run;
    let result: RunResult;
    try {
      result = await this.#walk();
    } catch (error) {
      result = await this.#broke(asError(error));
    }
    run.view.set({ phase: 'ended', outcome: result, question: null, progress: null });
    return result;
  }

  async #walk(): Promise<RunResult> {
    const run = this.#run;
    const { steps } = run.options.runbook;
    await this.#resume();
    for (const step of steps) {
      const ended = await this.#walkStep(step);
      if (ended.went === 'stop') return this.#stop(step, ended);
    }
    await run.incident.append({ event: 'closed', outcome: 'completed' });
    return { outcome: 'completed', error: null };
  }

  /** A step that was running when the process died, between two of its tasks, was interrupted too. */
  async #resume(): Promise<void> {
    const { incident, state } = this.#run;
    if (Object.keys(state.tasks).length === 0) return;
    await incident.append({ event: 'run.resumed' });
    const tasks = Object.values(state.tasks);
    for (const step of state.steps.filter((one) => one.state === 'running')) {
      if (tasks.some((task) => task.step === step.id && task.state === 'running')) continue;
      await incident.append({ event: 'step.interrupted', step: step.id });
    }
  }

  async #walkStep(step: Step): Promise<Ended> {
    const run = this.#run;
    const state = () => run.state.steps.find((one) => one.id === step.id)?.state;
    if (state() === 'done' || state() === 'skipped') return { went: 'on' };
    for (const task of step.tasks) {
      if (run.stopping) return { went: 'stop', why: 'signal', error: stopped() };
      const known = run.state.tasks[task.id]?.state;
      if (known === 'done' || known === 'skipped') continue;
      const interrupted = known === 'running' || known === 'interrupted';
      const ended = await (interrupted ? recoverTask : walkTask)(run, step, task);
      if (ended.went === 'stop') return ended;
    }
    await this.#finishStep(step);
    return { went: 'on' };
  }

  /** A step whose tasks were all left out was not done, and says why. */
  async #finishStep(step: Step): Promise<void> {
    const { state, incident } = this.#run;
    const tasks = step.tasks.map((task) => state.tasks[task.id]);
    if (tasks.every((task) => task?.state === 'skipped')) {
      const reason = [...new Set(tasks.map((task) => task?.reason ?? ''))].join('; ');
      const byPerson = state.answers.some((answer) => answer.step === step.id && answer.answer === 'skip');
      const by = byPerson ? 'operator' : 'auto';
      await incident.append({ event: 'step.skipped', step: step.id, reason, by });
      return;
    }
    const summary = this.#said(step);
    const seconds = this.#worked(step);
    await incident.append({
      event: 'step.finished',
      step: step.id,
      seconds,
      ...(summary === '' ? {} : { summary }),
    });
  }

  /** What came of a step's tasks, in a few words each. */
  #said(step: Step): string {
    const { tasks } = this.#run.state;
    return step.tasks
      .flatMap(({ id, body }) => {
        const record = tasks[id];
        if (body.kind !== 'action' || record?.state !== 'done' || record.output === undefined) return [];
        return [body.action.says(record.output)];
      })
      .filter((words) => words !== '')
      .join(' · ');
  }

  /** Seconds of the running attempt of a step. */
  #worked(step: Step): number {
    const record = this.#run.state.steps.find((one) => one.id === step.id);
    if (record?.state !== 'running' || !record.startedAt) return 0;
    return this.#run.since(Date.parse(record.startedAt) / 1000);
  }

  async #stop(step: Step, { error, why }: Extract<Ended, { went: 'stop' }>): Promise<RunResult> {
    const { incident, state } = this.#run;
    if (state.steps.find((one) => one.id === step.id)?.state === 'running') {
      if (why === 'failed') {
        const seconds = this.#worked(step);
        await incident.append({ event: 'step.failed', step: step.id, seconds, error: plain(error) });
      } else await incident.append({ event: 'step.interrupted', step: step.id, reason: error.message });
    }
    await incident.append({ event: 'run.stopped', why, code: error.code, message: error.message });
    return { outcome: why === 'failed' ? 'failed' : 'stopped', error };
  }

  /** Something outside any step's own handling: said in the journal where that is still possible. */
  async #broke(error: TenantDrError): Promise<RunResult> {
    const stop =
      error.code === 'interrupted' ||
      error.code === 'outcome-unknown' ||
      error.code === 'confirmation-refused';
    const result: RunResult = { outcome: stop ? 'stopped' : 'failed', error };
    if (error.code === 'journal-unwritable' || error.code === 'fenced-off') return result;
    try {
      const why = this.#run.stopping ? 'signal' : whyBroken(error);
      await this.#run.incident.append({
        event: 'run.stopped',
        why,
        code: error.code,
        message: error.message,
      });
    } catch (unwritten) {
      return {
        ...result,
        error: new TenantDrError(error.code, error.message, { ...error, hint: error.hint, cause: unwritten }),
      };
    }
    return result;
  }
}

function whyBroken({ code }: TenantDrError): 'refused' | 'operator' | 'failed' {
  if (code === 'confirmation-refused') return 'refused';
  return code === 'interrupted' ? 'operator' : 'failed';
}
