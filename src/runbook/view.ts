import type { ActionProgress } from '../actions/action.ts';
import type { Preview, Question } from '../actions/operator.ts';
import type { TenantDrError } from '../errors.ts';

/** What a run is doing right now. Step states and clocks come from the incident's journal, not from here. */
export interface RunnerView {
  phase: 'walking' | 'probing' | 'previewing' | 'asking' | 'running' | 'stopping' | 'ended';
  step: string | null;
  task: string | null;
  /** What the runbook says about the current task. */
  guide: Guide | null;
  preview: Preview | null;
  progress: ActionProgress | null;
  /** What a person may cut short right now. */
  skippable: { what: string; skip: () => void } | null;
  /** The current task's lines, the last 500. */
  output: readonly string[];
  question: Question | null;
  /** Set when the run has ended. */
  outcome: RunResult | null;
}

/** Something runs that has to come to its end first. */
export function isBusy({ phase }: RunnerView): boolean {
  return phase === 'probing' || phase === 'previewing' || phase === 'running' || phase === 'stopping';
}

/** Why a task is done, how to see that it worked, and what to do if it did not. */
export interface Guide {
  why: string;
  success: readonly string[];
  ifItFails: readonly string[];
}

/**
 * `completed`: every step is done or was skipped with a reason. `stopped`: it can be resumed.
 * `failed`: a step failed and nobody went on.
 */
export interface RunResult {
  outcome: 'completed' | 'stopped' | 'failed';
  /** Why it did not complete. */
  error: TenantDrError | null;
}

/** Somebody else goes on with it, and writes what there is to write. */
export function isTakenOver({ error }: RunResult): boolean {
  return error?.code === 'fenced-off';
}

const keptLines = 500;

/** The view as a store: a new object after every change, in the shape useSyncExternalStore expects. */
export class ViewStore {
  #view: RunnerView = {
    phase: 'walking',
    step: null,
    task: null,
    guide: null,
    preview: null,
    progress: null,
    skippable: null,
    output: [],
    question: null,
    outcome: null,
  };
  readonly #listeners = new Set<() => void>();

  view = (): RunnerView => this.#view;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  set(change: Partial<RunnerView>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }

  print(line: string): void {
    this.set({ output: [...this.#view.output, line].slice(-keptLines) });
  }
}
