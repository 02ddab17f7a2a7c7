import type { Action } from '../actions/action.ts';
import { parseRunbook } from './parse.ts';
import type { Runbook } from './runbook.ts';

export interface SingleStep {
  kind: 'restore' | 'undo' | 'suspend' | 'reactivate';
  title: string;
  why: string;
  action: Action;
  input: Record<string, unknown>;
  /** What belongs to the same step and follows: waiting until the data is still. */
  followedBy?: { action: Action; input: Record<string, unknown> }[];
}

/**
 * The runbook of a bare command such as `suspend`: one step. JSON is YAML, so it is kept in the incident's folder
 * like any other and resumed the same way.
 */
export function singleStep({ kind, title, why, action, input, followedBy = [] }: SingleStep): Runbook {
  const first = { id: action.id, title: action.title, uses: action.id, with: input, confirm: 'typed' };
  const more = followedBy.map((next) => ({
    id: next.action.id,
    title: next.action.title,
    uses: next.action.id,
    with: next.input,
  }));
  const body = more.length === 0 ? first : { id: `${kind}-tenant`, title, steps: [first, ...more] };
  const text = JSON.stringify(
    {
      id: kind,
      title,
      symptoms: ['started from the command line'],
      impact: ['what the command says'],
      steps: [{ ...body, estimate: 0, why, usable: kind !== 'suspend' }],
    },
    null,
    2,
  );
  return parseRunbook(`${text}\n`, `${kind}.yaml`, { origin: 'built-in' });
}
