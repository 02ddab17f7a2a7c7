import { countEffects, type Plan } from '../engine/planning.ts';
import { printable } from '../engine/printable.ts';
import { sameId, type Tenant } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import type { TenantRef } from '../incident/facts.ts';
import { onCopy } from '../incident/mode.ts';
import type { Opening } from '../incident/reader.ts';
import type { RestoreRecord } from '../incident/records.ts';
import { readIncident } from '../incident/store.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction, tenantOf } from './action.ts';
import { ageOf } from './backup-facts.ts';
import { type Change, type ChangeDeps, type PlanOptions, Workbench } from './change.ts';
import { changeOutput, effectsSaid, outcomeOf, probeChange } from './outcome.ts';
import { isAsJournaled, safetyRef } from './safety.ts';
import { stakesOf } from './status.ts';
import { statusBack, statusBackSaid } from './status-back.ts';

/** An undo puts back everything, whatever the rules for single tables say. */
export const verbatim: PlanOptions = { mode: 'exact', verbatim: true };

/** Puts back the safety copy of an earlier incident, with the same guarantees as a restore. */
export const undo = defineAction({
  id: 'undo',
  title: 'Undo a restore',
  description:
    'Puts the tenant’s rows back to the safety copy an incident took before its change, status included. Refused when rows changed since.',
  byHand:
    'Put the rows you saved before the restore back in the same way, after making sure nobody changed them since.',
  effect: 'destroy',
  input: z.strictObject({
    incident: z.string().optional().describe('Id of the incident to undo; without one, this incident'),
    disableTriggers: z
      .boolean()
      .optional()
      .describe(
        'PostgreSQL, for a role that may not keep triggers from running: they are disabled during the change, and all writers of their tables wait',
      ),
  }),
  output: changeOutput,
  afterInterruption: 'probe',
  says: (output) => effectsSaid(output.tables),
  inDryRun: 'preview',
  commands: ({ incident = '<incident>' }) => [`tenant-dr undo ${incident} --confirm <slug>`],

  async preview(context, given) {
    const incident = given.incident ?? context.incident.id;
    const tenant = tenantOf(context);
    const change = await changeOf(context, given);
    const plan = await change.plan(verbatim);
    const { insert, update, delete: deleted } = countEffects(plan);
    const status = statusBack(change);
    return {
      summary: `Takes back ${incident}: ${insert} rows added, ${update} changed back, ${deleted} deleted.`,
      lines: [
        ...(status ? [statusBackSaid(status, tenant.slug)] : []),
        'The rows as they are now are kept in a safety copy: an undo can be undone.',
      ],
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
          ageSeconds: ageOf(context, change.backup.takenAt),
        },
        cannotBeUndone: ['What the application read or sent in the meantime.'],
      }),
    };
  },

  async run(context, given) {
    const change = await changeOf(context, given);
    // Asked before the change: what is live then is what the safety copy holds.
    const status = statusBack(change);
    const done = outcomeOf(context, change, await change.execute(verbatim, context));
    return { ...done, ...(status ? { status } : {}) };
  },

  probe: (context) => probeChange(context, 'undo'),
});

async function changeOf(
  context: ActionContext,
  {
    incident = context.incident.id,
    disableTriggers,
  }: { incident?: string | undefined; disableTriggers?: boolean | undefined },
): Promise<Change> {
  return context.hold('change', () => openUndo({ ...context, disableTriggers }, incident, tenantOf(context)));
}

interface UndoDeps extends ChangeDeps {
  /** The incident that undoes; none before a command opens its own. */
  incident?: { id: string };
}

/**
 * Opens the safety copy of an incident's change, planned and found untouched since. `about` says which tenant,
 * needed where the incident changed several. Rejects with incident-unknown, undo-refused, plan-stale.
 */
export async function openUndo(
  deps: UndoDeps,
  id: string,
  about?: Pick<Tenant, 'id'> | string,
): Promise<Change> {
  const { record, tenant } = await restoreOf(deps, id, about);
  const { safetyCopy, effects } = record.intended;
  const wayOn = `\`tenant-dr restore ${tenant.slug} --from ${safetyRef(id, safetyCopy.path)}\`, which shows what would be lost.`;
  if (!(await isAsJournaled(effects)))
    throw new TenantDrError(
      'undo-refused',
      `${effects.file} is missing or not as ${id} wrote it: nobody can tell whether rows changed since. Nothing was changed.`,
      { hint: `To go back all the same: ${wayOn}` },
    );
  const bench = await Workbench.open(deps, safetyCopy.path, undefined, () => [tenant.id]);
  try {
    if ((await bench.backup.sha256()) !== safetyCopy.sha256)
      throw new TenantDrError(
        'backup-corrupt',
        `${safetyCopy.path} is not the safety copy that ${id} wrote: its checksum is another. Nothing was changed.`,
        { hint: 'Where `mirror:` is set, the mirror has it too; or restore from a backup.' },
      );
    const known = bench.ground.tenants.find((one) => sameId(one.id, tenant.id));
    const change = bench.change(known ?? { ...tenant, status: null });
    const plan = await change.plan(verbatim);
    const own = ownRowMoved(change, plan, record, tenant)
      ? [{ table: deps.config.tenants.table, key: JSON.stringify([tenant.id.text]) }]
      : [];
    const moved = await bench.ground.session.changedSince(effects.file);
    requireUntouched(id, tenant.slug, [...own, ...moved], wayOn);
    return change;
  } catch (error) {
    await bench.close();
    throw error;
  }
}

