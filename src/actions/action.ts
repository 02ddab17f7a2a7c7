import type { Config } from '../config/schema.ts';
import type { Database, Progress } from '../engine/port.ts';
import type { Tenant } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { Incident } from '../incident/incident.ts';
import type { RunMode } from '../incident/mode.ts';
import type { z } from '../zod.ts';
import type { Confirming, Preview } from './operator.ts';

/** `write` changes something; `destroy` puts data or a customer at risk and forces the typed confirmation. */
export const effects = ['read', 'write', 'destroy'] as const;
export type Effect = (typeof effects)[number];

export interface Clock {
  now(): Date;
  /** Resolves after that many seconds, or rejects with `interrupted` when the signal fires. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>;
}

export interface Closable {
  close(): Promise<void>;
}

/** How far a task is: of the database's work, or of a wait. */
export type ActionProgress = Omit<Progress, 'unit'> & { unit: Progress['unit'] | 'seconds' };

/** All an action may use. Nothing else reaches it, so it runs the same under a screen, headless, and in tests. */
export interface ActionContext {
  readonly config: Config;
  /** The live database, or the private copy in a rehearsal. */
  readonly database: Database;
  readonly mode: RunMode;
  readonly incident: Incident;
  /** Null only in a runbook without a tenant. */
  readonly tenant: Tenant | null;
  readonly operator: Confirming;
  readonly clock: Clock;
  /** Fires when the run is to stop: end the running transaction, start nothing more. */
  readonly signal: AbortSignal;
  progress(progress: ActionProgress): void;
  /** Keeps something open from preparing to running under a name; it is closed when the task is over, however. */
  hold<T extends Closable>(name: string, open: () => Promise<T>): Promise<T>;
  /** Closes what is held under a name before the task is over; nothing when there is none. */
  letGo(name: string): Promise<void>;
  /** Work that a person may cut short: its signal fires then, and what was found so far is the result. */
  skippable<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** A line for the screen and the kept output. */
  output(line: string): void;
  /** A finding worth keeping in the journal, with measured facts beside it; never row values. */
  note(text: string, data?: Record<string, unknown>): Promise<void>;
  /** The latest output of an action in this incident, from the journal; undefined when it has not run. */
  result<O>(action: { id: string; parseOutput(output: unknown): O }): O | undefined;
}

/** What a probe found out about an interrupted run of the action. `by`: it could not tell, and asked a person. */
export type Probed<O> =
  | { found: 'done'; output: O; by?: 'operator' }
  | { found: 'not-done'; detail: string; by?: 'operator' }
  /** A person has to say it then. */
  | { found: 'unknown'; detail: string };

/** What happens to a step that was interrupted: run it again, find out what happened, or ask a person. */
export type AfterInterruption = 'rerun' | 'probe' | 'ask';

export interface ActionSpec<I extends z.ZodType, O extends z.ZodType> {
  id: string;
  title: string;
  /** What it does, for the reference page and `runbook print`. */
  description: string;
  effect: Effect;
  input: I;
  output: O;
  afterInterruption: AfterInterruption;
  /** In a dry run only the preview happens; `run` is for looking actions whose answers later previews need. */
  inDryRun: 'preview' | 'run';
  /** How a person does it without the tool, in a few sentences. */
  byHand: string;
  /** Commands that do the same without a runbook; `<tenant>` and the like stand for what is not known yet. */
  commands(input: z.output<I>): string[];
  /** Asks what must be known before the preview, such as a mode; what it returns is the input from then on. */
  prepare?(context: ActionContext, input: z.output<I>): Promise<z.input<I>>;
  preview(context: ActionContext, input: z.output<I>): Promise<Preview>;
  run(context: ActionContext, input: z.output<I>): Promise<z.output<O>>;
  /** Needed when `afterInterruption` is `probe`. Looks, changes nothing. */
  probe?(context: ActionContext, input: z.output<I>): Promise<Probed<z.output<O>>>;
  /** Why an output counts as failed, or null: a verification that ran and found something. */
  failure?(output: z.output<O>): string | null;
  /** What came of it in a few words, for the list of steps; '' for nothing worth saying. */
  says?(output: z.output<O>): string;
}

/** An action as the runner sees it: inputs and outputs are checked at the door. */
export interface Action<O = unknown> {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly byHand: string;
  readonly effect: Effect;
  readonly input: z.ZodType;
  readonly output: z.ZodType;
  readonly afterInterruption: AfterInterruption;
  readonly inDryRun: 'preview' | 'run';
  parseOutput(output: unknown): O;
  commands(input: unknown): string[];
  prepare(context: ActionContext, input: unknown): Promise<unknown>;
  preview(context: ActionContext, input: unknown): Promise<Preview>;
  run(context: ActionContext, input: unknown): Promise<O>;
  probe(context: ActionContext, input: unknown): Promise<Probed<O>>;
  failure(output: unknown): string | null;
  says(output: unknown): string;
}

/** Declares an action once. Throws when it promises a probe it does not have. */
export function defineAction<I extends z.ZodType, O extends z.ZodType>(
  spec: ActionSpec<I, O>,
): Action<z.output<O>> {
  const probe = spec.probe;
  if (spec.afterInterruption === 'probe' && !probe) {
    throw new TenantDrError('internal', `The action "${spec.id}" promises a probe and has none.`);
  }
  const parse = (input: unknown) => spec.input.parse(input ?? {});
  return {
    id: spec.id,
    title: spec.title,
    description: spec.description,
    byHand: spec.byHand,
    effect: spec.effect,
    input: spec.input,
    output: spec.output,
    afterInterruption: spec.afterInterruption,
    inDryRun: spec.inDryRun,
    parseOutput: (output) => spec.output.parse(output),
    commands: (input) => spec.commands(parse(input)),
    prepare: async (context, input) => (spec.prepare ? spec.prepare(context, parse(input)) : parse(input)),
    preview: (context, input) => spec.preview(context, parse(input)),
    run: async (context, input) => spec.output.parse(await spec.run(context, parse(input))),
    probe: async (context, input) =>
      probe ? probe(context, parse(input)) : { found: 'unknown', detail: 'This action cannot tell.' },
    failure: (output) => spec.failure?.(spec.output.parse(output)) ?? null,
    says: (output) => spec.says?.(spec.output.parse(output)) ?? '',
  };
}

/** The tenant of the run; rejects runs of tenant actions in a runbook started without one. */
export function tenantOf(context: Pick<ActionContext, 'tenant'>): Tenant {
  if (context.tenant) return context.tenant;
  throw new TenantDrError('usage', 'This step needs a tenant and the run was started without one.', {
    hint: 'Start the runbook with --tenant <id or slug>.',
  });
}

/** For safe points: rejects with `interrupted` once the run is to stop. */
export function stopIfAsked(signal: AbortSignal): void {
  if (signal.aborted) throw stopped();
}

export function stopped(): TenantDrError {
  return new TenantDrError('interrupted', 'The run was stopped at a safe point.', {
    hint: 'Go on with `tenant-dr resume`.',
  });
}
