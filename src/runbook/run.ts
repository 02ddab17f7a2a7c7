import type { ActionContext, ActionProgress, Clock, Closable } from '../actions/action.ts';
import type { Operator } from '../actions/operator.ts';
import type { Config } from '../config/schema.ts';
import { failingDisk } from '../databases/job-child.ts';
import type { Database } from '../engine/port.ts';
import { printable } from '../engine/printable.ts';
import type { Tenant } from '../engine/tenant.ts';
import { type ErrorCode, reasonOf, TenantDrError } from '../errors.ts';
import type { Incident } from '../incident/incident.ts';
import type { RunMode } from '../incident/mode.ts';
import type { IncidentState } from '../incident/records.ts';
import { JournaledOperator } from './asking.ts';
import type { Runbook, Step, Task } from './runbook.ts';
import { type Guide, ViewStore } from './view.ts';

/** What a run is made of. */
export interface RunOptions {
  runbook: Runbook;
  /** Opened to write. */
  incident: Incident;
  config: Config;
  /** The live database, or the private copy in a rehearsal. */
  database: Database;
  tenant: Tenant | null;
  mode: RunMode;
  operator: Operator;
  clock: Clock;
  /** Aborting it stops the run at the next safe point. */
  signal: AbortSignal;
  /** Input from flags by action id; it goes over what the runbook says. */
  input?: Record<string, Record<string, unknown>>;
  /** Things opened before the incident was, by the name the action holds them under; closed with the task. */
  held?: Record<string, Closable>;
}

/** Progress is journaled for onlookers no more often than this. */
const journalEverySeconds = 5;

/** One run: what its parts share. The journal's state is the truth; nothing of it is kept here. */
export class Run {
  readonly options: RunOptions;
  readonly incident: Incident;
  readonly view = new ViewStore();
  readonly operator: JournaledOperator;
  readonly context: ActionContext;
  #progressAt = 0;
  #progressWrite: Promise<unknown> = Promise.resolve();
  #failure: TenantDrError | null = null;
  readonly #held = new Map<string, Promise<Closable>>();

  constructor(options: RunOptions) {
    this.options = options;
    this.incident = options.incident;
    this.operator = new JournaledOperator(options.operator, options.incident, this.view);
    const { config, database, mode, incident, tenant, clock, signal } = options;
    for (const [name, one] of Object.entries(options.held ?? {})) this.#held.set(name, Promise.resolve(one));
    this.context = {
      ...{ config, database, mode, incident, tenant, clock, signal },
      operator: this.operator,
      progress: (progress) => this.#progress(progress),
      output: (line) => this.view.print(printable(line)),
      note: (text, data) => this.#note(text, data),
      result: (action) => this.#result(action),
      hold: (name, open) => this.#hold(name, open),
      skippable: (what, work) => this.#skippable(what, work),
      letGo: (name) => this.#letGo(name),
    };
  }

  get state(): IncidentState {
    return this.incident.state;
  }

  /** Now, in seconds. */
  get seconds(): number {
    return this.options.clock.now().getTime() / 1000;
  }

  /** Seconds since then, never negative, to the millisecond. */
  since(then: number): number {
    return Math.max(0, Math.round((this.seconds - then) * 1000) / 1000);
  }

  get stopping(): boolean {
    return this.options.signal.aborted;
  }

  /** Points the view at a task, with a clean slate. */
  enter(step: Step, task: Task): void {
    this.#progressAt = this.seconds;
    this.view.set({
      step: step.id,
      task: task.id,
      guide: guideOf(step, task),
      preview: null,
      progress: null,
      output: [],
      phase: 'walking',
    });
  }

  /** Waits for what was journaled on the side. Rejects with what went wrong there. */
  async settled(): Promise<void> {
    await this.#progressWrite;
    if (this.#failure) throw this.#failure;
  }

  /** Closes what the task kept open. */
  async release(): Promise<void> {
    const held = [...this.#held.values()];
    this.#held.clear();
    for (const one of held) await (await one).close();
  }

  /** A name stands for one thing of one type as long as the task lasts. */
  async #hold<T extends Closable>(name: string, open: () => Promise<T>): Promise<T> {
    const known = this.#held.get(name);
    if (known) return (await known) as T;
    const opening = open();
    this.#held.set(name, opening);
    try {
      return await opening;
    } catch (error) {
      this.#held.delete(name);
      throw error;
    }
  }

  async #skippable<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const cut = new AbortController();
    this.view.set({ skippable: { what, skip: () => cut.abort() } });
    try {
      return await work(AbortSignal.any([cut.signal, this.options.signal]));
    } finally {
      this.view.set({ skippable: null });
    }
  }

  async #letGo(name: string): Promise<void> {
    const held = this.#held.get(name);
    this.#held.delete(name);
    if (held) await (await held).close();
  }

  #progress(progress: ActionProgress): void {
    this.view.set({ progress });
    const { step } = this.view.view();
    if (!step || this.seconds - this.#progressAt < journalEverySeconds) return;
    this.#progressAt = this.seconds;
    const { phase, done, total, unit } = progress;
    this.#progressWrite = this.#progressWrite
      .then(() => this.incident.append({ event: 'step.progress', step, phase, done, total, unit }))
      .catch((error: unknown) => {
        this.#failure ??= asError(error);
      });
  }

  async #note(text: string, data?: Record<string, unknown>): Promise<void> {
    const { step, task } = this.view.view();
    this.view.print(printable(text));
    await this.incident.append({
      event: 'task.note',
      step: step ?? '',
      task: task ?? '',
      text,
      ...(data ? { data } : {}),
    });
  }

  #result<O>(action: { id: string; parseOutput(output: unknown): O }): O | undefined {
    const ended = Object.values(this.state.tasks)
      .filter((task) => task.action === action.id && task.output !== undefined)
      .filter((task) => task.state === 'done' || task.state === 'failed')
      .sort((a, b) => (a.startedAt ?? '').localeCompare(b.startedAt ?? ''));
    const latest = ended.at(-1);
    return latest ? action.parseOutput(latest.output) : undefined;
  }
}

/** Where a task says nothing of its own, the step speaks for it. */
function guideOf(step: Step, task: Task): Guide {
  return {
    why: task.why || step.why,
    success: task.success.length > 0 ? task.success : step.success,
    ifItFails: task.ifItFails.length > 0 ? task.ifItFails : step.ifItFails,
  };
}

/** What a file system says, and what it is called here. */
const fileTroubles: Record<string, ErrorCode> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EIO: 'disk-error',
  EROFS: 'permission-denied',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
};

/** Anything thrown, as an error a person can read. */
export function asError(error: unknown): TenantDrError {
  if (error instanceof TenantDrError) return error;
  const code = error instanceof Error && 'code' in error ? fileTroubles[String(error.code)] : undefined;
  if (code !== undefined) {
    return new TenantDrError(code, `A file could not be written: ${reasonOf(error)}.`, {
      hint: code === 'disk-error' ? failingDisk : 'Make room or give write permission there, then try again.',
      cause: error,
    });
  }
  return new TenantDrError('internal', `Something unexpected went wrong: ${reasonOf(error)}`, {
    hint: 'The incident is kept; `tenant-dr resume` goes on from its journal. Set TENANT_DR_DEBUG=1 to see where it happened.',
    cause: error,
  });
}
