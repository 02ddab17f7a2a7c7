import { z } from 'zod';
import { type RestoreMode, restoreModes } from '../engine/plan.ts';
import type { Plan } from '../engine/planning.ts';
import { countEffects, requireApplicable } from '../engine/planning.ts';
import { TenantDrError } from '../errors.ts';
import { type ActionContext, defineAction, tenantOf } from './action.ts';
import { recordBackup, rpoOf } from './backup-facts.ts';
import { Change, type PlanOptions } from './change.ts';
import { chooseBackup } from './choose-backup.ts';
import type { ModeChoice, Preview } from './operator.ts';
import { changeOutput, outcomeOf, probeChange } from './outcome.ts';
import { countsOf } from './recorder.ts';
import { stakesOf } from './status.ts';

const input = z.strictObject({
  from: z.string().optional().describe('The backup; default: the one chosen in this incident'),
  mode: z.enum(restoreModes).optional().describe('Asked for when not given'),
  tables: z.array(z.string()).optional().describe('Only these tables change'),
  except: z
    .record(z.string(), z.array(z.string()))
    .optional()
    .describe('Rows left out, by key text per table'),
  review: z
    .record(z.string(), z.enum(['restore', 'skip', 'set']))
    .optional()
    .describe('Per table under review: what happens to rows that would come back to life'),
  withShared: z.boolean().optional().describe('Bring back shared rows the tenant’s rows need'),
  foreignSource: z.string().optional().describe('Name of another database whose backup is accepted'),
  planned: z
    .string()
    .optional()
    .describe('Digest after the change, of a plan made before: refused when it differs'),
});
type Input = z.output<typeof input>;

/** Puts the tenant's rows back in place: plan, safety copy, one transaction with proof that nobody else was touched. */
export const restore = defineAction({
  id: 'restore',
  title: 'Restore the tenant’s data',
  description:
    'Stages the backup beside the live database, plans the exact row effects, lets the operator choose the mode and leave rows out, writes a verified safety copy, then applies, verifies and proves isolation in one transaction.',
  byHand:
    'Save the tenant’s rows of every table as they are now. In one transaction with foreign keys checked at its end: insert the rows that are missing, change back those that differ, delete those that are new, parents before children, always by the original ids and only where the row is the tenant’s. Compare other tenants’ counts before and after.',
  effect: 'destroy',
  input,
  output: changeOutput,
  afterInterruption: 'probe',
  inDryRun: 'preview',
  commands: ({ from, mode, tables }) => [
    `tenant-dr plan <tenant> --from ${from ?? '<ref>'} --mode ${mode ?? '<mode>'}`,
    `tenant-dr restore <tenant> --from ${from ?? '<ref>'} --mode ${mode ?? '<mode>'}${tables ? ` --tables ${tables.join(',')}` : ''} --confirm <slug>`,
  ],

  async prepare(context, given) {
    const from = given.from ?? context.result(chooseBackup)?.ref;
    if (from === undefined) {
      throw new TenantDrError('usage', 'No backup was chosen. Nothing was changed.', {
        hint: 'Give --from <ref>, or do the step that chooses a backup first.',
      });
    }
    const change = await changeOf(context, { ...given, from });
    const mode = given.mode ?? (await askMode(context, change, given));
    let options: Input = { ...given, from, mode };
    let plan = await change.plan(planOptions(options));
    if (given.withShared === undefined && plan.sharedNeeded.some((need) => need.inBackup)) {
      options = { ...options, withShared: await askShared(context, plan) };
      plan = await change.plan(planOptions(options));
    }
    if (context.operator.attended && context.mode !== 'dry-run') {
      options = await review(context, change, plan, options);
      plan = await change.plan(planOptions(options));
    }
    refuseOther(plan, options);
    await journalPlan(context, change, plan);
    return options;
  },

  async preview(context, options) {
    const change = await changeOf(context, options);
    const plan = await change.plan(planOptions(options));
    requireApplicable(plan);
    return previewOf(context, change, plan);
  },

  async run(context, options) {
    const change = await changeOf(context, options);
    await recordBackup(context, change.backup, null);
    const done = await change.execute(planOptions(options), context);
    const { executed } = { executed: countEffects(done.execution.plan) };
    context.output(
      `done: ${executed.insert} added, ${executed.update} changed back, ${executed.delete} deleted`,
    );
    context.output(`rows of other tenants written: ${done.execution.isolation.otherRowsWritten}`);
    return outcomeOf(context, change, done);
  },

  probe: (context) => probeChange(context, 'restore'),
});

