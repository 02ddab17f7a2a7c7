import { z } from 'zod';
import { countEffects } from '../engine/restore.ts';
import { sameId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { RestoreRecord } from '../incident/records.ts';
import { readIncident } from '../incident/store.ts';
import { type ActionContext, defineAction, tenantOf } from './action.ts';
import { Change, type PlanOptions } from './change.ts';
import { changeOutput, outcomeOf, probeChange } from './outcome.ts';
import { stakesOf } from './status.ts';

const verbatim: PlanOptions = { mode: 'exact', verbatim: true };

/** Puts back the safety copy of an earlier incident, with the same guarantees as a restore. */
export const undo = defineAction({
  id: 'undo',
  title: 'Undo a restore',
  description:
    'Puts the tenant’s rows back to the safety copy an incident took before its change, status included. Refused when rows changed since.',
  effect: 'destroy',
  input: z.strictObject({ incident: z.string().describe('Id of the incident to undo') }),
  output: changeOutput,
  afterInterruption: 'probe',
  inDryRun: 'preview',
  commands: ({ incident }) => [`tenant-dr undo ${incident} --confirm <slug>`],

  async preview(context, { incident }) {
    const tenant = tenantOf(context);
    const change = await changeOf(context, incident);
    const plan = await change.plan(verbatim);
    const { insert, update, delete: deleted } = countEffects(plan);
    return {
      summary: `Takes back ${incident}: ${insert} rows added, ${update} changed back, ${deleted} deleted.`,
      lines: ['The rows as they are now are kept in a safety copy: an undo can be undone.'],
      table: {
        columns: ['table', 'live', 'before', 'add', 'change', 'delete'],
        rows: plan.tables.map((one) => [one.name, one.live, one.backup, one.insert, one.update, one.delete]),
      },
      commands: [`tenant-dr undo ${incident} --confirm ${tenant.slug}`],
      stakes: stakesOf(context, tenant, {
        tables: plan.tables.map(({ name, insert: add, update: changed, delete: gone }) => {
          return { name, insert: add, update: changed, delete: gone };
        }),
        backup: {
          ref: change.backup.ref,
          takenAt: change.backup.takenAt?.toISOString() ?? null,
          ageSeconds: null,
        },
        cannotBeUndone: ['What the application read or sent in the meantime.'],
      }),
    };
  },

  async run(context, { incident }) {
    const change = await changeOf(context, incident);
    return outcomeOf(context, change, await change.execute(verbatim, context));
  },

  probe: (context) => probeChange(context, 'undo'),
});

async function changeOf(context: ActionContext, incident: string): Promise<Change> {
  const record = await restoreOf(context, incident);
  return context.hold('change', () => Change.open(context, record.intended.safetyCopy.path));
}

/** The change to take back: the latest of that incident that is known to have happened. */
async function restoreOf(context: ActionContext, id: string): Promise<RestoreRecord> {
  const { incident } = await readIncident(context.config.state, id);
  const tenant = tenantOf(context);
  const { restores } = incident.state;
  await incident.close();
  const found = restores.findLast((one) => sameId(one.tenant, tenant.id) && one.state === 'finished');
  if (found) return found;
  const open = restores.some((one) => one.state === 'intended' || one.state === 'unknown');
  throw new TenantDrError(
    'undo-refused',
    `${id} changed no row of ${tenant.slug} that could be taken back.`,
    {
      hint: open
        ? `Run \`tenant-dr resume ${id}\` first: it finds out whether its change happened.`
        : 'There is nothing to undo.',
    },
  );
}
