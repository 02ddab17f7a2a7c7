import { restoreModes } from '../engine/plan.ts';
import type { Plan } from '../engine/planning.ts';
import type { Outcome } from '../engine/port.ts';
import type { Tenant, TenantId } from '../engine/tenant.ts';
import { idForJson, sameId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import { isolation, rpo, safetyCopy, tableCounts } from '../incident/facts.ts';
import type { RestoreRecord } from '../incident/records.ts';
import { z } from '../zod.ts';
import { type ActionContext, type Probed, stopped, tenantOf } from './action.ts';
import type { Change, Done } from './change.ts';
import { isAsJournaled } from './safety.ts';
import { withSession } from './slice.ts';

const tableOutcome = tableCounts.omit({ live: true, backup: true });

/** What a restore or an undo did: everything `contract.md` lists for them, as journaled. */
export const changeOutput = z.object({
  tenant: z.object({ id: z.union([z.number(), z.string()]), slug: z.string() }),
  from: z.string(),
  mode: z.enum(restoreModes),
  tables: z.array(tableOutcome),
  /** What the backup holds and the live structure has no place for, or the other way round. */
  drift: z.array(z.object({ table: z.string(), detail: z.string() })).default([]),
  safetyCopy,
  /** Null when a probe found the commit: the proof died with the process that held it. */
  isolation: isolation.nullable(),
  /** By an undo, where it differs. */
  status: z
    .object({ before: z.string().nullable(), after: z.string().nullable(), active: z.boolean() })
    .optional(),
  digest: z.object({ before: z.string(), planned: z.string(), after: z.string().nullable() }),
  rpo: rpo.nullable(),
  seconds: z.record(z.string(), z.number()),
});
export type ChangeOutput = z.output<typeof changeOutput>;

export function outcomeOf(context: ActionContext, change: Change, { execution, sha256 }: Done): ChangeOutput {
  const { plan, safetyCopy: copy, after, isolation: proof, seconds } = execution;
  return {
    tenant: tenantForJson(change.tenant),
    from: change.backup.ref,
    mode: plan.mode,
    tables: tablesForJson(plan),
    drift: plan.drift,
    safetyCopy: { path: copy.path, sha256, rows: copy.rows },
    isolation: proof,
    digest: { before: plan.live.digest, planned: plan.planned.digest, after },
    rpo: context.incident.state.backup?.rpo ?? null,
    seconds: { ...change.seconds, ...seconds },
  };
}

function tenantForJson({ id, slug }: Pick<Tenant, 'id' | 'slug'>): ChangeOutput['tenant'] {
  return { id: idForJson(id), slug };
}

function tablesForJson(plan: Pick<Plan, 'tables'>): ChangeOutput['tables'] {
  return plan.tables.map(({ name, insert, update, delete: deleted, unchanged, kept, losses }) => {
    return { name, insert, update, delete: deleted, unchanged, kept, losses };
  });
}

/** A change did happen or did not: where that cannot be found out, the probe asks, waits or fails. */
type Found = Exclude<Probed<ChangeOutput>, { found: 'unknown' }>;

/**
 * Finds out what became of an interrupted change: the journal may know, else the database is asked row by row, and
 * where rows say both, a person. What it finds is journaled. Rejects with outcome-unknown.
 */
export async function probeChange(context: ActionContext, actionId: string): Promise<Found> {
  const record = latestRestore(context, actionId, tenantOf(context).id);
  if (!record) return { found: 'not-done', detail: 'The change had not begun: no row was written.' };
  return probeRecord(context, record, tenantOf(context));
}

/** The same for one change of one tenant, as the journal recorded it. */
export async function probeRecord(
  context: ActionContext,
  record: RestoreRecord,
  about: Pick<Tenant, 'id' | 'slug'>,
): Promise<Found> {
  if (record.state === 'rolled-back') return { found: 'not-done', detail: 'Everything was rolled back.' };
  if (record.state === 'finished') return { found: 'done', output: outputOf(context, record, about) };
  const { effects } = record.intended;
  const outcome = (await isAsJournaled(effects)) ? await endOf(context, record) : 'unreadable';
  const doubts: Partial<Record<typeof outcome, string>> = {
    contradictory: `Some rows of ${about.slug} are in their new state and some in their old one`,
    unreadable: `${effects.file}, which tells by what rows to know, is missing or not as it was written`,
  };
  const doubt = doubts[outcome];
  const done = doubt ? await askWhether(context, record, doubt) : outcome === 'committed';
  await settle(context, record, done, doubt ? 'operator' : 'probe');
  const by = doubt ? ({ by: 'operator' } as const) : {};
  if (done) return { found: 'done', output: outputOf(context, record, about), ...by };
  const detail = doubt ? 'a person said so.' : 'every row is as it was.';
  return { found: 'not-done', detail: `The change did not happen: ${detail}`, ...by };
}

/** Seconds a server is given to end the work of a process that died. */
const patience = 60;

/** Waits until the database has ended the transaction: as long as it works on it, nobody can say what comes of it. */
function endOf(
  context: ActionContext,
  { intended }: RestoreRecord,
): Promise<Exclude<Outcome, 'in-progress'>> {
  return withSession(context, 'read', async (session) => {
    for (let waited = 0; waited <= patience; waited++) {
      const outcome = await session.probe(intended.effects.file, intended.marker);
      if (outcome !== 'in-progress') return outcome;
      if (waited % 5 === 0) context.output(`the database still works on the change: ${waited} s`);
      await context.clock.sleep(1, context.signal);
    }
    const { pid } = intended.marker;
    throw new TenantDrError(
      'outcome-unknown',
      `The database has been working on the change for ${patience} s although nobody waits for it any more.`,
      {
        hint: `\`tenant-dr resume\` finds out once that has ended${pid == null ? '' : ` (server process ${pid}: see what it waits for, or end its session)`}; assume nothing.`,
      },
    );
  });
}

/** The rows do not say: somebody changed them since, or what was written down about them. */
async function askWhether(
  context: ActionContext,
  { intended }: RestoreRecord,
  doubt: string,
): Promise<boolean> {
  const both = `${doubt}: compare with the safety copy ${intended.safetyCopy.path}.`;
  if (!context.operator.attended) {
    throw new TenantDrError('outcome-unknown', `The change was interrupted. ${both}`, {
      hint: 'A person must say whether it was done: `tenant-dr resume` at a terminal asks.',
    });
  }
  const answer = await context.operator.choose(
    {
      id: 'change.contradictory',
      kind: 'choose',
      title: 'The change was interrupted. Was it done?',
      detail: [both],
      options: [
        { value: 'done', label: 'It was done' },
        { value: 'again', label: 'It was not done: do it now' },
        { value: 'leave', label: 'Leave', detail: 'the incident is kept and can be resumed' },
      ],
    },
    context.signal,
  );
  if (answer === 'leave') throw stopped();
  return answer === 'done';
}

/** Writes down what became of a change whose process did not live to say it. */
async function settle(
  context: ActionContext,
  { tenant, intended }: RestoreRecord,
  done: boolean,
  foundBy: 'probe' | 'operator',
): Promise<void> {
  if (!done) {
    await context.incident.append({ event: 'restore.rolled-back', tenant, foundBy });
    return;
  }
  await context.incident.append({
    event: 'restore.finished',
    tenant,
    committed: true,
    digest: { ...intended.digest, after: null },
    isolation: null,
    tables: intended.tables,
    seconds: {},
    foundBy,
  });
}

/** The restore that this task began, not one of an earlier attempt. */
function latestRestore(
  context: ActionContext,
  actionId: string,
  tenant: TenantId,
): RestoreRecord | undefined {
  const { tasks, restores } = context.incident.state;
  const startedAt = Object.values(tasks)
    .filter((task) => task.action === actionId)
    .map((task) => task.startedAt ?? '')
    .sort()
    .at(-1);
  return restores.findLast((one) => sameId(one.tenant, tenant) && one.intended.at >= (startedAt ?? ''));
}

function outputOf(
  context: ActionContext,
  record: RestoreRecord,
  about: Pick<Tenant, 'id' | 'slug'>,
): ChangeOutput {
  const { intended, finished } = record;
  return {
    tenant: tenantForJson(about),
    from: intended.from,
    mode: intended.mode,
    tables: intended.tables,
    drift: [],
    safetyCopy: intended.safetyCopy,
    isolation: finished?.isolation ?? null,
    digest: { ...intended.digest, after: finished?.digest.after ?? null },
    rpo: context.incident.state.backup?.rpo ?? null,
    seconds: finished?.seconds ?? {},
  };
}

/** `87 added, 19 changed back, 78 deleted` */
export function effectsSaid(tables: ChangeOutput['tables']): string {
  const sum = (of: 'insert' | 'update' | 'delete') => tables.reduce((total, table) => total + table[of], 0);
  return `${sum('insert')} added, ${sum('update')} changed back, ${sum('delete')} deleted`;
}
