import { statusBack, statusBackSaid } from '../../actions/status-back.ts';
import { printable } from '../../engine/printable.ts';
import { command } from '../command.ts';
import { needed, text } from '../parameters.ts';
import { changeParameters, depsOf, planText } from '../planning.ts';
import { restoredText } from '../restored.ts';
import { withIncident } from './restore.ts';

export default command({
  effect: 'write',
  arguments: { incident: needed('incident', 'id of the incident whose change is taken back') },
  options: {
    confirm: text('slug', 'the slug of the tenant, to confirm'),
    tenant: text('tenant', 'which one, where the incident changed several'),
    ...changeParameters,
  },
  examples: ['tenant-dr undo INC-20261123-0605 --confirm northwind'],
  async run(context, { incident: id, confirm, tenant, disableTriggers }) {
    const deps = await depsOf(context, 'live', { disableTriggers });
    const [{ undo, openUndo, verbatim }, { runOneStep }] = await Promise.all([
      import('../../actions/undo.ts'),
      import('../one-step.ts'),
    ]);
    const change = await openUndo(deps, id, tenant);
    let handedOver = false;
    try {
      const plan = await change.plan(verbatim);
      const status = statusBack(change);
      const stakes = (): string =>
        [
          planText(plan, `the safety copy of ${id}`, change.bench, context.output.tableWidth),
          '',
          ...(status ? [statusBackSaid(status, change.tenant.slug)] : []),
          `This takes back incident ${id} in ${printable(change.ground.session.identity.location)} (${printable(deps.config.environment)}).`,
        ].join('\n');
      await context.confirm({ phrase: change.tenant.slug, given: confirm, stakes });
      handedOver = true;
      const { incident, output, error } = await runOneStep(context, deps.config, {
        kind: 'undo',
        title: `Undo ${id}`,
        action: undo,
        input: { incident: id, ...(disableTriggers ? { disableTriggers } : {}) },
        tenant: change.tenant,
        identity: change.ground.session.identity,
        phrase: change.tenant.slug,
        held: { change },
        of: id,
      });
      if (error) throw withIncident(error, incident);
      return {
        document: { incident, ...(output as Record<string, unknown>) },
        text: restoredText(incident, output),
      };
    } finally {
      if (!handedOver) await change.close();
    }
  },
});
