import { countEffects, type Plan } from '../engine/planning.ts';
import type { Session } from '../engine/port.ts';
import { sameId } from '../engine/tenant.ts';
import type { RestoreRecord } from '../incident/records.ts';
import { effectivePolicy } from '../policy/policy.ts';
import type { VerificationLevel } from '../policy/tiers.ts';
import { z } from '../zod.ts';
import { type ActionContext, defineAction, stopIfAsked, tenantOf } from './action.ts';
import { Change } from './change.ts';
import { restore } from './restore.ts';
import { planOptions } from './restore-input.ts';
import { liveRow, lookingOnly, shapeOf, withSession } from './slice.ts';

export interface Check {
  name: string;
  ok: boolean;
  detail: string;
}

/** Each level asks what the ones before it ask, and more. */
const levels = ['basic', 'standard', 'full'] as const;

/** Finds out whether the tenant's data is right, as thoroughly as its tier is promised. */
export const verify = defineAction({
  id: 'verify',
  title: 'Verify the tenant’s data',
  description:
    'basic: the tenant’s row is there, its rows are exactly as the restore left them, the configured basic checks find nothing. standard: planning the same restore again finds nothing left to do; the standard checks. full: the database itself is sound; the full checks. The level is that of the tenant’s tier unless given.',
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
  says: ({ level }) => `verified (${level})`,
  inDryRun: 'preview',
  commands: () => ['tenant-dr digest <tenant>', 'tenant-dr diff <tenant> --against <ref>'],
  failure: (output) => {
    const failed = output.checks.filter((check) => !check.ok);
    return output.passed ? null : `Verification failed: ${failed.map((check) => check.name).join(', ')}.`;
  },

  async preview(context, input) {
    const level = levelOf(context, input.level);
    const own = checksFor(context, level).map((check) => check.name);
    return {
      summary: `Checks ${tenantOf(context).slug} at level ${level}. Nothing is written.`,
      lines: own.length > 0 ? [`Configured checks: ${own.join(', ')}.`] : [],
      commands: [`tenant-dr digest ${tenantOf(context).slug}`],
    };
  },

  async run(context, input) {
    const tenant = tenantOf(context);
    const level = levelOf(context, input.level);
    const restored = lastRestore(context);
    const checks: Check[] = [];
    const add = (check: Check) => {
      checks.push(check);
      context.output(`${check.ok ? 'ok' : 'FAILED'}: ${check.name}: ${check.detail}`);
      stopIfAsked(context.signal);
    };
    await withSession(context, 'read', async (session) => {
      add(await rowPresent(context, session));
      if (restored) add(await asRestored(context, session, restored));
      for (const check of checksFor(context, level)) {
        const { ok, rows } = await session.check(check, tenant.id);
        add({ name: check.name, ok, detail: ok ? 'found nothing' : `found ${rows} rows that should not be` });
      }
    });
    if (restored && level !== 'basic') add(await planAgain(context, restored));
    if (level === 'full') add(await soundDatabase(context));
    const passed = checks.every((check) => check.ok);
    await context.incident.append({ event: 'verified', level, ok: passed, checks, tenant: tenant.id });
    return { passed, level, checks };
  },
});

function levelOf(context: ActionContext, asked: VerificationLevel | undefined): VerificationLevel {
  return asked ?? effectivePolicy(context.config.policy)[tenantOf(context).tier].verification;
}

function checksFor(context: ActionContext, level: VerificationLevel): ActionContext['config']['checks'] {
  return context.config.checks.filter((check) => levels.indexOf(check.level) <= levels.indexOf(level));
}

/** The latest change of this incident that is known to have happened. */
function lastRestore(context: ActionContext): RestoreRecord | undefined {
  const { id } = tenantOf(context);
  return context.incident.state.restores.findLast(
    (one) => sameId(one.tenant, id) && one.state === 'finished',
  );
}

async function rowPresent(context: ActionContext, session: Session): Promise<Check> {
  const row = await liveRow(context, session, tenantOf(context));
  return { name: 'tenant row', ok: row !== null, detail: row ? 'it is there' : 'it is gone' };
}

/** Nobody wrote since the commit. Where a probe found the commit, the planned digest stands in for the seen one. */
async function asRestored(context: ActionContext, session: Session, restored: RestoreRecord): Promise<Check> {
  const shape = await shapeOf(context, session);
  await session.collect({ shape, tenant: restored.tenant, staged: 'none', status: null });
  const now = (await session.digest('live')).digest;
  const then = restored.finished?.digest.after ?? restored.intended.digest.planned;
  // Rows left to nobody are the tenant's by the backup alone.
  const ok = now === then || (await replan(context, restored))?.live.digest === then;
  return { name: 'rows as restored', ok, detail: ok ? 'exactly' : 'rows have changed since the restore' };
}

async function planAgain(context: ActionContext, restored: RestoreRecord): Promise<Check> {
  const name = 'planning again';
  const plan = await replan(context, restored);
  if (!plan) return { name, ok: true, detail: 'not asked: this was no restore of the runbook' };
  const { insert, update, delete: deleted } = countEffects(plan);
  const left = insert + update + deleted;
  const detail = left === 0 ? 'nothing is left to do' : `${left} rows differ from the plan`;
  return { name, ok: left === 0, detail };
}

/** The plan of a restore by the runbook, as it would be now; null for any other restore. */
async function replan(context: ActionContext, restored: RestoreRecord): Promise<Plan | null> {
  const done = Object.values(context.incident.state.tasks).findLast((task) => task.action === restore.id);
  if (!restore.input.safeParse(done?.input).success) return null;
  const change = await Change.open(
    lookingOnly(context),
    restored.intended.from,
    foreignSourceOf(done?.input),
  );
  try {
    return await change.plan(planOptions(done?.input));
  } finally {
    await change.close();
  }
}

function foreignSourceOf(input: unknown): string | undefined {
  const given = z.object({ foreignSource: z.string().optional() }).safeParse(input);
  return given.data?.foreignSource;
}

async function soundDatabase(context: ActionContext): Promise<Check> {
  const findings = (await context.database.examine()).filter((finding) => finding.level === 'error');
  const detail = findings.map((finding) => `${finding.name}: ${finding.detail}`).join('; ');
  return { name: 'database', ok: findings.length === 0, detail: detail || 'no errors found' };
}
