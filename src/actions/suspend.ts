import { sameId, type Tenant, type TenantId } from '../engine/tenant.ts';
import type { StatusRecord } from '../incident/records.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction, tenantOf } from './action.ts';
import { hookLines, runHooks } from './hooks.ts';
import { liveRow, withSession } from './slice.ts';
import { isStatus, openSuspension, type Status, stakesOf, statusOrHooks, statusText } from './status.ts';

/** Takes the tenant out of service, so that nothing changes while its data is repaired. */
export const suspend = defineAction({
  id: 'suspend',
  title: 'Suspend the tenant',
  description:
    'Runs the hooks before suspending, sets the tenant’s status to the configured suspended value in a transaction of its own, then runs the hooks after. Without a status column the hooks alone do it. A tenant whose row is gone has nothing to suspend; a restore brings it back suspended.',
  byHand:
    'Run whatever takes the tenant out of service, then set its status column to the suspended value in one transaction, and check that its users are turned away.',
  effect: 'destroy',
  input: z.strictObject({}),
  output: z.object({
    /** Status before; null when it was NULL or the row is gone. */
    former: z.string().nullable(),
    rowPresent: z.boolean(),
    hooks: z.number(),
  }),
  afterInterruption: 'probe',
  says: ({ rowPresent }) => (rowPresent ? 'suspended' : 'its row is gone'),
  inDryRun: 'preview',
  commands: () => ['tenant-dr suspend <tenant> --confirm <slug>'],

  async preview(context) {
    const tenant = tenantOf(context);
    const status = statusOrHooks(context.config, 'suspend');
    const row = await withSession(context, 'read', (session) => liveRow(context, session, tenant));
    return {
      summary: `${tenant.name} can no longer work: ${whatHappens(status, row)}.`,
      lines: ['No other tenant and no other column changes.', ...hookLines(context, 'suspend')],
      commands: [`tenant-dr suspend ${tenant.slug} --confirm ${tenant.slug}`],
      stakes: stakesOf(context, tenant, {
        cannotBeUndone: ['Sessions of its users that the application ends stay ended.'],
      }),
    };
  },

  async run(context) {
    const tenant = tenantOf(context);
    const status = statusOrHooks(context.config, 'suspend');
    let hooks = await runHooks(context, 'suspend', 'before');
    const change = await withSession(context, status ? 'write' : 'read', async (session) => {
      const row = await liveRow(context, session, tenant);
      if (!row) return { former: null, rowPresent: false };
      if (!status) return { former: null, rowPresent: true };
      await announce(context, row, status.suspended);
      const former = await session.setStatus(context.config.tenants, tenant.id, status.suspended);
      return { former, rowPresent: true };
    });
    if (change.rowPresent) {
      await journalSuspended(context, tenant.id, change.former);
      if (status) context.output(`status: ${change.former ?? 'NULL'} → ${String(status.suspended)}`);
    } else await context.note('The tenant’s row is gone: there was no status to set.');
    hooks += await runHooks(context, 'suspend', 'after');
    return { ...change, hooks };
  },

  async probe(context) {
    const tenant = tenantOf(context);
    const status = statusOrHooks(context.config, 'suspend');
    const row = await withSession(context, 'read', (session) => liveRow(context, session, tenant));
    const suspended = status
      ? isStatus(row?.status ?? null, status.suspended)
      : openSuspension(context, tenant.id);
    if (!row || !suspended) {
      return { found: 'not-done', detail: 'The tenant is not suspended.' };
    }
    if (context.config.hooks.suspend.after.length > 0) {
      return {
        found: 'unknown',
        detail: 'The tenant is suspended; whether the hooks after suspending ran is not known.',
      };
    }
    const announced = announcedNow(context, tenant.id);
    const former = announced?.former ?? null;
    if (announced || !openSuspension(context, tenant.id)) await journalSuspended(context, tenant.id, former);
    return { found: 'done', output: { former, rowPresent: true, hooks: 0 } };
  },
});

function whatHappens(status: ReturnType<typeof statusOrHooks>, row: Tenant | null): string {
  if (!row) return 'its row is gone, so only the hooks run';
  if (!status) return 'the hooks take it out of service';
  return `${status.column} becomes ${String(status.suspended)}; its status is now ${row.status ?? 'NULL'}`;
}

/** Says what the status is before it is gone; a tenant that is suspended already has none to come back to. */
async function announce(context: ActionContext, row: Tenant, suspended: Status['suspended']): Promise<void> {
  if (isStatus(row.status, suspended)) return;
  const { id: tenant, status: former } = row;
  await context.incident.append({
    event: 'tenant.suspending',
    tenant,
    former,
    status: statusText(suspended),
  });
}

/** What was said before a change whose process did not live to say that it is done. */
function announcedNow({ incident }: ActionContext, tenant: TenantId): StatusRecord | undefined {
  return incident.state.statuses.findLast((one) => sameId(one.tenant, tenant) && one.announced);
}

/** Once per suspension: a step that is done again after an interruption suspends nobody a second time. */
async function journalSuspended(
  context: ActionContext,
  tenant: TenantId,
  former: string | null,
): Promise<void> {
  const { status } = context.config.tenants;
  const again = !status || isStatus(former, status.suspended);
  if (again && openSuspension(context, tenant)) return;
  const now = status ? statusText(status.suspended) : null;
  await context.incident.append({ event: 'tenant.suspended', tenant, former, status: now });
}
