import { TenantDrError } from '../../errors.ts';
import { command } from '../command.ts';
import { needed, parsed, text } from '../parameters.ts';

export default command({
  effect: 'write',
  arguments: { tenant: needed('tenant', 'id or slug of the tenant') },
  options: {
    confirm: text('slug', 'the slug of the tenant, to confirm'),
    patience: parsed('seconds', 'how long to wait at most until its rows are still (default 120)', secondsOf),
  },
  examples: ['tenant-dr suspend northwind', 'tenant-dr suspend northwind --confirm northwind --json'],
  async run(context, { tenant, confirm, patience }) {
    const { changeStatus } = await import('../status-change.ts');
    return changeStatus(context, {
      kind: 'suspend',
      tenant,
      confirm,
      ...(patience === undefined ? {} : { patience }),
    });
  },
});

function secondsOf(given: string): number {
  const seconds = Number(given);
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw new TenantDrError('usage', `--patience ${given} is not a number of seconds.`, {
    hint: 'For instance --patience 30.',
  });
}
