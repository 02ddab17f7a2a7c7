import { own } from '../engine/own.ts';
import { type RestoreMode, restoreModes } from '../engine/plan.ts';
import { countEffects, type Plan } from '../engine/planning.ts';
import type { ActionContext } from './action.ts';
import type { Change } from './change.ts';
import { type ModeChoice, unlessBack } from './operator.ts';
import { planOptions, type RestoreInput } from './restore-input.ts';
import { decideTriggers } from './trigger-consent.ts';

/** What a person decides before a restore: the mode, shared rows, and what is left out. */

/**
 * Asks for what the input leaves open. Null when the person goes back beyond the first question. Going back from
 * the plan leads to the modes. Where nobody is there the questions' own answers count.
 */
export async function decide(
  context: ActionContext,
  change: Change,
  given: RestoreInput,
): Promise<RestoreInput | null> {
  for (;;) {
    const mode = given.mode ?? (await unlessBack(askMode(context, change, given)));
    if (mode === null) return null;
    const options = await unlessBack(decideRest(context, change, { ...given, mode }));
    if (options !== null) return options;
    if (given.mode !== undefined) return null;
  }
}

async function decideRest(
  context: ActionContext,
  change: Change,
  given: RestoreInput,
): Promise<RestoreInput> {
  let options = given;
  let plan = await change.plan(planOptions(options));
  if (given.withShared === undefined && plan.sharedNeeded.some((need) => need.inBackup)) {
    options = { ...options, withShared: await askShared(context, plan) };
    plan = await change.plan(planOptions(options));
  }
  if (context.mode === 'dry-run') return options;
  const reviewed = await review(context, change, plan, options);
  return context.operator.attended ? decideTriggers(context, change, reviewed) : reviewed;
}

/** What each mode would do, side by side; the runbook has no default (design section 4). */
async function askMode(context: ActionContext, change: Change, given: RestoreInput): Promise<RestoreMode> {
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
      mayGoBack: true,
      stands: true,
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
      stands: true,
      unattended: { answer: 'leave', why: 'shared rows are nobody’s to restore without a person' },
    },
    context.signal,
  );
  return answer === 'bring';
}

/** The plan browser; what was unticked is left out. */
async function review(
  context: ActionContext,
  change: Change,
  plan: Plan,
  options: RestoreInput,
): Promise<RestoreInput> {
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
      mayGoBack: true,
      stands: true,
    },
    context.signal,
  );
  const left = new Set(answer.withoutTables);
  const among = options.tables ?? plan.tables.map((table) => table.name);
  const except = { ...options.except };
  for (const [table, keys] of Object.entries(answer.withoutRows)) {
    if (keys.length > 0) except[table] = [...(own(except, table) ?? []), ...keys];
  }
  return {
    ...options,
    ...(left.size > 0 ? { tables: among.filter((table) => !left.has(table)) } : {}),
    ...(Object.keys(except).length > 0 ? { except } : {}),
    ...(Object.keys(answer.revivals).length > 0 ? { review: { ...options.review, ...answer.revivals } } : {}),
  };
}
