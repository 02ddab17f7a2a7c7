import { reasonOf, TenantDrError } from '../errors.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction, stopIfAsked } from './action.ts';
import { runCommand, shellLine } from './command.ts';

type Health = NonNullable<ActionContext['config']['health']>;

/** Asks the application whether it is well: an address, or a command. */
export const health = defineAction({
  id: 'health',
  title: 'Check the application’s health',
  description:
    'Fetches the configured address and compares the status code, or runs the configured command. Without a `health:` key it says so and passes. Not run in a rehearsal: the application does not use the copy.',
  byHand:
    'Open the application as one of the tenant’s users and look at a page that reads the restored data.',
  effect: 'read',
  input: z.strictObject({}),
  output: z.object({ passed: z.boolean(), checked: z.boolean(), detail: z.string() }),
  afterInterruption: 'rerun',
  says: ({ checked }) => (checked ? 'the application answers' : ''),
  inDryRun: 'preview',
  commands: () => ['curl -sS -o /dev/null -w "%{http_code}\\n" <health.url>'],
  failure: (output) => (output.passed ? null : output.detail),

  async preview(context) {
    const asked = context.config.health;
    return {
      summary: asked ? `Asks the application: ${question(asked)}.` : 'No health check is configured.',
      lines: [],
      commands: asked ? [commandOf(asked)] : [],
    };
  },

  async run(context) {
    const asked = context.config.health;
    if (!asked) return { passed: true, checked: false, detail: 'No health check is configured.' };
    if (context.mode !== 'live')
      return { passed: true, checked: false, detail: 'Not asked: this is not the live system.' };
    const result = await ask(context, asked);
    await context.incident.append({ event: 'health.checked', ok: result.passed, detail: result.detail });
    context.output(result.detail);
    return { ...result, checked: true };
  },
});

async function ask(context: ActionContext, asked: Health): Promise<{ passed: boolean; detail: string }> {
  if ('command' in asked) {
    try {
      const request = {
        command: asked.command,
        timeoutSeconds: asked.timeout,
        code: 'tool-failed',
        name: 'the health check',
      } as const;
      await runCommand(context, { ...request, signal: context.signal });
      return { passed: true, detail: `${shellLine(asked.command)}: exit code 0` };
    } catch (error) {
      if (error instanceof TenantDrError && error.code !== 'interrupted')
        return { passed: false, detail: error.message };
      throw error;
    }
  }
  try {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(asked.timeout * 1000)]);
    const response = await fetch(asked.url, { signal, redirect: 'manual' });
    await response.body?.cancel();
    return {
      passed: response.status === asked.expect,
      detail: `${address(asked.url)}: ${response.status}, expected ${asked.expect}`,
    };
  } catch (error) {
    stopIfAsked(context.signal);
    const cause = error instanceof Error && error.cause ? `: ${reasonOf(error.cause)}` : '';
    return { passed: false, detail: `${address(asked.url)}: ${reasonOf(error)}${cause}` };
  }
}

/** The address without what may be secret in it. */
function address(url: string): string {
  const parsed = URL.parse(url);
  return parsed ? `${parsed.origin}${parsed.pathname}` : 'the configured address';
}

function question(asked: Health): string {
  return 'command' in asked ? shellLine(asked.command) : `${address(asked.url)}, expecting ${asked.expect}`;
}

function commandOf(asked: Health): string {
  return 'command' in asked
    ? shellLine(asked.command)
    : `curl -sS -o /dev/null -w '%{http_code}\\n' ${address(asked.url)}`;
}
