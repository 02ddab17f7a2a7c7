import type { Hook } from '../config/schema.ts';
import type { ActionContext } from './action.ts';
import { runCommand, shellLine } from './command.ts';

type Moment = 'before' | 'after';
type What = 'suspend' | 'reactivate';

/** Whether the configured hooks run in this mode: on a copy they would reach the live application. */
export function hooksRun(context: ActionContext): boolean {
  return context.mode === 'live';
}

/** Runs the application's hooks in order. The first one that fails stops the rest with `hook-failed`. */
export async function runHooks(context: ActionContext, what: What, moment: Moment): Promise<number> {
  const hooks = context.config.hooks[what][moment];
  if (hooks.length === 0) return 0;
  if (!hooksRun(context)) {
    await context.note(`${hooks.length} hook(s) ${moment} ${what} not run: this is not the live system`);
    return 0;
  }
  for (const hook of hooks) {
    const name = `the hook ${moment} ${verbs[what]}`;
    context.output(`${name}: ${shellLine(hook.command)}`);
    await runCommand(context, {
      command: hook.command,
      timeoutSeconds: hook.timeout,
      code: 'hook-failed',
      name,
    });
    await context.note(`${name} ran: ${shellLine(hook.command)}`);
  }
  return hooks.length;
}

const verbs: Record<What, string> = { suspend: 'suspending', reactivate: 'reactivating' };

/** Lines of a preview: what will run around the change. */
export function hookLines(context: ActionContext, what: What): string[] {
  const lines = (moment: Moment, hooks: Hook[]) =>
    hooks.map((hook) => `hook ${moment}: ${shellLine(hook.command)} (at most ${hook.timeout} s)`);
  const all = [
    ...lines('before', context.config.hooks[what].before),
    ...lines('after', context.config.hooks[what].after),
  ];
  return hooksRun(context) ? all : all.map((line) => `${line}, not run here`);
}
