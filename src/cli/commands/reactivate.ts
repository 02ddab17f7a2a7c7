import { command } from '../command.ts';
import { needed, text } from '../parameters.ts';

export default command({
  effect: 'write',
  arguments: { tenant: needed('tenant', 'id or slug of the tenant') },
  options: { confirm: text('slug', 'the slug of the tenant, to confirm') },
  examples: ['tenant-dr reactivate northwind --confirm northwind'],
  async run(context, { tenant, confirm }) {
    const { changeStatus } = await import('../status-change.ts');
    return changeStatus(context, { kind: 'reactivate', tenant, confirm });
  },
});