function changeOf(context: ActionContext, { from, foreignSource }: Input): Promise<Change> {
  return context.hold('change', () => Change.open(context, from ?? '', foreignSource));
}

/** How the plan of a restore with this input is made. Throws for what is no such input. */
export function planOptions(given: unknown): PlanOptions {
  const { mode, tables, except, review: decisions, withShared } = input.parse(given ?? {});
  return { mode: mode ?? 'exact', tables, except, review: decisions, withShared: withShared || undefined };
}

/** What each mode would do, side by side; the runbook has no default (design section 4). */
async function askMode(context: ActionContext, change: Change, given: Input): Promise<RestoreMode> {
  const unattended = { answer: 'exact', why: 'exact is the default where nobody chooses' };
  const modes: ModeChoice[] = [];
  if (context.operator.attended) {
    for (const mode of restoreModes)
      modes.push(modeChoice(await change.plan(planOptions({ ...given, mode }))));
  }
  const options = restoreModes.map((mode) => {
    const choice = modes.find((one) => one.mode === mode);
    const detail = choice
      ? `adds ${choice.added}, changes back ${choice.changedBack}, deletes ${choice.deleted}, keeps ${choice.kept}`
      : words[mode];
    return { value: mode, label: mode, detail };
  });
  const answer = await context.operator.choose(
    {
      id: 'restore.mode',
      kind: 'choose',
      title: 'How shall the rows be put back?',
      detail: restoreModes.map((mode) => `${mode}: ${words[mode]}`),
      options,
      view: { kind: 'modes', modes },
      unattended,
    },
    context.signal,
  );
  return restoreModes.find((mode) => mode === answer) ?? 'exact';
}

const words: Record<RestoreMode, string> = {
  exact: 'the tenant’s rows become what they were; newer rows go, and stay in the safety copy',
  'keep-new': 'deleted rows come back, changed ones change back, newer rows stay',
  missing: 'only deleted rows come back; nothing else is touched',
};

function modeChoice(plan: Plan): ModeChoice {
  const { insert, update, delete: deleted } = countEffects(plan);
  const kept = plan.tables.reduce((sum, table) => sum + table.kept, 0);
  return { mode: plan.mode, added: insert, changedBack: update, deleted, kept, tables: plan.tables };
}

async function askShared(context: ActionContext, plan: Plan): Promise<boolean> {
  const needs = plan.sharedNeeded.filter((need) => need.inBackup);
  const answer = await context.operator.choose(
    {
      id: 'restore.shared',
      kind: 'choose',
      title: 'The tenant’s rows need shared rows that are gone from the live database.',
      detail: needs.map((need) => `${need.table} ${need.key}, needed by ${need.neededBy}`),
      options: [
        { value: 'bring', label: 'Bring them back too', detail: 'they are shared with other tenants' },
        { value: 'leave', label: 'Leave them', detail: 'the plan then has conflicts' },
      ],
      unattended: { answer: 'leave', why: 'shared rows are nobody’s to restore without a person' },
    },
    context.signal,
  );
  return answer === 'bring';
}

