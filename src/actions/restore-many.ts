import { sameId, type Tenant, type TenantId } from '../engine/tenant.ts';
import { byTier } from '../policy/tiers.ts';
import { type ActionContext, defineAction } from './action.ts';
import { noteBackup, rpoOf, warnOfRpo } from './backup-facts.ts';
import type { Workbench } from './change.ts';
import { shellLine } from './command.ts';
import { failuresSaid } from './many-failures.ts';
import { type Input, input, manyOptions, output, phraseFor } from './many-input.ts';
import { type ManyPlans, planMany } from './many-plans.ts';
import { benchOf, isDone, isUnderWay, Round } from './many-rounds.ts';
import type { Preview } from './operator.ts';
import { restoreOptions } from './restore-input.ts';
import { databaseName } from './status.ts';

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
    const left = tenants.filter((tenant) => !isDone(context, tenant));
    const shown = new Map(left.map((tenant) => [tenant, first.change(tenant).shown]));
    await judgeBackup(context, first, tenants);
    const round = new Round(context, given, tenants, shown, first);
    // First whatever nobody knows of whether it happened: a row that was given up, and is another's again, says both.
    const underWay = tenants.filter((tenant) => isUnderWay(context, tenant));
    await round.take([...new Set([...underWay, ...tenants])]);
    // Rows that changed sides are free once their present tenant is done: as long as one comes through, the others may.
    for (let waiting = round.waiting(); waiting.length > 0; ) {
      await round.take(waiting);
      const still = round.waiting();
      if (still.length === waiting.length) break;
      waiting = still;
    }
    return { results: round.results() };
  },

  failure: ({ results }) => failuresSaid(results),
});

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

/**
 * Plans every tenant that is not done yet: what is confirmed is what was counted. Where the phrase was given beforehand
 * nobody counts: each is planned when its turn comes, so that a run that is killed again and again gets on.
 */
async function previewOf(
  context: ActionContext,
  bench: Workbench,
  tenants: Tenant[],
  given: Input,
): Promise<Preview> {
  const left = tenants.filter((tenant) => !isDone(context, tenant));
  const unseen = context.operator.beforehand && context.mode !== 'dry-run';
  const plans = unseen ? null : await planMany(bench, left, manyOptions(given), context);
  const { location } = context.database;
  const name = databaseName(location);
  const done = tenants.length - left.length;
  return {
    summary: `${tenants.length} tenants from ${given.from}${plans ? `: ${sumSaid(plans)}` : ''}.`,
    lines: [
      ...(done > 0 ? [`${done} of them are restored already.`] : []),
      ...(plans ? planLines(plans) : []),
    ],
    ...(plans ? { table: planTable(plans) } : {}),
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

function sumSaid({ sum }: ManyPlans): string {
  return `${sum.insert} rows added, ${sum.update} changed back, ${sum.delete} deleted`;
}

function planLines(plans: ManyPlans): string[] {
  return [
    ...plans.tenants.flatMap((one) =>
      'refusal' in one
        ? [`${one.tenant.slug} will be left out: ${one.refusal}`]
        : one.waits
          ? [`${one.tenant.slug} will be tried again after the others, because now: ${one.waits}`]
          : [],
    ),
    ...plans.revivals.map(
      ({ table, review, rows, decision }) =>
        `Would come back to life (${review}): ${rows} rows of ${table} → ${decision}`,
    ),
  ];
}

function planTable({ tenants }: ManyPlans): NonNullable<Preview['table']> {
  return {
    columns: ['tenant', 'tier', 'add', 'change', 'delete'],
    rows: tenants.flatMap((one) =>
      'effects' in one
        ? [[one.tenant.slug, one.tenant.tier, one.effects.insert, one.effects.update, one.effects.delete]]
        : [],
    ),
  };
}
