import type { IncidentState } from '../records.ts';
import { tasksOf } from '../state.ts';

/**
 * Command lines that would have done the same by hand, with what the incident knows by now filled in: of a step that
 * began those of what was done, with what was decided then.
 */
export function equivalentCommands(state: IncidentState): { step: string; command: string }[] {
  return state.steps.flatMap((step) => {
    const done = tasksOf(state, step.id).flatMap((task) => task.commands ?? []);
    const lines = done.length > 0 ? done : (step.command ?? '').split('\n');
    const commands = new Set(lines.filter((line) => line.trim() !== '').map((line) => filledIn(line, state)));
    return [...commands].map((command) => ({ step: step.title, command }));
  });
}

/** A placeholder that nothing is known for stays as it is. */
function filledIn(line: string, state: IncidentState): string {
  const only = state.tenants.length === 1 ? state.tenants[0] : undefined;
  const facts: Record<string, string | undefined> = {
    tenant: only?.slug,
    slug: only?.slug,
    ref: state.backup?.path ?? state.backup?.ref,
    incident: state.id,
    mode: state.restores.at(-1)?.intended.mode ?? state.plans.at(-1)?.mode,
  };
  return line.replace(/<([a-z]+)>/g, (whole, name: string) => {
    const fact = facts[name];
    return fact === undefined ? whole : quoted(fact);
  });
}

/** As one word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
