import { z } from 'zod';
import type { Session, SliceDigest } from '../engine/port.ts';
import type { Tenant } from '../engine/tenant.ts';
import { sameId } from '../engine/tenant.ts';
import { effectivePolicy } from '../policy/policy.ts';
import type { VerificationLevel } from '../policy/tiers.ts';
import { type ActionContext, defineAction, tenantOf } from './action.ts';
import { liveRow, shapeOf, withSession } from './slice.ts';

export interface Check {
  name: string;
  ok: boolean;
  detail: string;
}

const levels = ['basic', 'standard', 'full'] as const;

/** Finds out whether the tenant's data is right, as thoroughly as its tier is promised. */
export const verify = defineAction({
  id: 'verify',
  title: 'Verify the tenant’s data',
  description:
    'basic: the tenant’s row is there and its rows are exactly as the restore left them. standard: also the configured checks of that level. full: also every other check. The level is that of the tenant’s tier unless given.',
  byHand:
    'Compare the tenant’s rows with the backup table by table: counts, and a checksum over all columns. Run the queries the application’s team trusts. Check foreign keys.',
  effect: 'read',
  input: z.strictObject({ level: z.enum(levels).optional() }),
  output: z.object({
    passed: z.boolean(),
    level: z.enum(levels),
    checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
  }),
  afterInterruption: 'rerun',
  inDryRun: 'preview',
  commands: () => ['tenant-dr digest <tenant>', 'tenant-dr diff <tenant> --against <ref>'],
  failure: (output) => {
    const failed = output.checks.filter((check) => !check.ok);
    return output.passed ? null : `Verification failed: ${failed.map((check) => check.name).join(', ')}.`;
  },

  async preview(context, input) {
    const level = levelOf(context, input.level);
    return {
      summary: `Checks ${tenantOf(context).slug} at level ${level}. Nothing is written.`,
      lines: [],
      commands: [`tenant-dr digest ${tenantOf(context).slug}`],
    };
  },

  async run(context, input) {
    const tenant = tenantOf(context);
    const level = levelOf(context, input.level);
    const checks = await withSession(context, 'read', (session) => checkSlice(context, session, tenant));
    for (const check of checks)
      context.output(`${check.ok ? 'ok' : 'FAILED'}: ${check.name}: ${check.detail}`);
    const passed = checks.every((check) => check.ok);
    await context.incident.append({ event: 'verified', level, ok: passed, checks, tenant: tenant.id });
    return { passed, level, checks };
  },
});

function levelOf(context: ActionContext, asked: VerificationLevel | undefined): VerificationLevel {
  return asked ?? effectivePolicy(context.config.policy)[tenantOf(context).tier].verification;
}

async function checkSlice(context: ActionContext, session: Session, tenant: Tenant): Promise<Check[]> {
  const row = await liveRow(context, session, tenant);
  const present = {
    name: 'tenant row',
    ok: row !== null,
    detail: row ? 'present' : 'the tenant’s row is gone',
  };
  const shape = await shapeOf(context, session);
  await session.collect({ shape, tenant: tenant.id, staged: 'none', status: null });
  return [present, ...asRestored(context, tenant, await session.digest('live'))];
}

/** The rows are what the last restore of this incident committed: nobody wrote since. */
function asRestored(context: ActionContext, tenant: Tenant, now: SliceDigest): Check[] {
  const restored = context.incident.state.restores.findLast(
    (one) => sameId(one.tenant, tenant.id) && one.finished,
  );
  const after = restored?.finished?.digest.after;
  if (!after) return [];
  const ok = after === now.digest;
  const detail = ok ? 'exactly as restored' : 'rows have changed since the restore';
  return [{ name: 'rows as restored', ok, detail }];
}
