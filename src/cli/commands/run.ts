import { restoreModes } from '../../engine/plan.ts';
import { TenantDrError } from '../../errors.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { choice, flag, needed, text } from '../parameters.ts';
import { changeParameters, planParameters } from '../planning.ts';

export default command({
  effect: 'write',
  arguments: { runbook: needed('runbook', 'id of a runbook, or its file') },
  options: {
    tenant: text('tenant', 'id or slug of the tenant it is about'),
    from: text('ref', 'the backup to use; nothing is asked then'),
    foreignSource: planParameters.foreignSource,
    mode: choice(restoreModes, 'how rows are put back; asked for when not given, exact without a person'),
    dryRun: flag('show every step, do nothing'),
    ...changeParameters,
    onCopy: flag('rehearse on a private copy of the database; live is only read'),
    auto: flag('without a person: stops where one is needed'),
    confirm: text('slug', 'with --auto: covers the destructive steps for this tenant'),
    detectedAt: text('time', 'when it was noticed; RTO counts from here (default: now)'),
    damagedAt: text('time', 'when the damage happened; RPO is measured to here'),
  },
  examples: [
    'tenant-dr run single-tenant-corruption --tenant northwind',
    'tenant-dr run single-tenant-corruption --tenant northwind --dry-run',
    'tenant-dr run single-tenant-corruption --tenant northwind --auto --confirm northwind',
  ],
  async run(context, input) {
    const onScreen = await screenFor(context, input);
    if (input.dryRun && input.onCopy) {
      throw new TenantDrError(
        'usage',
        '--dry-run does nothing and --on-copy does it on a copy: choose one.',
        {
          hint: 'Nothing was started.',
        },
      );
    }
    const config = await context.config();
    const [{ beginRun }, { storeOf, warnOfOthers }, { walk }, { parseInstant }] = await Promise.all([
      import('../../runbook/begin.ts'),
      import('../one-step.ts'),
      import('../walk.ts'),
      import('../../backups/times.ts'),
    ]);
    const begun = await beginRun({
      config,
      database: await context.openDatabase(config),
      store: storeOf(context, config),
      runbook: input.runbook,
      tenant: input.tenant ?? null,
      mode: input.dryRun ? 'dry-run' : input.onCopy ? 'rehearsal' : 'live',
      detectedAt: input.detectedAt === undefined ? context.clock() : parseInstant(input.detectedAt),
      damagedAt: input.damagedAt === undefined ? null : parseInstant(input.damagedAt),
      from: input.from,
      foreignSource: input.foreignSource,
      restoreMode: input.mode,
      unattended: !onScreen,
      disableTriggers: input.disableTriggers,
      signal: context.signal,
      onProgress: (progress) => context.output.progress(progress),
    });
    warnOfOthers(context, begun.incident);
    return walk(context, begun, { onScreen, confirm: input.confirm });
  },
});

/** On the screen unless nobody is meant to be there; a dry run needs no answers. */
async function screenFor(
  context: Context,
  { auto, dryRun }: { auto: boolean; dryRun: boolean },
): Promise<boolean> {
  if (auto) return false;
  if (dryRun && (context.flags.json || !context.interactive)) return false;
  const { requireTerminal } = await import('../../tui/app.ts');
  requireTerminal(context, 'Say --auto, and --confirm <slug> to cover the destructive steps.');
  return true;
}
