import type { Plan } from '../engine/planning.ts';
import { countEffects, leftAsIs, requireApplicable } from '../engine/planning.ts';
import { TenantDrError } from '../errors.ts';
import { type ActionContext, defineAction, tenantOf } from './action.ts';
import { ageOf, recordBackup } from './backup-facts.ts';
import { Change } from './change.ts';
import { chooseAgain, chooseBackup } from './choose-backup.ts';
import { shellLine } from './command.ts';
import { type Preview, WentBack } from './operator.ts';
import { changeOutput, effectsSaid, outcomeOf, probeChange } from './outcome.ts';
import { countsOf } from './recorder.ts';
import { decide } from './restore-choices.ts';
import { input, planOptions, type RestoreInput, restoreCommand, restoreOptions } from './restore-input.ts';
import { stakesOf } from './status.ts';
import { problemOf } from './unusable.ts';

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
  says: (output) => effectsSaid(output.tables),
  inDryRun: 'preview',
  commands: (given) => [
    shellLine(['tenant-dr', 'plan', '<tenant>', ...restoreOptions({ ...given, disableTriggers: undefined })]),
    restoreCommand(given),
  ],

  async prepare(context, given) {
    const chosen = () => context.incident.state.backup?.ref ?? context.result(chooseBackup)?.ref;
    let from = given.from ?? chosen();
    for (;;) {
      if (from === undefined) {
        throw new TenantDrError('usage', 'No backup was chosen. Nothing was changed.', {
          hint: 'Give --from <ref>, or do the step that chooses a backup first.',
        });
      }
      // The name that was typed accepts the backup it was typed for, no other.
      const accepted = from === given.from ? given.foreignSource : undefined;
      let problem: string | undefined;
      try {
        const options = await planned(context, { ...given, from, foreignSource: accepted });
        if (options !== null) return options;
        // Going back from the modes leads to the backups; where the backup was given, to the step.
        if (given.from !== undefined) throw new WentBack();
      } catch (error) {
        problem = problemOf(error, context);
      }
      const other = chosen();
      // What was given may have been replaced by a choice already.
      const replaced = problem !== undefined && from === given.from && other !== undefined && other !== from;
      from = replaced ? other : (await chooseAgain(context, problem)).ref;
      await context.letGo('change');
    }
  },

  async preview(context, options) {
    const change = await changeOf(context, options);
    const plan = await change.plan(planOptions(options));
    requireApplicable(plan);
    return previewOf(context, change, plan, options);
  },

  async run(context, options) {
    const change = await changeOf(context, options);
    await recordBackup(context, change.backup);
    const done = await change.execute(planOptions(options), context);
    const { insert, update, delete: deleted } = countEffects(done.execution.plan);
    context.output(`done: ${insert} added, ${update} changed back, ${deleted} deleted`);
    context.output(`rows of other tenants written: ${done.execution.isolation.otherRowsWritten}`);
    return outcomeOf(context, change, done);
  },

  probe: (context) => probeChange(context, 'restore'),
});

/** The options of a sound backup's restore, decided and planned; null when the person goes back. */
async function planned(context: ActionContext, given: RestoreInput): Promise<RestoreInput | null> {
  const change = await changeOf(context, given);
  const options = await decide(context, change, given);
  if (options === null) return null;
  // Read to its end while the person was deciding: what is wrong with it shows before anything is confirmed.
  await change.backup.confirmed;
  const plan = await change.plan(planOptions(options));
  refuseOther(plan, options);
  await journalPlan(context, change, plan);
  return options;
}

function changeOf(
  context: ActionContext,
  { from, foreignSource, disableTriggers }: RestoreInput,
): Promise<Change> {
  return context.hold('change', () =>
    Change.open({ ...context, disableTriggers }, from ?? '', foreignSource),
  );
}

/** A plan that was made and shown before must still be true. */
function refuseOther(plan: Plan, { live, planned }: RestoreInput): void {
  const now = { live: plan.live.digest, planned: plan.planned.digest };
  if ((live ?? now.live) === now.live && (planned ?? now.planned) === now.planned) return;
  throw new TenantDrError(
    'plan-stale',
    'The plan is no longer true: rows changed since it was made. Nothing was changed.',
    {
      hint: 'Make a new plan, look at it, and confirm again.',
      facts: { live, planned, now },
    },
  );
}

async function journalPlan(context: ActionContext, change: Change, plan: Plan): Promise<void> {
  const { takenAt, ref } = change.backup;
  const seconds = ageOf(context, takenAt);
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

function previewOf(context: ActionContext, change: Change, plan: Plan, options: RestoreInput): Preview {
  const tenant = tenantOf(context);
  const { insert, update, delete: deleted } = countEffects(plan);
  const { ref, takenAt } = change.backup;
  const touched = plan.tables.filter((table) => table.insert + table.update + table.delete > 0);
  const left = leftAsIs(plan);
  const nothing =
    touched.length === 0 && !left ? ['The backup holds the same state: nothing to restore.'] : [];
  const others = plan.conflicts.filter((conflict) => !conflict.blocking).map((conflict) => conflict.detail);
  return {
    summary: `${insert} rows added, ${update} changed back, ${deleted} deleted, from ${ref} (${plan.mode}).`,
    lines: [
      ...nothing,
      ...(left ? [left] : []),
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
    commands: [restoreCommand({ ...options, mode: plan.mode }, tenant.slug, tenant.slug)],
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
        ageSeconds: ageOf(context, takenAt),
      },
      cannotBeUndone: ['What the application read or sent in the meantime.'],
    }),
  };
}
