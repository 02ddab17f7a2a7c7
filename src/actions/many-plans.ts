import type { Conflict, Revival } from '../engine/plan.ts';
import { countEffects, type Plan, requireApplicable } from '../engine/planning.ts';
import { sameId, type Tenant } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import { type ActionContext, stopIfAsked } from './action.ts';
import type { PlanOptions, Workbench } from './change.ts';

interface Effects {
  insert: number;
  update: number;
  delete: number;
}

/** What a restore of several tenants would do, before anybody confirms it. */
export interface ManyPlans {
  tenants: ({ tenant: Tenant } & ({ effects: Effects; waits?: string } | { refusal: string }))[];
  sum: Effects;
  /** Rows that would come back to life, of all tenants together. */
  revivals: Pick<Revival, 'table' | 'review' | 'decision' | 'rows'>[];
}

/** Errors that are about one tenant; after any other the rest would fail too, or must not be tried. */
export function isOneTenants(error: unknown): error is TenantDrError {
  return (
    error instanceof TenantDrError &&
    !['interrupted', 'fenced-off', 'journal-unwritable'].includes(error.code)
  );
}

/** What the restore of another tenant may take out of the way: it gives back a row, a value, or what refers to one. */
const othersDoing = ['key-of-another-tenant', 'unique-taken', 'inbound-reference', 'reference-missing'];

/** The error says nothing but that rows stand in the way which are, as far as known, those of others of these tenants. */
export function waitsForOthers(error: unknown, others: Pick<Tenant, 'id'>[]): error is TenantDrError {
  if (!(error instanceof TenantDrError) || error.code !== 'conflict') return false;
  const conflicts = error.facts?.conflicts as Conflict[] | undefined;
  if (!conflicts) return false;
  return conflicts.every(
    ({ kind, other }) =>
      othersDoing.includes(kind) &&
      (other?.tenant === undefined || others.some(({ id }) => id.text === other.tenant)),
  );
}

/** Null where the plan can be carried out, the reason where it may be once others are done. Else throws it. */
function waitFor(plan: Plan, tenants: Tenant[]): TenantDrError | null {
  try {
    requireApplicable(plan);
    return null;
  } catch (error) {
    const others = tenants.filter(({ id }) => !sameId(id, plan.tenant.id));
    if (waitsForOthers(error, others)) return error;
    throw error;
  }
}

/**
 * Plans every tenant. The workbench keeps the plans, so that what is confirmed is what is carried out; a tenant whose
 * plan is refused is told with the reason, and left out. Rejects with interrupted, or with what is wrong for everybody.
 */
export async function planMany(
  bench: Workbench,
  tenants: Tenant[],
  options: PlanOptions,
  { signal, progress }: Pick<ActionContext, 'signal' | 'progress'>,
): Promise<ManyPlans> {
  const plans: ManyPlans = { tenants: [], sum: { insert: 0, update: 0, delete: 0 }, revivals: [] };
  for (const [done, tenant] of tenants.entries()) {
    stopIfAsked(signal);
    progress({ phase: 'planning', done, total: tenants.length, unit: 'tenants', about: tenant.slug });
    const change = bench.change(tenant);
    change.leftOut = null;
    try {
      const plan = await change.plan(options, () => undefined);
      const waits = waitFor(plan, tenants);
      const effects = countEffects(plan);
      plans.tenants.push({ tenant, effects, ...(waits === null ? {} : { waits: waits.message }) });
      for (const kind of ['insert', 'update', 'delete'] as const) plans.sum[kind] += effects[kind];
      for (const revival of plan.revivals) addRevival(plans.revivals, revival);
    } catch (error) {
      // Without a connection nothing can be shown of anybody: that is no reason to leave out one.
      if (!isOneTenants(error) || bench.ground.session.lost) throw error;
      change.leftOut = error;
      plans.tenants.push({ tenant, refusal: error.message });
    }
  }
  return plans;
}

function addRevival(all: ManyPlans['revivals'], { table, review, decision, rows }: Revival): void {
  const known = all.find((one) => one.table === table && one.review === review && one.decision === decision);
  if (known) known.rows += rows;
  else all.push({ table, review, decision, rows });
}
