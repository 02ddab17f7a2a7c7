import { TenantDrError } from '../../errors.ts';
import type { IncidentSummary } from '../../incident/store.ts';
import { command } from '../command.ts';
import { flag, text } from '../parameters.ts';
import { changeParameters, planParameters } from '../planning.ts';

export default command({
  effect: 'write',
  arguments: { incident: text('incident', 'its id; may be left out when just one is open') },
  options: {
    takeOver: flag('from whoever holds it, or held it on another host; needs --reason'),
    reason: text('text', 'why it is taken over'),
    from: text('ref', 'another backup than the one chosen so far, where that cannot be used any more'),
    foreignSource: planParameters.foreignSource,
    auto: flag('without a person: stops where one is needed'),
    ...changeParameters,
    confirm: text('phrase', 'covers the destructive steps that are still to come'),
  },
  examples: [
    'tenant-dr resume',
    'tenant-dr resume INC-20261123-0605 --take-over --reason "alice lost her connection"',
  ],
  async run(context, input) {
    const [{ resumeRun }, { storeOf, warnOfOthers }, { listIncidents }, { walk }, { walkOneStep }] =
      await Promise.all([
        import('../../runbook/begin.ts'),
        import('../one-step.ts'),
        import('../../incident/store.ts'),
        import('../walk.ts'),
        import('../resumed.ts'),
      ]);
    const config = await context.config();
    const all = await listIncidents(config.state);
    const chosen = choose(all, input.incident);
    const takeOver = input.takeOver ? { reason: reasonFor(input.reason) } : undefined;
    const isRunbook = chosen.state?.opened.kind === 'runbook';
    const attended = !input.auto && !context.flags.json && input.confirm === undefined && context.interactive;
    // What was under way may need a person's word; a command that had not begun is only confirmed again.
    const onScreen = attended && (isRunbook || Object.keys(chosen.state?.tasks ?? {}).length > 0);
    const begun = await resumeRun({
      config,
      database: await context.openDatabase(config),
      store: storeOf(context, config),
      id: chosen.id,
      takeOver,
      from: input.from,
      foreignSource: input.foreignSource,
      disableTriggers: input.disableTriggers,
      signal: context.signal,
      onProgress: (progress) => context.output.progress(progress),
    });
    if (begun.torn) {
      context.output.warn(
        `A line of the journal cut short by a crash was taken off (line ${begun.torn.line}).`,
      );
    }
    warnOfOthers(context, begun.incident);
    return isRunbook || onScreen
      ? walk(context, begun, { onScreen, confirm: input.confirm })
      : walkOneStep(context, begun, input.confirm);
  },
});

/** The incident meant. Without an id there must be exactly one that is open. */
function choose(all: IncidentSummary[], id: string | undefined): IncidentSummary {
  const open = all.filter(({ state }) => state && !state.closed);
  const found =
    id === undefined ? (open.length === 1 ? open[0] : undefined) : all.find((one) => one.id === id);
  if (found) return found;
  const ids = open.map((one) => one.id).join(', ');
  if (id !== undefined) {
    throw new TenantDrError('incident-unknown', `There is no incident "${id}".`, {
      hint: ids ? `Open are: ${ids}.` : 'None is open; `tenant-dr incidents` lists them all.',
    });
  }
  throw new TenantDrError(
    'usage',
    open.length === 0
      ? 'No incident is open: there is nothing to resume.'
      : 'Several incidents are open: say which.',
    {
      hint: ids ? `Open are: ${ids}.` : '`tenant-dr incidents` lists them.',
    },
  );
}

function reasonFor(reason: string | undefined): string {
  if (reason !== undefined && reason.trim() !== '') return reason;
  throw new TenantDrError('usage', 'Taking over needs a reason. Nothing was changed.', {
    hint: '--take-over --reason "why"; it is written into the journal.',
  });
}