/**
 * Would an undo take back what others did to the tenant's own row? Suspending moves its status, and with it what
 * triggers and hooks write there; nothing of that gives a tenant another name, or its id to somebody else.
 */
function ownRowMoved(change: Change, plan: Plan, { intended }: RestoreRecord, known: TenantRef): boolean {
  const { table, status } = change.bench.deps.config.tenants;
  const back = plan.tables.find((one) => one.name === table);
  const written = intended.tables.find((one) => one.name === table);
  if (!back) return false;
  if (back.insert > 0) return !written?.delete;
  if (back.delete > 0 && !written?.insert) return true;
  if (back.update > 0 && written?.update) return false;
  if (back.update + back.delete === 0) return false;
  const { slug, name } = change.tenant;
  if (slug !== known.slug || name !== known.name) return true;
  return back.update > 0 && status !== undefined && !statusBack(change);
}

/** At most this many rows are named. */
const named = 20;

function requireUntouched(
  id: string,
  slug: string,
  moved: { table: string; key: string }[],
  wayOn: string,
): void {
  const [first] = moved;
  if (!first) return;
  const rows = moved.slice(0, named).map(({ table, key }) => `${table} ${key}`);
  throw new TenantDrError(
    'plan-stale',
    `${moved.length} rows of ${slug} changed since ${id}: ${rows.join(', ')}${moved.length > named ? ', …' : ''}. Nothing was changed.`,
    {
      table: first.table,
      key: first.key,
      hint: `To go back all the same: ${wayOn}`,
      facts: { changed: moved.slice(0, 1000) },
    },
  );
}

/** A rehearsal's change is gone with its copy, and one state folder may serve several databases with the same ids. */
function requireLiveHere({ id, mode, database }: Opening, location: string): void {
  if (onCopy(mode)) {
    throw new TenantDrError(
      'undo-refused',
      `${id} was a ${mode}: it worked on a copy, and ${printable(database.name)} was not changed.`,
      { hint: 'There is nothing to undo.' },
    );
  }
  if (database.location === location) return;
  throw new TenantDrError(
    'undo-refused',
    `${id} is about ${printable(database.location)}, and the database here is ${printable(location)}. Nothing was changed.`,
    {
      hint: `Name its database with --config or --database. If it has moved to this address: \`tenant-dr restore <slug> --from safety:${id}\`.`,
    },
  );
}

/** Changes of one tenant, oldest first, without those that another of them took back, and without that one. */
function standing(changes: RestoreRecord[]): RestoreRecord[] {
  const left: RestoreRecord[] = [];
  for (const one of changes) {
    const { from, mode } = one.intended;
    const undone = left.findLastIndex(
      ({ intended }) => mode === 'exact' && intended.safetyCopy.path === from,
    );
    if (undone < 0) left.push(one);
    else left.splice(undone, 1);
  }
  return left;
}

/** The change to take back: the latest of that incident that is known to have happened. */
async function restoreOf(
  deps: Pick<UndoDeps, 'config' | 'database' | 'mode' | 'incident'>,
  id: string,
  about: Pick<Tenant, 'id'> | string | undefined,
): Promise<{ record: RestoreRecord; tenant: TenantRef }> {
  const { incident } = await readIncident(deps.config.state, id);
  const { opened, restores, tenants } = incident.state;
  await incident.close();
  if (!onCopy(deps.mode)) requireLiveHere(opened, deps.database.location);
  const is = (one: TenantRef): boolean => {
    if (about === undefined) return true;
    return typeof about === 'string' ? one.slug === about || one.id.text === about : sameId(one.id, about.id);
  };
  const finished = restores.filter((one) => one.state === 'finished');
  const changed = tenants.filter(
    (one) => is(one) && finished.some((change) => sameId(change.tenant, one.id)),
  );
  const [tenant] = changed;
  if (tenant && changed.length === 1) {
    const changes = finished.filter((one) => sameId(one.tenant, tenant.id));
    // From outside an undo can be undone; a second way back of the same runbook must not do what the first took back.
    const record = (id === deps.incident?.id ? standing(changes) : changes).at(-1);
    if (record) return { record, tenant };
    throw new TenantDrError('undo-refused', `${id} took back itself what it changed. Nothing was changed.`, {
      hint: 'There is nothing left to undo.',
    });
  }
  if (changed.length > 1) {
    throw new TenantDrError('undo-refused', `${id} changed ${changed.length} tenants. Nothing was changed.`, {
      hint: `Say which one to take back: --tenant ${changed
        .slice(0, 5)
        .map((one) => one.slug)
        .join(' or ')}.`,
    });
  }
  const open = restores.some((one) => one.state === 'intended' || one.state === 'unknown');
  throw new TenantDrError('undo-refused', `${id} changed no row that could be taken back.`, {
    hint: open
      ? `Run \`tenant-dr resume ${id}\` first: it finds out whether its change happened.`
      : 'There is nothing to undo.',
  });
}
