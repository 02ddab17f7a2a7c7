import type { Plan } from '../engine/planning.ts';
import type { Completion, Intention, Recorder } from '../engine/restore.ts';
import type { TenantDrError } from '../errors.ts';
import type { EntryOf } from '../incident/events.ts';
import type { TableCounts } from '../incident/facts.ts';
import type { ActionContext } from './action.ts';

/** Writes what the engine intends and what came of it into the incident's journal. */
export class IncidentRecorder implements Recorder {
  /** Of the safety copy; known before the first change. */
  safetySha256 = '';
  readonly #status: EntryOf<'restore.intended'>['status'];
  readonly #context: ActionContext;
  readonly #from: string;
  #intention: Intention | null = null;

  constructor(context: ActionContext, from: string, status?: EntryOf<'restore.intended'>['status']) {
    this.#status = status;
    this.#context = context;
    this.#from = from;
  }

  async intended(intention: Intention): Promise<void> {
    this.#intention = intention;
    const { tenant, mode, before, planned, effects, safetyCopy, marker, tables } = intention;
    await this.#context.incident.append({
      event: 'restore.intended',
      tenant,
      from: this.#from,
      mode,
      digest: { before, planned },
      effects: { file: effects.path, sha256: effects.sha256, rows: effects.rows },
      safetyCopy: { path: safetyCopy.path, sha256: this.safetySha256, rows: safetyCopy.rows },
      marker,
      tables: countsOf({ tables }),
      ...(this.#status ? { status: this.#status } : {}),
    });
  }

  async finished({ after, isolation, seconds }: Completion): Promise<void> {
    const { tenant, before, planned, tables } = this.#known();
    await this.#context.incident.append({
      event: 'restore.finished',
      tenant,
      committed: true,
      digest: { before, planned, after },
      isolation,
      tables: countsOf({ tables }),
      seconds: { ...seconds },
    });
  }

  async rolledBack({ code, message, hint }: TenantDrError): Promise<void> {
    const error = { code, message, ...(hint ? { hint } : {}) };
    await this.#context.incident.append({
      event: 'restore.rolled-back',
      tenant: this.#known().tenant,
      error,
    });
  }

  async unknown(error: TenantDrError): Promise<void> {
    await this.#context.incident.append({
      event: 'restore.unknown',
      tenant: this.#known().tenant,
      reason: error.message,
    });
  }

  #known(): Intention {
    if (this.#intention) return this.#intention;
    throw new RangeError('The engine reports an outcome before an intention.');
  }
}

export function countsOf(plan: Pick<Plan, 'tables'>): TableCounts[] {
  return plan.tables.map(
    ({ name, insert, update, delete: deleted, unchanged, losses, live, backup, kept }) => ({
      ...{ name, insert, update, delete: deleted, unchanged, losses, live, backup, kept },
    }),
  );
}
