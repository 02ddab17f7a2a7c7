import type { Operator, Preview } from '../actions/operator.ts';
import { printable } from '../engine/printable.ts';
import { idForJson } from '../engine/tenant.ts';
import { type ErrorCode, TenantDrError } from '../errors.ts';
import { describe } from '../incident/describe.ts';
import type { Incident } from '../incident/incident.ts';
import type { Begun } from '../runbook/begin.ts';
import { absentOperator } from '../runbook/headless.ts';
import type { RunResult } from '../runbook/view.ts';
import { runAloud } from './aloud.ts';
import { changedBy, inIncident } from './changed.ts';
import type { Result } from './command.ts';
import type { Context } from './context.ts';
import { textTable } from './format.ts';
import { closeFailed } from './one-step.ts';
import { severalEnded } from './restore-several.ts';
import { resultsSoFar } from './several-results.ts';

/** Resuming a bare restore, undo, suspend or reactivate: find out what happened, then finish it if that is confirmed. */
export async function walkOneStep(
  context: Context,
  begun: Begun,
  confirm: string | undefined,
): Promise<Result> {
  const { incident } = begun;
  context.output.event('incident', { incident: incident.id });
  const first = incident.entries.length;
  try {
    const result = await runAloud(context, begun.runner(operatorFor(context, confirm), context.signal));
    const end = await settle(incident, result, confirm);
    const told = incident.entries
      .slice(first)
      .filter((entry) => /^(restore|task|tenant|closed)/.test(entry.event));
    const lines = told.map((entry) => printable(describe(entry, incident.state)));
    const document = documentOf(incident, end);
    const ran = end.error === null || end.error.code === 'gate-failed';
    const output = ran ? document.outputs['restore-many'] : resultsSoFar(incident, end.error);
    const several = severalEnded(incident.id, output, context.output.tableWidth);
    if (several) return { ...several, document: { ...document, ...several.document } };
    return {
      document,
      text: [...lines, '', `${incident.id}: ${end.outcome}.`].join('\n'),
      ...(end.error ? { failure: inIncident(end.error, incident) } : {}),
    };
  } finally {
    await begun.close();
  }
}

/** What goes by: what was resumed once can be resumed again then. */
const passing: (ErrorCode | undefined)[] = ['database-busy', 'database-unreachable'];

/**
 * One that failed ends here, as it would have without the interruption. So does one in which nothing happened and that
 * nobody confirmed again: the command can be given again.
 */
async function settle(
  incident: Incident,
  result: RunResult,
  confirm: string | undefined,
): Promise<RunResult> {
  if (!passing.includes(result.error?.code)) await closeFailed(incident);
  const unanswered = result.error?.code === 'confirmation-refused' && confirm === undefined;
  if (!unanswered || incident.state.closed || changedBy(incident) !== false) return result;
  await incident.append({
    event: 'closed',
    outcome: 'stopped',
    reason: 'it had not happened, and was not confirmed again',
  });
  const error = new TenantDrError(
    'confirmation-refused',
    'It had not happened, and was not confirmed again. Nothing was changed, and the incident is closed.',
    { hint: 'give the command again; `resume --confirm <phrase>` would have gone on' },
  );
  return { outcome: 'stopped', error };
}

function documentOf(incident: Incident, { outcome }: RunResult) {
  const { state } = incident;
  const slug = (id: { text: string }) => state.tenants.find((one) => one.id.text === id.text)?.slug ?? null;
  return {
    incident: incident.id,
    kind: state.opened.kind,
    outcome,
    changes: state.restores.map(({ tenant, state: known, intended }) => ({
      tenant: { id: idForJson(tenant), slug: slug(tenant) },
      happened: known === 'finished' ? true : known === 'rolled-back' ? false : null,
      safetyCopy: intended.safetyCopy,
    })),
    outputs: Object.fromEntries(
      Object.values(state.tasks).map((task) => [task.action ?? task.id, task.output ?? null]),
    ),
  };
}

/** At a terminal the phrase is asked for where it is needed; `--confirm` answers beforehand. */
export function operatorFor(
  context: Pick<Context, 'interactive' | 'confirm'>,
  given: string | undefined,
): Operator {
  const absent = absentOperator(given);
  if (given !== undefined || !context.interactive) return absent;
  return {
    ...absent,
    confirm: async ({ phrase, title, detail, preview }) => {
      const stakes = [title, ...detail, ...atStake(preview)].map(printable).join('\n');
      try {
        await context.confirm({ phrase, given: undefined, stakes: () => stakes });
        return phrase;
      } catch (error) {
        if (error instanceof TenantDrError && error.code === 'confirmation-refused') return null;
        throw error;
      }
    },
  };
}

function previewTable({ columns, rows }: NonNullable<Preview['table']>): string[] {
  const titled = columns.map((title, index) =>
    typeof rows[0]?.[index] === 'number' ? { title, align: 'right' as const } : { title },
  );
  const cells = rows.map((row) => row.map(String));
  return textTable(titled, cells).split('\n');
}

/** Table by table, or tenant by tenant, and in which database: nobody types a phrase without having read that. */
function atStake({ stakes, table }: Preview): string[] {
  if (!stakes) return [];
  const { tables, tenants, database } = stakes;
  return [
    ...tables.map(
      (one) => `  ${one.name}: ${one.insert} added, ${one.update} changed, ${one.delete} deleted`,
    ),
    ...(table && tenants.length > 1 ? previewTable(table) : []),
    `This writes to ${database.location} (${database.environment}).`,
  ];
}
