import { type Plan, requireWithin } from '../engine/planning.ts';
import { idForJson, sameId, type Tenant, type TenantId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { RestoreRecord } from '../incident/records.ts';
import { type ActionContext, stopIfAsked } from './action.ts';
import { requireRpo, rpoOf } from './backup-facts.ts';
import { type Change, type PlanOptions, Workbench } from './change.ts';
import { shellLine } from './command.ts';
import { type Failure, type Input, type ManyOutput, manyOptions, phraseFor } from './many-input.ts';
import { isOneTenants, waitsForOthers } from './many-plans.ts';
import { outcomeOf, probeRecord } from './outcome.ts';
import { openAgain } from './reconnect.ts';
import { databaseName } from './status.ts';

/** With the rows of those only that are not done yet. */
export function benchOf(
  context: ActionContext,
  { from, foreignSource, tenants, disableTriggers }: Input,
): Promise<Workbench> {
  const left = tenants.filter((id) => !isDone(context, { id }));
  return context.hold('bench', () =>
    Workbench.open({ ...context, disableTriggers }, from, foreignSource, () => left),
  );
}

/** This incident restored the tenant already, as its journal says. */
export function isDone(context: ActionContext, { id }: Pick<Tenant, 'id'>): boolean {
  return recordOf(context, id)?.state === 'finished';
}

/** This incident began to restore the tenant, and did not live to say what came of it. */
export function isUnderWay(context: ActionContext, { id }: Pick<Tenant, 'id'>): boolean {
  const state = recordOf(context, id)?.state;
  return state === 'intended' || state === 'unknown';
}

export type Result = ManyOutput['results'][number];

/** The tenants one after the other, over again where that may help, and what came of each. */
export class Round {
  private readonly context: ActionContext;
  private readonly given: Input;
  private readonly tenants: Tenant[];
  private readonly shown: Map<Tenant, Plan | TenantDrError | null>;
  private bench: Workbench;
  private readonly ended = new Map<Tenant, Result>();
  private readonly errors = new Map<Tenant, TenantDrError>();
  /** Why none of the rest can be begun. */
  private gone: TenantDrError | null = null;

  constructor(
    context: ActionContext,
    given: Input,
    tenants: Tenant[],
    shown: Round['shown'],
    bench: Workbench,
  ) {
    this.context = context;
    this.given = given;
    this.tenants = tenants;
    this.shown = shown;
    this.bench = bench;
  }

  async take(tenants: Tenant[]): Promise<void> {
    for (const [done, tenant] of tenants.entries()) {
      stopIfAsked(this.context.signal);
      const { length: total } = tenants;
      this.context.progress({ phase: 'restoring', done, total, unit: 'tenants', about: tenant.slug });
      this.ended.set(tenant, this.gone ? this.notBegun(tenant, this.gone) : await this.one(tenant));
    }
  }

  /** Those that others of this round may have been in the way of, and still may. */
  waiting(): Tenant[] {
    if (this.gone) return [];
    return this.tenants.filter((tenant) => {
      const others = this.tenants.filter((other) => other !== tenant);
      return waitsForOthers(this.errors.get(tenant), others);
    });
  }

  results(): Result[] {
    return this.tenants.flatMap((tenant) => this.ended.get(tenant) ?? []);
  }

  /** A tenant whose restore ends every connection must not keep the others waiting for ever. */
  private async one(tenant: Tenant): Promise<Result> {
    let result = await this.attempt(tenant);
    for (let left = triesPerTenant; left > 0 && 'error' in result && this.bench.ground.session.lost; left--) {
      const again = await benchAgain(this.quiet, this.given);
      if (again instanceof TenantDrError) {
        this.gone = again;
        break;
      }
      this.bench = again;
      // What it did before is found out first: nothing is done twice.
      result = await this.attempt(tenant);
    }
    return result;
  }

  /** The phases of each tenant would start the time that is left over again. */
  private get quiet(): ActionContext {
    return { ...this.context, progress: () => undefined };
  }

  private async attempt(tenant: Tenant): Promise<Result> {
    this.errors.delete(tenant);
    try {
      return await restoreOne(this.quiet, this.bench, tenant, this.given, this.shown.get(tenant));
    } catch (error) {
      if (!isOneTenants(error)) throw error;
      this.errors.set(tenant, error);
      this.context.output(`${tenant.slug}: ${error.message}`);
      return failed(tenant, error);
    }
  }

  private notBegun(tenant: Tenant, why: TenantDrError): Failure {
    const phrase = phraseFor(this.tenants, databaseName(this.context.database.location));
    return notBegun(tenant, why, { incident: this.context.incident.id, phrase });
  }
}

/** A workbench for the tenants that are left, once the database can be reached again; else why it cannot be had. */
async function benchAgain(context: ActionContext, given: Input): Promise<Workbench | TenantDrError> {
  try {
    return await openAgain(context, async () => {
      await context.letGo('bench');
      return benchOf(context, given);
    });
  } catch (error) {
    if (!isOneTenants(error)) throw error;
    return error;
  }
}

function notBegun(
  { id, slug }: Tenant,
  { code, message }: TenantDrError,
  { incident, phrase }: { incident: string; phrase: string },
): Failure {
  return {
    tenant: { id: idForJson(id), slug },
    error: {
      code,
      message: `Not begun: ${message}`,
      hint: `Put that right, then go on: ${shellLine(['tenant-dr', 'resume', incident, '--confirm', phrase])}`,
    },
    begun: false,
  };
}

/** How often a tenant is begun once more because the connection broke. */
const triesPerTenant = 3;

async function restoreOne(
  context: ActionContext,
  bench: Workbench,
  tenant: Tenant,
  given: Input,
  shown: Plan | TenantDrError | null | undefined,
): Promise<Result> {
  const known = recordOf(context, tenant.id);
  if (known) {
    const probed = await probeRecord(context, known, tenant);
    if (probed.found === 'done') return probed.output;
  }
  if (shown instanceof TenantDrError) throw shown;
  const rpo = rpoOf(context, bench.backup.takenAt, tenant);
  requireRpo(context, rpo);
  const change = bench.change(tenant);
  const options = manyOptions(given);
  if (shown) requireWithin(await planFor(change, shown, options, context), shown);
  const outcome = outcomeOf(context, change, await change.execute(options, context));
  return { ...outcome, rpo };
}

/** The plan that was shown, or a new one where what stood against it may be gone by now. */
function planFor(
  change: Change,
  shown: Plan,
  options: PlanOptions,
  { progress }: ActionContext,
): Promise<Plan> {
  if (shown.conflicts.some(({ blocking }) => blocking)) change.forgetPlan();
  return change.plan(options, progress);
}

function failed({ id, slug }: Tenant, { code, message, hint }: TenantDrError): Failure {
  return { tenant: { id: idForJson(id), slug }, error: { code, message, ...(hint ? { hint } : {}) } };
}

/** What this incident already did to the tenant, unless it was rolled back. */
function recordOf(context: ActionContext, id: TenantId): RestoreRecord | undefined {
  return context.incident.state.restores.findLast(
    (one) => sameId(one.tenant, id) && one.state !== 'rolled-back',
  );
}
