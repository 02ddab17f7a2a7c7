import type { Change, Workbench } from '../../actions/change.ts';
import type { Wanted } from '../../actions/wanted.ts';
import { printable } from '../../engine/printable.ts';
import { namedAmong } from '../../engine/tenants.ts';
import { TenantDrError } from '../../errors.ts';
import { type Tier, tiers } from '../../policy/tiers.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { choice, flag, many, text } from '../parameters.ts';
import type { Besides, PlanFile } from '../plan-file.ts';
import { changeParameters, depsOf, planOptionsOf, planParameters, planText } from '../planning.ts';
import { restoredText } from '../restored.ts';
import { selectTenants } from '../selection.ts';

export default command({
  effect: 'write',
  arguments: { tenants: many('tenant', 'ids or slugs of the tenants') },
  options: {
    from: text('ref', 'backup: a path, an id, latest, before:<time with zone>, safety:<incident>'),
    plan: text('file', 'apply a plan made by `plan --out`; refused when it is no longer true'),
    confirm: text('phrase', 'the confirmation phrase: the slug, or "<n> tenants in <database name>"'),
    ...planParameters,
    ...changeParameters,
    tier: choice(tiers, 'all tenants of this tier'),
    tenantsFile: text('file', 'ids or slugs, one a line; a line that begins with # is none'),
    missing: flag('every tenant of the backup that is gone or has no rows now'),
    detectedAt: text('time', 'when the incident was noticed'),
    damagedAt: text('time', 'when the damage happened: RPO is measured to here'),
  },
  examples: [
    'tenant-dr restore northwind --from latest',
    'tenant-dr restore northwind --from latest --mode keep-new --confirm northwind',
    'tenant-dr restore --tier enterprise --from latest --confirm "3 tenants in admin"',
  ],
  async run(context, input) {
    const saved = input.plan === undefined ? null : await planAlone(input.plan, input, context);
    const from = input.from ?? saved?.backup.path;
    if (from === undefined) {
      throw new TenantDrError('usage', 'restore needs --from <ref> or --plan <file>. Nothing was changed.', {
        hint: 'List backups with `tenant-dr backups`.',
      });
    }
    const options = saved ? { ...saved.options, foreignSource: undefined } : planOptionsOf(input);
    const foreignSource = input.foreignSource ?? saved?.options.foreignSource;
    const named = saved ? [`id:${saved.tenantId.text}`] : input.tenants;
    const given: Given = { ...input, from, foreignSource, saved, ...(await timesOf(input)) };
    const deps = await depsOf(context, 'live', input);
    const { Workbench } = await import('../../actions/change.ts');
    const opening = Workbench.open(deps, from, foreignSource, wantedBy(named, input));
    // What the change itself needs is loaded while the database's own thread opens and stages.
    const loading = import('../one-step.ts').then(({ loadOneStep }) => loadOneStep());
    const [bench] = await Promise.all([opening, loading, import('../../actions/restore.ts')]);
    let handedOver = false;
    try {
      const chosen = await selectTenants(bench, { ...input, tenants: named }, context);
      const only =
        chosen.length === 1 && input.tier === undefined && !input.missing && input.tenantsFile === undefined
          ? chosen[0]
          : undefined;
      if (!only) {
        const { restoreSeveral } = await import('../restore-several.ts');
        return await restoreSeveral(context, bench, chosen, options, given, () => {
          handedOver = true;
        });
      }
      const change = bench.change(only);
      const plan = await change.plan(options);
      if (saved) await (await import('../plan-file.ts')).requireStillTrue(saved, plan, bench);
      const { requireApplicable } = await import('../../engine/planning.ts');
      requireApplicable(plan);
      await confirmOne(context, bench, change, options, given);
      handedOver = true;
      return await restoreOne(context, bench, change, options, given);
    } finally {
      if (!handedOver) await bench.close();
    }
  },
});

