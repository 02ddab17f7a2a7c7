import type { Action, Effect } from '../actions/action.ts';
import type { CommandSpec, Condition } from './schema.ts';

/** A runbook ready to walk: actions found, inputs checked, shorthand spelled out. */
export interface Runbook {
  id: string;
  title: string;
  source: string | undefined;
  symptoms: string[];
  impact: string[];
  steps: Step[];
  /** The file's text and its sha256: an incident keeps the copy it was started with. */
  text: string;
  hash: string;
  origin: 'shipped' | 'own' | 'built-in';
}

/** One line of the budget. It is done when its tasks are. */
export interface Step {
  id: string;
  title: string;
  estimateSeconds: number;
  why: string;
  /** The tenant can work again after this step: the end of RTO. */
  usable: boolean;
  success: string[];
  ifItFails: string[];
  /** One with the step's own id, or the parts. */
  tasks: Task[];
}

export interface Task {
  id: string;
  title: string;
  why: string | undefined;
  body: Body;
  confirm: 'typed' | 'ask' | 'none';
  when: Condition[];
  /** Ids of steps and tasks that must be done before. */
  gate: string[];
  rollback: { title: string; body: Body } | null;
  /** Why a run without a person leaves it out. */
  autoSkip: string | null;
  success: string[];
  ifItFails: string[];
}

export type Body =
  | { kind: 'action'; action: Action; input: Record<string, unknown> }
  | { kind: 'run'; spec: CommandSpec }
  | { kind: 'checklist'; items: string[] };

export function effectOf(body: Body): Effect | 'manual' {
  if (body.kind === 'action') return body.action.effect;
  return body.kind === 'run' ? body.spec.effect : 'manual';
}

const order = ['manual', 'read', 'write', 'destroy'];

/** The strongest effect of a step's tasks: what its line on the screen says. */
export function stepEffect(step: Step): Effect | 'manual' {
  return step.tasks
    .map((task) => effectOf(task.body))
    .reduce((a, b) => (order.indexOf(a) >= order.indexOf(b) ? a : b));
}
