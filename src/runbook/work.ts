import type { ActionContext, AfterInterruption, Effect, Probed } from '../actions/action.ts';
import { runCommand, shellLine } from '../actions/command.ts';
import type { Preview } from '../actions/operator.ts';
import { stakesOf } from '../actions/status.ts';
import { onCopy } from '../incident/mode.ts';
import { filledArguments, filledInput } from './placeholders.ts';
import type { Body, Task } from './runbook.ts';
import type { CommandSpec } from './schema.ts';

/** What the runner can do with any task, whether it is an action, a command or a checklist. */
export interface Work {
  effect: Effect | 'manual';
  /** Id of the action, for the journal. */
  action: string | undefined;
  afterInterruption: AfterInterruption;
  inDryRun: 'preview' | 'run';
  /** It is a task's way back. */
  isRollback?: true;
  /** Why it cannot take place in this mode, or null. */
  leftOut: string | null;
  prepare(): Promise<unknown>;
  preview(input: unknown): Promise<Preview>;
  /** Shell lines that do the same with this input. */
  commands(input: unknown): string[];
  /** `failure`: it ran, and what it found counts as failed. */
  run(input: unknown): Promise<{ output: unknown; failure: string | null }>;
  probe(input: unknown): Promise<Probed<unknown>>;
}

/** The work of a body; `given` is input from flags, which goes over the runbook's own. */
export function workOf(
  task: Pick<Task, 'title' | 'success'>,
  body: Body,
  context: ActionContext,
  given: Record<string, unknown> = {},
): Work {
  if (body.kind === 'action') return actionWork(body, context, given);
  return body.kind === 'run'
    ? commandWork(task.title, body.spec, context)
    : checklistWork(task.title, body.items, context);
}

function actionWork(
  body: Extract<Body, { kind: 'action' }>,
  context: ActionContext,
  given: Record<string, unknown>,
): Work {
  const { action } = body;
  return {
    effect: action.effect,
    action: action.id,
    afterInterruption: action.afterInterruption,
    inDryRun: action.inDryRun,
    leftOut: null,
    prepare: () => action.prepare(context, { ...filledInput(body.input, context), ...given }),
    preview: (input) => action.preview(context, input),
    commands: (input) => action.commands(input),
    run: async (input) => {
      const output = await action.run(context, input);
      return { output, failure: action.failure(output) };
    },
    probe: (input) => action.probe(context, input),
  };
}

const unknownOutcome: Probed<unknown> = {
  found: 'unknown',
  detail: 'Only a person can tell whether it was done.',
};

function commandWork(title: string, spec: CommandSpec, context: ActionContext): Work {
  return {
    effect: spec.effect,
    action: undefined,
    afterInterruption: spec.afterInterruption,
    inDryRun: 'preview',
    leftOut:
      onCopy(context.mode) && !spec.onCopy
        ? 'a command may reach the live system and is not run on a copy'
        : null,
    prepare: async () => ({ command: filledIn(spec, context) }),
    preview: async () => {
      const line = shellLine(filledIn(spec, context));
      return {
        summary: `Runs a command${spec.shell ? ' through the shell' : ''}, at most ${spec.timeout} s.`,
        lines: [line],
        commands: [line],
        ...(context.tenant ? { stakes: stakesOf(context, context.tenant) } : {}),
      };
    },
    commands: () => [shellLine(filledIn(spec, context))],
    run: async () => {
      const { output } = await runCommand(context, {
        command: filledIn(spec, context),
        timeoutSeconds: spec.timeout,
        code: 'tool-failed',
        name: `the command of "${title}"`,
        ...(spec.effect === 'read' ? { signal: context.signal } : {}),
      });
      return { output: { output }, failure: null };
    },
    probe: async () => unknownOutcome,
  };
}

/**
 * The argument list with the incident's facts in it. A shell line gets none, because a value would be read as code
 * there; it uses the TENANT_DR_… variables.
 */
function filledIn(spec: CommandSpec, context: ActionContext): string[] | string {
  return spec.shell ? spec.command : filledArguments(spec.command, context);
}

function checklistWork(title: string, items: string[], context: ActionContext): Work {
  return {
    effect: 'manual',
    action: undefined,
    afterInterruption: 'rerun',
    inDryRun: 'preview',
    leftOut: null,
    prepare: async () => ({ items }),
    preview: async () => ({
      summary: 'Work for a person, ticked off one by one.',
      lines: items,
      commands: [],
    }),
    commands: () => [],
    run: async () => {
      const done = await context.operator.checklist(
        { id: 'checklist', kind: 'checklist', title, detail: [], items },
        context.signal,
      );
      return { output: undefined, failure: done ? null : 'The checklist was left undone.' };
    },
    probe: async () => unknownOutcome,
  };
}
