import { restoreModes } from '../engine/plan.ts';
import { type Plan, requireWithin } from '../engine/planning.ts';
import { idForJson, sameId, type Tenant, type TenantId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { RestoreRecord } from '../incident/records.ts';
import { byTier } from '../policy/tiers.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction, stopIfAsked } from './action.ts';
import { noteBackup, requireRpo, rpoOf, warnOfRpo } from './backup-facts.ts';
import { type PlanOptions, Workbench } from './change.ts';
import { shellLine } from './command.ts';
import { failuresSaid } from './many-failures.ts';
import { isOneTenants, planMany } from './many-plans.ts';
import type { Preview } from './operator.ts';
import { outcomeOf, probeRecord } from './outcome.ts';
import { openAgain } from './reconnect.ts';
import { input as restoreInput, restoreOptions } from './restore-input.ts';
import { databaseName } from './status.ts';

const tenantId = z.object({ type: z.enum(['integer', 'text', 'blob']), text: z.string() });

const input = z.strictObject({
  from: z.string().describe('The backup'),
  tenants: z.array(tenantId).min(1).describe('Ids of the tenants'),
  mode: z.enum(restoreModes).default('exact'),
  tables: z.array(z.string()).optional().describe('Only these tables change'),
  review: restoreInput.shape.review,
  withShared: z.boolean().optional().describe('Bring back shared rows the tenants’ rows need'),
  foreignSource: z.string().optional().describe('Name of another database whose backup is accepted'),
  disableTriggers: restoreInput.shape.disableTriggers,
});
type Input = z.output<typeof input>;

const failure = z.object({
  tenant: z.object({ id: z.union([z.number(), z.string()]), slug: z.string() }),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }),
  /** The database was gone before its turn came: whoever resumes begins here. */
  begun: z.literal(false).optional(),
});
type Failure = z.output<typeof failure>;

/** One entry per tenant: what a single restore reports, or why there was none. */
const output = z.object({
  results: z.array(z.union([failure, z.looseObject({ tenant: failure.shape.tenant })])),
});
export type ManyOutput = z.output<typeof output>;

/**
 * Many tenants from one backup: staged once, then one after the other by tier, each in its own transaction with
 * its own safety copy and proof. One that fails does not stop the others, nor does a connection that breaks: it is
 * made anew. After an interruption the journal says who is done; whoever was under way is probed first.
 */
export const restoreMany = defineAction({
  id: 'restore-many',
  title: 'Restore several tenants',
  description:
    'Stages the backup once and restores the tenants in tier order, each in its own transaction with its own safety copy and proof.',
  byHand:
    'As for one tenant, one after the other, the highest tier first; one that fails does not stop the others.',
  effect: 'destroy',
  input,
  output,
  afterInterruption: 'rerun',
  inDryRun: 'preview',
  commands: ({ tenants, ...given }) => [
    `${shellLine(['tenant-dr', 'restore', ...tenants.map((id) => `id:${id.text}`), ...restoreOptions(given)])} --confirm '<n> tenants in <database name>'`,
  ],

  async preview(context, given) {
    const bench = await benchOf(context, given);
    const tenants = tenantsIn(bench, given.tenants);
    return previewOf(context, bench, tenants, given);
  },

  async run(context, given) {
    const first = await benchOf(context, given);
    const tenants = tenantsIn(first, given.tenants);
    // Another connection plans anew, and may do no more than this.
    const shown = new Map(tenants.map((tenant) => [tenant, first.change(tenant).shown]));
    let bench = first;
    await judgeBackup(context, bench, tenants);
    const results: ManyOutput['results'] = [];
    // The phases of each tenant would start the time that is left over again.
    const quiet = { ...context, progress: () => undefined };
    for (const [done, tenant] of tenants.entries()) {
      stopIfAsked(context.signal);
      const { length: total } = tenants;
      context.progress({ phase: 'restoring', done, total, unit: 'tenants', about: tenant.slug });
      let result = await restoreOne(quiet, bench, tenant, given, shown.get(tenant));
      // A tenant whose restore ends every connection must not keep the others waiting for ever.
      for (let left = triesPerTenant; left > 0 && 'error' in result && bench.ground.session.lost; left--) {
        const rest = tenants.slice(done);
        const again = await benchAgain(quiet, given, rest);
        if (again instanceof TenantDrError) {
          const phrase = phraseFor(tenants, databaseName(context.database.location));
          const how = { incident: context.incident.id, phrase };
          return { results: [...results, result, ...rest.slice(1).map((one) => notBegun(one, again, how))] };
        }
        bench = again;
        // What it did before is found out first: nothing is done twice.
        result = await restoreOne(quiet, bench, tenant, given, shown.get(tenant));
      }
      results.push(result);
    }
    return { results };
  },

  failure: ({ results }) => failuresSaid(results),
});

