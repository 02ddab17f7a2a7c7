import { printable } from '../../engine/printable.ts';
import { command } from '../command.ts';
import { flag, needed, text } from '../parameters.ts';
import { depsOf, planDocument, planOptionsOf, planParameters, planText } from '../planning.ts';

export default command({
  effect: 'read',
  arguments: { tenant: needed('tenant', 'id or slug of the tenant') },
  options: {
    from: needed('ref', 'backup: a path, an id, latest, before:<time with zone>, safety:<incident>'),
    ...planParameters,
    out: text('file', 'write the plan to a file, for `restore --plan`'),
    withValues: flag('show row values too'),
  },
  examples: [
    'tenant-dr plan northwind --from latest',
    'tenant-dr plan northwind --from latest --mode missing --out plan.json',
  ],
  async run(context, input) {
    const { requirePlanPlace, savePlan } = await import('../plan-file.ts');
    if (input.out !== undefined) await requirePlanPlace(input.out, context);
    const options = planOptionsOf(input);
    const deps = await depsOf(context, 'dry-run');
    const [{ Workbench }, { namedAmong }] = await Promise.all([
      import('../../actions/change.ts'),
      import('../../engine/tenants.ts'),
    ]);
    const bench = await Workbench.open(deps, input.from, input.foreignSource, namedAmong([input.tenant]));
    try {
      const tenant = bench.directory.find(input.tenant);
      const plan = await bench.change(tenant).plan({ ...options, digestStaged: true });
      if (!tenant.inBackup && !bench.backup.whole) {
        const { requireApplicable } = await import('../../engine/planning.ts');
        requireApplicable(plan);
      }
      await bench.backup.confirmed;
      const document = planDocument(plan, input.from);
      if (input.withValues) document.rows = await rowsOf(bench, plan);
      if (input.out !== undefined) {
        await savePlan(
          input.out,
          { bench, plan, document, options, foreignSource: input.foreignSource },
          context,
        );
      }
      const saved =
        input.out === undefined
          ? ''
          : `\nWritten to ${printable(input.out)}; apply it with \`tenant-dr restore --plan ${printable(input.out)}\`.`;
      return { document, text: planText(plan, input.from, bench, context.output.tableWidth) + saved };
    } finally {
      await bench.close();
    }
  },
});

/** At most this many rows per table are printed with their values. */
const shown = 1000;

type Bench = Awaited<ReturnType<typeof import('../../actions/change.ts')['Workbench']['open']>>;
type MadePlan = import('../../engine/planning.ts').Plan;

async function rowsOf(bench: Bench, plan: MadePlan): Promise<Record<string, unknown>> {
  const rows: Record<string, unknown> = {};
  for (const table of plan.tables) {
    if (table.insert + table.update + table.delete === 0) continue;
    rows[table.name] = await bench.ground.session.effects({
      table: table.name,
      offset: 0,
      limit: shown,
      withValues: true,
    });
  }
  return rows;
}
