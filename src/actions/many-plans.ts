import type { Revival } from '../engine/plan.ts';
import { countEffects, requireApplicable } from '../engine/planning.ts';
import type { Tenant } from '../engine/tenant.ts';
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
  tenants: ({ tenant: Tenant } & ({ effects: Effects } | { refusal: string }))[];
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
      requireApplicable(plan);
      const effects = countEffects(plan);
      plans.tenants.push({ tenant, effects });
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