/** The plan browser; what was unticked is left out. */
async function review(context: ActionContext, change: Change, plan: Plan, options: Input): Promise<Input> {
  const answer = await context.operator.review(
    {
      id: 'restore.plan',
      kind: 'plan',
      title: 'This is what the restore would do.',
      detail: [],
      mode: plan.mode,
      tables: plan.tables,
      conflicts: plan.conflicts,
      drift: plan.drift,
      sharedNeeded: plan.sharedNeeded,
      revivals: plan.revivals,
      effects: (page) => change.ground.session.effects(page),
    },
    context.signal,
  );
  const left = new Set(answer.withoutTables);
  const among = options.tables ?? plan.tables.map((table) => table.name);
  const except = { ...options.except };
  for (const [table, keys] of Object.entries(answer.withoutRows)) {
    if (keys.length > 0) except[table] = [...(except[table] ?? []), ...keys];
  }
  return {
    ...options,
    ...(left.size > 0 ? { tables: among.filter((table) => !left.has(table)) } : {}),
    ...(Object.keys(except).length > 0 ? { except } : {}),
    ...(Object.keys(answer.revivals).length > 0 ? { review: { ...options.review, ...answer.revivals } } : {}),
  };
}

/** A plan that was made and shown before must still be true. */
function refuseOther(plan: Plan, { planned }: Input): void {
  if (planned === undefined || planned === plan.planned.digest) return;
  throw new TenantDrError(
    'plan-stale',
    'The plan is no longer true: rows changed since it was made. Nothing was changed.',
    {
      hint: 'Make a new plan, look at it, and confirm again.',
      facts: { planned, now: plan.planned.digest },
    },
  );
}

async function journalPlan(context: ActionContext, change: Change, plan: Plan): Promise<void> {
  const { takenAt, ref } = change.backup;
  const seconds = takenAt ? (context.clock.now().getTime() - takenAt.getTime()) / 1000 : null;
  await context.incident.append({
    event: 'plan.made',
    tenant: plan.tenant.id,
    from: ref,
    mode: plan.mode,
    tables: countsOf(plan),
    live: plan.live.digest,
    staged: plan.staged?.digest ?? null,
    planned: plan.planned.digest,
    conflicts: plan.conflicts.length,
    drift: plan.drift.length,
    atStake: { rows: plan.tables.reduce((sum, table) => sum + table.losses, 0), seconds },
  });
}

function previewOf(context: ActionContext, change: Change, plan: Plan): Preview {
  const tenant = tenantOf(context);
  const { insert, update, delete: deleted } = countEffects(plan);
  const { ref, takenAt } = change.backup;
  const touched = plan.tables.filter((table) => table.insert + table.update + table.delete > 0);
  const nothing = touched.length === 0 ? ['The backup holds the same state: nothing to restore.'] : [];
  const others = plan.conflicts.filter((conflict) => !conflict.blocking).map((conflict) => conflict.detail);
  return {
    summary: `${insert} rows added, ${update} changed back, ${deleted} deleted, from ${ref} (${plan.mode}).`,
    lines: [
      ...nothing,
      ...plan.revivals.map(
        (one) => `${one.table}: ${one.rows} rows would come back to life (${one.review}): ${one.decision}`,
      ),
      ...plan.drift.map((one) => one.detail),
      ...others,
      'A verified safety copy of the rows as they are now is written first; `undo` puts it back.',
    ],
    table: {
      columns: ['table', 'live', 'backup', 'add', 'change', 'delete'],
      rows: plan.tables.map((one) => [one.name, one.live, one.backup, one.insert, one.update, one.delete]),
    },
    commands: [`tenant-dr restore ${tenant.slug} --from ${ref} --mode ${plan.mode} --confirm ${tenant.slug}`],
    stakes: stakesOf(context, tenant, {
      tables: touched.map(({ name, insert: add, update: change_, delete: gone }) => ({
        name,
        insert: add,
        update: change_,
        delete: gone,
      })),
      backup: {
        ref,
        takenAt: takenAt?.toISOString() ?? null,
        ageSeconds: rpoOf(context, takenAt).ageSeconds,
      },
      cannotBeUndone: ['What the application read or sent in the meantime.'],
    }),
  };
}
