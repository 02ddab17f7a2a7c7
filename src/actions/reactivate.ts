import { sameId, type Tenant, type TenantId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction, tenantOf } from './action.ts';
import { type StatusAim, statusAim } from './former-status.ts';
import { hookLines, runHooks } from './hooks.ts';
import { liveRow, withSession } from './slice.ts';
import { endedSuspension, isStatus, type Status, stakesOf, statusOrHooks } from './status.ts';
import { verify } from './verify.ts';

/** Gives the tenant back to its users. In an incident that restored, only after verification. */
export const reactivate = defineAction({
  id: 'reactivate',
  title: 'Reactivate the tenant',
  description:
    'Runs the hooks before reactivating, gives the tenant the status it had before it was suspended (the configured active value where that is not known), runs the hooks after. Without a status column the hooks alone do it. In an incident that restored data it refuses until verification has passed.',
  byHand:
    'Set the tenant’s status column back to what it was before, and check that its users can work. Write down the time: RTO ends here.',
  effect: 'write',
  input: z.strictObject({
    requireVerification: z
      .boolean()
      .default(true)
      .describe('Refuse while the latest verification of this incident has not passed'),
  }),
  output: z.object({
    former: z.string().nullable(),
    hooks: z.number(),
    /** The status it has now, and where that is known from; not there without a status column. */
    status: z.string().nullable().optional(),
    from: z.enum(['before', 'backup', 'configured', 'unchanged']).optional(),
    why: z.string().optional(),
  }),
  afterInterruption: 'probe',
  says: ({ status }) =>
    status === undefined ? 'the tenant can work again' : `the tenant can work again: ${status ?? 'NULL'}`,
  inDryRun: 'preview',
  commands: () => ['tenant-dr reactivate <tenant> --confirm <slug>'],

  async preview(context, input) {
    const tenant = tenantOf(context);
    const status = statusOrHooks(context.config, 'reactivate');
    const aim = await withSession(context, 'read', async (session) => {
      const row = await liveRow(context, session, tenant);
      return row && aimOf(context, row);
    });
    const gate = input.requireVerification
      ? verificationLine(verified(context))
      : 'Verification is not asked for here.';
    return {
      summary: `${tenant.name} can work again: ${whatHappens(status, aim)}. The RTO clock stops.`,
      lines: [gate, ...hookLines(context, 'reactivate')],
      commands: [`tenant-dr reactivate ${tenant.slug} --confirm ${tenant.slug}`],
      stakes: stakesOf(context, tenant, { cannotBeUndone: ['What the tenant’s users do from then on.'] }),
    };
  },

  async run(context, input) {
    const tenant = tenantOf(context);
    const status = statusOrHooks(context.config, 'reactivate');
    const verification = verified(context);
    if (input.requireVerification && !(verification?.passed && !verification.stale)) {
      throw new TenantDrError(
        'gate-failed',
        `${tenant.slug} is not reactivated: ${verificationLine(verification)}`,
        {
          hint: 'Run the verification step again after putting right what it found. The tenant stays suspended.',
        },
      );
    }
    let hooks = await runHooks(context, 'reactivate', 'before');
    const { former, aim } = await withSession(context, status ? 'write' : 'read', async (session) => {
      const row = await liveRow(context, session, tenant);
      if (!row) {
        throw new TenantDrError(
          'tenant-unknown',
          `The row of ${tenant.slug} is gone; there is nothing to reactivate.`,
          {
            hint: 'Restore the tenant first.',
          },
        );
      }
      const wanted = await aimOf(context, row);
      if (!wanted) return { former: null, aim: null };
      return {
        former: await session.setStatus(context.config.tenants, tenant.id, wanted.value),
        aim: wanted,
      };
    });
    await journalReactivated(context, tenant.id, former, aim?.text ?? null);
    if (aim) context.output(`status: ${former ?? 'NULL'} → ${aim.text ?? 'NULL'}, ${aim.why}`);
    hooks += await runHooks(context, 'reactivate', 'after');
    return { former, hooks, ...(aim ? { status: aim.text, from: aim.from, why: aim.why } : {}) };
  },

  async probe(context) {
    const tenant = tenantOf(context);
    const status = statusOrHooks(context.config, 'reactivate');
    const row = await withSession(context, 'read', (session) => liveRow(context, session, tenant));
    const active = status
      ? row !== null && (await isGivenBack(context, row, status))
      : endedSuspension(context, tenant.id);
    if (!row || !active) return { found: 'not-done', detail: 'The tenant is not back in service.' };
    if (context.config.hooks.reactivate.after.length > 0) {
      return {
        found: 'unknown',
        detail: 'The tenant can work again; whether the hooks after reactivating ran is not known.',
      };
    }
    if (!status) return { found: 'done', output: { former: null, hooks: 0 } };
    if (!isJournaled(context, row, status)) await journalReactivated(context, tenant.id, null, row.status);
    return { found: 'done', output: { former: null, hooks: 0, status: row.status } };
  },
});

/** Null where hooks alone do it. */
async function aimOf(context: ActionContext, row: Tenant): Promise<StatusAim | null> {
  const status = statusOrHooks(context.config, 'reactivate');
  if (!status) return null;
  const { config, incident } = context;
  const { location } = incident.state.opened.database;
  return statusAim({ config, location, tenant: row, status, current: row.status, own: incident.state });
}

/** What it is now is what it was to become. */
async function isGivenBack(context: ActionContext, row: Tenant, status: Status): Promise<boolean> {
  if (isStatus(row.status, status.suspended)) return false;
  return (await aimOf(context, row))?.from === 'unchanged';
}

/** Also where another incident suspended the tenant: its former status is used up once it was given back. */
function isJournaled({ incident }: ActionContext, { id }: Tenant, { suspended }: Status): boolean {
  const latest = incident.state.statuses.findLast((one) => sameId(one.tenant, id));
  return latest !== undefined && !isStatus(latest.status, suspended);
}

function whatHappens(status: Status | null, aim: StatusAim | null): string {
  if (!status) return 'the hooks put it back into service';
  if (!aim) return `${status.column} is set once its row is back`;
  return `${status.column} ${aim.from === 'unchanged' ? 'stays' : 'becomes'} ${aim.text ?? 'NULL'}, ${aim.why}`;
}

async function journalReactivated(
  context: ActionContext,
  tenant: TenantId,
  former: string | null,
  status: string | null,
): Promise<void> {
  await context.incident.append({ event: 'tenant.reactivated', tenant, former, status });
}

interface Verification {
  passed: boolean;
  level: string;
  /** The rows were changed again since. */
  stale: boolean;
}

function verified(context: ActionContext): Verification | undefined {
  const found = context.result(verify);
  const { id } = tenantOf(context);
  const { verifications, restores } = context.incident.state;
  const changed = restores.findLast((one) => sameId(one.tenant, id) && one.finished)?.finished;
  return found && { ...found, stale: (changed?.seq ?? 0) > (verifications.at(-1)?.seq ?? 0) };
}

function verificationLine(found: Verification | undefined): string {
  if (!found) return 'Verification has not run in this incident.';
  if (found.stale) return 'The rows were changed again since they were verified.';
  return `Verification ${found.passed ? 'passed' : 'failed'} (${found.level}).`;
}
