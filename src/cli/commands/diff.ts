import { countEffects } from '../../engine/planning.ts';
import { command } from '../command.ts';
import { exits } from '../exits.ts';
import { needed, text } from '../parameters.ts';
import { depsOf, planDocument, planText } from '../planning.ts';

export default command({
  effect: 'read',
  arguments: { tenant: needed('tenant', 'id or slug of the tenant') },
  options: {
    against: needed('ref', 'backup to compare with'),
    foreignSource: text('name', 'accept a backup of another database; type its name'),
  },
  examples: ['tenant-dr diff northwind --against latest'],
  async run(context, { tenant: named, against, foreignSource }) {
    const [{ Workbench }, { namedAmong }] = await Promise.all([
      import('../../actions/change.ts'),
      import('../../engine/tenants.ts'),
    ]);
    const deps = await depsOf(context, 'dry-run');
    const bench = await Workbench.open(deps, against, foreignSource, namedAmong([named]));
    try {
      const plan = await bench
        .change(bench.directory.find(named))
        .plan({ mode: 'exact', verbatim: true, digestStaged: true });
      await bench.backup.confirmed;
      const { insert, update, delete: deleted } = countEffects(plan);
      return {
        document: planDocument(plan, against),
        text: planText(plan, against, bench, context.output.tableWidth),
        ...(insert + update + deleted > 0 ? { exit: exits.differs } : {}),
      };
    } finally {
      await bench.close();
    }
  },
});
