import type { Action } from '../actions/action.ts';
import { parseRunbook } from './parse.ts';
import type { Runbook } from './runbook.ts';

/**
 * The runbook of a bare command such as `suspend`: one step, one action. JSON is YAML, so it is kept in the
 * incident's folder like any other and resumed the same way.
 */
export function singleStep(request: {
  kind: 'restore' | 'undo' | 'suspend' | 'reactivate';
  title: string;
  why: string;
  action: Action;
  input: Record<string, unknown>;
}): Runbook {
  const { kind, title, why, action, input } = request;
  const text = JSON.stringify(
    {
      id: kind,
      title,
      symptoms: ['started from the command line'],
      impact: ['what the command says'],
      steps: [
        {
          id: action.id,
          title: action.title,
          estimate: 0,
          why,
          uses: action.id,
          with: input,
          confirm: 'typed',
          usable: kind !== 'suspend',
        },
      ],
    },
    null,
    2,
  );
  return parseRunbook(`${text}\n`, `${kind}.yaml`, { origin: 'built-in' });
}