function benchOf(
  context: ActionContext,
  { from, foreignSource, tenants, disableTriggers }: Input,
): Promise<Workbench> {
  return context.hold('bench', () =>
    Workbench.open({ ...context, disableTriggers }, from, foreignSource, () => tenants),
  );
}

export function manyOptions({
  mode,
  tables,
  review,
  withShared,
}: Pick<Input, 'mode' | 'tables' | 'review' | 'withShared'>): PlanOptions {
  return { mode, tables, except: undefined, review, withShared };
}

/** A workbench for the tenants that are left, once the database can be reached again; else why it cannot be had. */
async function benchAgain(
  context: ActionContext,
  given: Input,
  rest: Tenant[],
): Promise<Workbench | TenantDrError> {
  try {
    return await openAgain(context, async () => {
      await context.letGo('bench');
      return benchOf(context, { ...given, tenants: rest.map(({ id }) => id) });
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

/** The tenants by tier, highest first. */
function tenantsIn(bench: Workbench, ids: TenantId[]): Tenant[] {
  const known = [...bench.ground.tenants, ...bench.staged.tenants];
  return ids
    .flatMap((id) => known.find((tenant) => sameId(tenant.id, id)) ?? [])
    .sort((a, b) => byTier(a, b) || a.slug.localeCompare(b.slug));
}

/** The journal gets the backup's age for the strictest tier; what is too old for a tier is said once. Where the policy refuses, each tenant hears it. */
async function judgeBackup(context: ActionContext, { backup }: Workbench, tenants: Tenant[]): Promise<void> {
  const [first] = tenants;
  if (!first || !(await noteBackup(context, backup, rpoOf(context, backup.takenAt, first)))) return;
  for (const [tenant] of Map.groupBy(tenants, ({ tier }) => tier).values())
    if (tenant) await warnOfRpo(context, rpoOf(context, backup.takenAt, tenant));
}

async function restoreOne(
  context: ActionContext,
  bench: Workbench,
  tenant: Tenant,
  given: Input,
  shown: Plan | TenantDrError | null | undefined,
): Promise<ManyOutput['results'][number]> {
  const named = { id: idForJson(tenant.id), slug: tenant.slug };
  try {
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
    if (shown) requireWithin(await change.plan(options, context.progress), shown);
    const outcome = outcomeOf(context, change, await change.execute(options, context));
    return { ...outcome, rpo };
  } catch (error) {
    if (!isOneTenants(error)) throw error;
    context.output(`${tenant.slug}: ${error.message}`);
    return {
      tenant: named,
      error: { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) },
    };
  }
}

/** What this incident already did to the tenant, unless it was rolled back. */
function recordOf(context: ActionContext, id: TenantId): RestoreRecord | undefined {
  return context.incident.state.restores.findLast(
    (one) => sameId(one.tenant, id) && one.state !== 'rolled-back',
  );
}

/** Plans every tenant: what is confirmed is what was counted. */
async function previewOf(
  context: ActionContext,
  bench: Workbench,
  tenants: Tenant[],
  given: Input,
): Promise<Preview> {
  const plans = await planMany(bench, tenants, manyOptions(given), context);
  const { sum } = plans;
  const { location } = context.database;
  const name = databaseName(location);
  return {
    summary: `${tenants.length} tenants from ${given.from}: ${sum.insert} rows added, ${sum.update} changed back, ${sum.delete} deleted.`,
    lines: [
      ...plans.tenants.flatMap((one) =>
        'refusal' in one ? [`${one.tenant.slug} will be left out: ${one.refusal}`] : [],
      ),
      ...plans.revivals.map(
        ({ table, review, rows, decision }) =>
          `Would come back to life (${review}): ${rows} rows of ${table} → ${decision}`,
      ),
    ],
    table: {
      columns: ['tenant', 'tier', 'add', 'change', 'delete'],
      rows: plans.tenants.flatMap((one) =>
        'effects' in one
          ? [[one.tenant.slug, one.tenant.tier, one.effects.insert, one.effects.update, one.effects.delete]]
          : [],
      ),
    },
    commands: [],
    stakes: {
      phrase: phraseFor(tenants, name),
      database: { name, location, environment: context.config.environment },
      tenants: tenants.map(({ id, slug, name: called, tier }) => ({ id: id.text, slug, name: called, tier })),
      tables: [],
      cannotBeUndone: [],
    },
  };
}

/** Contract: one tenant's slug; for several `<n> tenants in <database name>`. */
export function phraseFor(tenants: Pick<Tenant, 'slug'>[], database: string): string {
  const [only] = tenants;
  return only && tenants.length === 1 ? only.slug : `${tenants.length} tenants in ${database}`;
}
