import type { TenantId } from '../engine/tenant.ts';
import { TenantDrError } from '../errors.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction, tenantOf } from './action.ts';
import { hookLines, runHooks } from './hooks.ts';
import { liveRow, withSession } from './slice.ts';
import { endedSuspension, isStatus, openSuspension, stakesOf, statusOrHooks, statusText } from './status.ts';
import { verify } from './verify.ts';

/** Gives the tenant back to its users. In an incident that restored, only after verification. */
export const reactivate = defineAction({
  id: 'reactivate',
  title: 'Reactivate the tenant',
  description:
    'Runs the hooks before reactivating, sets the tenant’s status to the configured active value, runs the hooks after. Without a status column the hooks alone do it. In an incident that restored data it refuses until verification has passed.',
  byHand:
    'Set the tenant’s status column back to the active value and check that its users can work. Write down the time: RTO ends here.',
  effect: 'write',
  input: z.strictObject({
    requireVerification: z
      .boolean()
      .default(true)
      .describe('Refuse while the latest verification of this incident has not passed'),
  }),
  output: z.object({ former: z.string().nullable(), hooks: z.number() }),
  afterInterruption: 'probe',
  says: () => 'the tenant can work again',
  inDryRun: 'preview',
  commands: () => ['tenant-dr reactivate <tenant> --confirm <slug>'],

  async preview(context, input) {
    const tenant = tenantOf(context);
    const status = statusOrHooks(context.config, 'reactivate');
    const gate = input.requireVerification
      ? verificationLine(context.result(verify))
      : 'Verification is not asked for here.';
    return {
      summary: `${tenant.name} can work again: ${status ? `${status.column} becomes ${String(status.active)}` : 'the hooks put it back into service'}. The RTO clock stops.`,
      lines: [gate, ...hookLines(context, 'reactivate')],
      commands: [`tenant-dr reactivate ${tenant.slug} --confirm ${tenant.slug}`],
      stakes: stakesOf(context, tenant, { cannotBeUndone: ['What the tenant’s users do from then on.'] }),
    };
  },

  async run(context, input) {
    const tenant = tenantOf(context);
    const status = statusOrHooks(context.config, 'reactivate');
    const verified = context.result(verify);
    if (input.requireVerification && !verified?.passed) {
      throw new TenantDrError(
        'gate-failed',
        `${tenant.slug} is not reactivated: ${verificationLine(verified)}`,
        {
          hint: 'Run the verification step again after putting right what it found. The tenant stays suspended.',
        },
      );
    }
    let hooks = await runHooks(context, 'reactivate', 'before');
    const former = await withSession(context, status ? 'write' : 'read', async (session) => {
      if (!(await liveRow(context, session, tenant))) {
        throw new TenantDrError(
          'tenant-unknown',
          `The row of ${tenant.slug} is gone; there is nothing to reactivate.`,
          {
            hint: 'Restore the tenant first.',
          },
        );
      }
      return status ? session.setStatus(context.config.tenants, tenant.id, status.active) : null;
    });
    await journalReactivated(context, tenant.id, former);
    if (status) context.output(`status: ${former ?? 'NULL'} → ${String(status.active)}`);
    hooks += await runHooks(context, 'reactivate', 'after');
    return { former, hooks };
  },

  async probe(context) {
    const tenant = tenantOf(context);
    const status = statusOrHooks(context.config, 'reactivate');
    const row = await withSession(context, 'read', (session) => liveRow(context, session, tenant));
    const active = status
      ? isStatus(row?.status ?? null, status.active)
      : endedSuspension(context, tenant.id);
    if (!row || !active) return { found: 'not-done', detail: 'The tenant is not active.' };
    if (context.config.hooks.reactivate.after.length > 0) {
      return {
        found: 'unknown',
        detail: 'The tenant is active; whether the hooks after reactivating ran is not known.',
      };
    }
    if (openSuspension(context, tenant.id)) await journalReactivated(context, tenant.id, null);
    return { found: 'done', output: { former: null, hooks: 0 } };
  },
});

async function journalReactivated(
  context: ActionContext,
  tenant: TenantId,
  former: string | null,
): Promise<void> {
  const { status } = context.config.tenants;
  const now = status ? statusText(status.active) : null;
  await context.incident.append({ event: 'tenant.reactivated', tenant, former, status: now });
}

function verificationLine(verified: { passed: boolean; level: string } | undefined): string {
  if (!verified) return 'Verification has not run in this incident.';
  return verified.passed
    ? `Verification passed (${verified.level}).`
    : `Verification failed (${verified.level}).`;
}