async function planAlone(file: string, besides: Besides, context: Context): Promise<PlanFile> {
  const { loadPlan, requireNothingElse } = await import('../plan-file.ts');
  const saved = await loadPlan(file, context);
  requireNothingElse(saved, besides);
  return saved;
}

/** A tier, a file or "missing" says only later who is meant: then everybody is looked for. */
function wantedBy(
  named: string[],
  {
    tier,
    tenantsFile,
    missing,
  }: { tier: Tier | undefined; tenantsFile: string | undefined; missing: boolean },
): Wanted {
  if (named.length > 0 && tier === undefined && tenantsFile === undefined && !missing)
    return namedAmong(named);
  return (live, backup) => [...live, ...backup].map(({ id }) => id);
}

export interface Given {
  from: string;
  confirm: string | undefined;
  foreignSource: string | undefined;
  disableTriggers: boolean;
  detected: Date | undefined;
  damaged: Date | undefined;
  tier: Tier | undefined;
  saved: Pick<PlanFile, 'live' | 'planned'> | null;
}

async function timesOf(input: { detectedAt: string | undefined; damagedAt: string | undefined }) {
  if (input.detectedAt === undefined && input.damagedAt === undefined)
    return { detected: undefined, damaged: undefined };
  const { parseInstant } = await import('../../backups/times.ts');
  const read = (text: string | undefined): Date | undefined =>
    text === undefined ? undefined : parseInstant(text);
  return { detected: read(input.detectedAt), damaged: read(input.damagedAt) };
}

type Options = ReturnType<typeof planOptionsOf>;

/** A damaged backup or a wrong phrase is found out before an incident is opened. */
async function confirmOne(
  context: Context,
  bench: Workbench,
  change: Change,
  options: Options,
  given: Given,
): Promise<void> {
  const plan = await change.plan(options);
  const stakes = (): string =>
    [
      planText(plan, given.from, bench, context.output.tableWidth),
      '',
      `This writes to ${printable(bench.ground.session.identity.location)} (${printable(bench.deps.config.environment)}). A safety copy is made first.`,
    ].join('\n');
  await context.confirm({ phrase: change.tenant.slug, given: given.confirm, stakes });
  await bench.backup.confirmed;
}

async function restoreOne(
  context: Context,
  bench: Workbench,
  change: Change,
  options: Options,
  given: Given,
) {
  const [{ restore }, { runOneStep }, { refInFull }] = await Promise.all([
    import('../../actions/restore.ts'),
    import('../one-step.ts'),
    import('../../backups/refs.ts'),
  ]);
  const { mode, tables, review, withShared } = options;
  const { incident, output, error } = await runOneStep(context, bench.deps.config, {
    kind: 'restore',
    title: `Restore ${change.tenant.slug}`,
    action: restore,
    input: {
      from: refInFull(bench.backup),
      mode,
      ...(tables ? { tables } : {}),
      ...(review ? { review } : {}),
      ...(withShared ? { withShared } : { withShared: false }),
      ...(given.foreignSource === undefined ? {} : { foreignSource: given.foreignSource }),
      ...(given.disableTriggers ? { disableTriggers: true } : {}),
      ...(given.saved ? { live: given.saved.live, planned: given.saved.planned } : {}),
    },
    tenant: change.tenant,
    identity: bench.ground.session.identity,
    phrase: change.tenant.slug,
    held: { change },
    ...(given.detected ? { detectedAt: given.detected } : {}),
    ...(given.damaged ? { damagedAt: given.damaged } : {}),
  });
  if (error) throw withIncident(error, incident);
  return {
    document: { incident, ...(output as Record<string, unknown>) },
    text: restoredText(incident, output),
  };
}

/** The error keeps its code; the person also learns which incident holds the record. */
export function withIncident(error: TenantDrError, incident: string): TenantDrError {
  return new TenantDrError(error.code, error.message, {
    ...(error.hint ? { hint: error.hint } : {}),
    ...(error.table ? { table: error.table } : {}),
    ...(error.key ? { key: error.key } : {}),
    facts: { ...error.facts, incident },
    cause: error,
  });
}
