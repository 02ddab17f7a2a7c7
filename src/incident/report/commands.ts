import type { IncidentState } from '../records.ts';

/** Command lines that would have done the same by hand, with what the incident knows by now filled in. */
export function equivalentCommands(state: IncidentState): { step: string; command: string }[] {
  return state.steps.flatMap((step) => {
    const lines = (step.command ?? '').split('\n').filter((line) => line.trim() !== '');
    const commands = new Set(lines.map((line) => filledIn(line, state)));
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
