import { printable } from '../engine/printable.ts';
import type { Runner } from '../runbook/runner.ts';
import type { RunResult } from '../runbook/view.ts';
import type { Context } from './context.ts';

/** Runs the steps of one command without a screen: tells how far they are, and what they say, such as that they wait. */
export async function runAloud(context: Context, runner: Runner): Promise<RunResult> {
  let said: readonly string[] = [];
  const unfollow = tellProgress(context, runner);
  const unsubscribe = runner.subscribe(() => {
    const { output } = runner.view();
    const known = output.length >= said.length ? said.length : 0;
    for (const line of output.slice(known)) context.output.note(printable(line));
    said = output;
  });
  try {
    return await runner.run();
  } finally {
    unsubscribe();
    unfollow();
  }
}

/** Tells how far a run is until the function it returns is called. */
export function tellProgress(context: Context, runner: Runner): () => void {
  return runner.subscribe(() => {
    const { progress } = runner.view();
    if (progress && progress.unit !== 'seconds')
      context.output.progress({ ...progress, unit: progress.unit });
  });
}
