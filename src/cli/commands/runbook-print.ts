import { TenantDrError } from '../../errors.ts';
import { command } from '../command.ts';
import { flag, text } from '../parameters.ts';

export default command({
  effect: 'read',
  arguments: { name: text('name', 'id of a runbook, or its file') },
  options: { actions: flag('the reference of all actions instead') },
  examples: [
    'tenant-dr runbook print single-tenant-corruption > recovery.md',
    'tenant-dr runbook print --actions',
  ],
  async run(context, { name, actions }) {
    const { printActions, printRunbook } = await import('../../runbook/print.ts');
    if (actions) {
      const registry = await import('../../actions/registry.ts');
      const markdown = printActions(registry.actions);
      return { document: { markdown }, text: markdown };
    }
    if (name === undefined) {
      throw new TenantDrError('usage', 'runbook print needs the name of a runbook, or --actions.', {
        hint: '`tenant-dr runbook list` shows the runbooks there are.',
      });
    }
    const config = await context.config();
    const { loadRunbook } = await import('../../runbook/load.ts');
    const runbook = await loadRunbook(name, config.runbooks);
    const markdown = printRunbook(runbook);
    return { document: { id: runbook.id, title: runbook.title, markdown }, text: markdown };
  },
});
