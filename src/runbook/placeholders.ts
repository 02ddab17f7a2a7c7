import type { ActionContext } from '../actions/action.ts';
import { TenantDrError } from '../errors.ts';

/** Facts of the incident that a runbook may name where their values are not known yet: `{incident}`. */
export const placeholders = ['tenant.id', 'tenant.slug', 'incident'] as const;

const wanted = /\{([a-zA-Z][\w.-]*)\}/g;

function factsOf({ tenant, incident }: ActionContext): Record<string, string | undefined> {
  return { 'tenant.id': tenant?.id.text, 'tenant.slug': tenant?.slug, incident: incident.id };
}

function filled(text: string, facts: Record<string, string | undefined>): string {
  return text.replace(wanted, (whole, name: string) => facts[name] ?? whole);
}

/** Fills an argument list. A value cannot pose as an option: that is refused. */
export function filledArguments(command: readonly string[], context: ActionContext): string[] {
  const facts = factsOf(context);
  return command.map((part) => {
    const whole = filled(part, facts);
    if (whole !== part && whole.startsWith('-') && !part.startsWith('-')) {
      throw new TenantDrError('usage', `The argument ${part} would become an option of the command.`, {
        hint: `Nothing was run. Put "--" before it, or pass it as --name=${part}.`,
      });
    }
    return whole;
  });
}

/** Fills every text of an action's input. */
export function filledInput(input: Record<string, unknown>, context: ActionContext): Record<string, unknown> {
  const facts = factsOf(context);
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') return filled(value, facts);
    if (Array.isArray(value)) return value.map(fill);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one)]));
  };
  return fill(input) as Record<string, unknown>;
}

/** Placeholders in a value that nothing will fill, each once. */
export function unknownPlaceholders(value: unknown): string[] {
  const texts: string[] = [];
  const look = (one: unknown): void => {
    if (typeof one === 'string') texts.push(one);
    else if (one !== null && typeof one === 'object') Object.values(one).forEach(look);
  };
  look(value);
  const named = texts.flatMap((text) => [...text.matchAll(wanted)].map((match) => match[1] ?? ''));
  return [...new Set(named)].filter((name) => !placeholders.some((known) => known === name));
}
