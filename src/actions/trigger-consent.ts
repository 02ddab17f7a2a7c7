import type { ActionContext } from './action.ts';
import type { Change } from './change.ts';
import { planOptions, type RestoreInput } from './restore-input.ts';
import { databaseName } from './status.ts';

/**
 * Where triggers of the application would run on what comes back and cannot be kept from it, the person says whether
 * they may be disabled meanwhile. That makes every tenant wait, so it is typed, with the name of the whole database.
 */
export async function decideTriggers(
  context: ActionContext,
  change: Change,
  options: RestoreInput,
): Promise<RestoreInput> {
  if (options.disableTriggers !== undefined) return options;
  const { conflicts } = await change.plan(planOptions(options));
  const met = conflicts.filter(({ kind }) => kind === 'triggers-run');
  if (met.length === 0) return options;
  const told = met.map(({ detail }) => detail);
  const tables = [...new Set(met.map(({ table }) => table))].join(', ');
  while ((await askTriggers(context, told)) === 'disable') {
    if (!(await typeConsent(context, told, tables))) continue;
    await change.consentToDisabledTriggers();
    return { ...options, disableTriggers: true };
  }
  return { ...options, disableTriggers: false };
}

function askTriggers(context: ActionContext, told: string[]): Promise<string> {
  return context.operator.choose(
    {
      id: 'restore.triggers',
      kind: 'choose',
      title: 'Triggers would run on the rows that come back. What shall they do?',
      detail: told,
      options: [
        {
          value: 'run',
          label: 'Run',
          detail: 'if they change a row, all is rolled back and this is asked again',
        },
        {
          value: 'disable',
          label: 'Be disabled meanwhile',
          detail: 'all tenants that write these tables wait',
        },
      ],
      mayGoBack: true,
    },
    context.signal,
  );
}

function typeConsent(context: ActionContext, told: string[], tables: string): Promise<boolean> {
  const { location } = context.database;
  const title = `Disable the triggers of ${tables} during the restore`;
  const price = `While the restore runs nobody can write ${tables}, whatever the tenant: they wait until it commits or is rolled back. Then the triggers are as they were. If the tables stay busy for some seconds it gives up and changes nothing.`;
  return context.operator.confirmed(
    {
      id: 'restore.triggers.confirm',
      kind: 'confirm',
      title,
      detail: [...told, price],
      phrase: databaseName(location),
      preview: { summary: title, lines: [price], commands: [] },
      aside: true,
    },
    context.signal,
  );
}
