import { stopped } from '../actions/action.ts';
import { type Option, type Preview, unlessBack } from '../actions/operator.ts';
import { TenantDrError } from '../errors.ts';
import type { Run } from './run.ts';
import type { Task } from './runbook.ts';

/** What the runner itself asks: may this start, what after a failure, at a closed gate, after an interruption. */

const leave: Option = { value: 'leave', label: 'Leave', detail: 'the incident is kept and can be resumed' };
const skipOption: Option = { value: 'skip', label: 'Skip this', detail: 'needs a reason' };

export type Consent =
  | { go: 'go' }
  | { go: 'skip'; reason: string }
  | { go: 'leave'; why: 'operator' | 'refused' | 'signal'; error: TenantDrError };

/**
 * The consent a task needs: none, a word, or the typed phrase (promise 5). A person first sees what will happen and
 * why, unless the task's own questions have shown it; going back offers to skip or leave.
 */
export async function askToProceed(
  run: Run,
  task: Task,
  preview: Preview,
  introduced: boolean,
): Promise<Consent> {
  if (task.confirm === 'none') return { go: 'go' };
  const typed = task.confirm === 'typed';
  let show = !typed || (run.operator.attended && !introduced);
  try {
    for (;;) {
      const answer = show ? await askToStart(run, task, preview) : 'go';
      if (answer === 'leave') return { go: 'leave', why: 'operator', error: stopped() };
      if (answer === 'skip') {
        const reason = await askReason(run, task, 'Why is this skipped?');
        if (reason !== null) return { go: 'skip', reason };
      } else if (!typed || (await typePhrase(run, task, preview))) return { go: 'go' };
      show = true;
    }
  } catch (error) {
    if (!(error instanceof TenantDrError)) throw error;
    if (error.code === 'interrupted')
      return { go: 'leave', why: run.stopping ? 'signal' : 'operator', error };
    if (error.code === 'confirmation-refused') return { go: 'leave', why: 'refused', error };
    throw error;
  }
}

function askToStart(run: Run, task: Task, preview: Preview): Promise<string> {
  return run.operator.choose(
    {
      id: `${task.id}.proceed`,
      kind: 'choose',
      title: task.title,
      detail: [preview.summary, ...preview.lines],
      options: [{ value: 'go', label: 'Start', ...typedFirst(task) }, skipOption, leave],
      view: { kind: 'proceed', preview },
      ...(task.confirm === 'ask' ? { unattended: { answer: 'go', why: 'it destroys nothing' } } : {}),
    },
    run.options.signal,
  );
}

function typedFirst(task: Task): Pick<Option, 'detail'> {
  return task.confirm === 'typed' ? { detail: 'what is at stake comes first, and a phrase to type' } : {};
}

async function typePhrase(run: Run, task: Task, preview: Preview): Promise<boolean> {
  const phrase = preview.stakes?.phrase ?? run.options.tenant?.slug;
  if (phrase === undefined) {
    throw new TenantDrError(
      'usage',
      `"${task.title}" must be confirmed by typing, and there is no tenant to name.`,
      {
        hint: 'Start the runbook with --tenant <id or slug>.',
      },
    );
  }
  const question = {
    id: `${task.id}.confirm`,
    kind: 'confirm',
    title: task.title,
    detail: [],
    phrase,
    preview,
  } as const;
  return run.operator.confirmed(
    { ...question, detail: [preview.summary, ...preview.lines] },
    run.options.signal,
  );
}

export type AfterFailure =
  | { go: 'retry' }
  | { go: 'rollback' }
  | { go: 'skip'; reason: string }
  | { go: 'leave' };

/** Where nobody is there a failure always ends the run. */
export async function askAfterFailure(run: Run, task: Task, error: TenantDrError): Promise<AfterFailure> {
  if (!run.operator.attended) return { go: 'leave' };
  const ifItFails = task.ifItFails.join(' ');
  const answer = await run.operator.choose(
    {
      id: `${task.id}.failed`,
      kind: 'choose',
      title: `${task.title} failed`,
      detail: [error.message, ...(error.hint ? [error.hint] : []), ...task.ifItFails],
      options: [
        { value: 'retry', label: 'Try again' },
        ...(task.rollback ? [{ value: 'rollback', label: task.rollback.title }] : []),
        skipOption,
        leave,
      ],
      view: {
        kind: 'failed',
        message: error.message,
        ...(error.hint ? { hint: error.hint } : {}),
        ...(ifItFails ? { ifItFails } : {}),
      },
    },
    run.options.signal,
  );
  if (answer === 'skip') {
    const reason = await askReason(run, task, 'Why is this skipped?');
    return reason === null ? askAfterFailure(run, task, error) : { go: 'skip', reason };
  }
  return { go: answer === 'retry' || answer === 'rollback' ? answer : 'leave' };
}

export type AtGate =
  | { go: 'redo' }
  | { go: 'override'; reason: string }
  | { go: 'leave'; error: TenantDrError };

/** A closed gate stops a run without a person, always; a person may open it with a reason that is journaled. */
export async function askAtGate(run: Run, task: Task, waitsFor: string[]): Promise<AtGate> {
  const names = waitsFor.join(', ');
  const error = new TenantDrError('gate-failed', `"${task.title}" waits for ${names}, which is not done.`, {
    hint: 'Resume the incident and do that first.',
    facts: { waitsFor },
  });
  if (!run.operator.attended) return { go: 'leave', error };
  const answer = await run.operator.choose(
    {
      id: `${task.id}.gate`,
      kind: 'choose',
      title: error.message,
      detail: [],
      options: [
        { value: 'redo', label: `Do ${names} now` },
        { value: 'override', label: 'Go on without', detail: 'needs a reason; the report will say so' },
        leave,
      ],
    },
    run.options.signal,
  );
  if (answer === 'redo') return { go: 'redo' };
  if (answer !== 'override') return { go: 'leave', error };
  const reason = await askReason(run, task, `Why go on although ${names} is not done?`);
  return reason === null ? askAtGate(run, task, waitsFor) : { go: 'override', reason };
}

export type AfterInterruption = 'done' | 'again' | 'leave';

/** Only a person can tell whether an interrupted task had its effect. */
export async function askAfterInterruption(run: Run, task: Task, detail: string): Promise<AfterInterruption> {
  const answer = await run.operator.choose(
    {
      id: `${task.id}.interrupted`,
      kind: 'choose',
      title: `${task.title} was interrupted. Was it done?`,
      detail: [detail],
      options: [
        { value: 'done', label: 'It was done' },
        { value: 'again', label: 'It was not done: do it now' },
        leave,
      ],
    },
    run.options.signal,
  );
  return answer === 'done' || answer === 'again' ? answer : 'leave';
}

/** Null when the person thinks better of it and goes back. */
function askReason(run: Run, task: Task, title: string): Promise<string | null> {
  return unlessBack(
    run.operator.reason(
      { id: `${task.id}.reason`, kind: 'reason', title, detail: [task.title], mayGoBack: true },
      run.options.signal,
    ),
  );
}
