import { printable } from '../../engine/printable.ts';
import { command } from '../command.ts';
import { durationText, textTable } from '../format.ts';

export default command({
  effect: 'read',
  examples: ['tenant-dr runbook list'],
  async run(context) {
    const config = await context.config();
    const { listRunbooks } = await import('../../runbook/load.ts');
    const found = await listRunbooks(config.runbooks);
    const runbooks = found.map(({ id, file, origin, runbook, error }) => ({
      id,
      title: runbook?.title ?? null,
      origin,
      file,
      steps:
        runbook?.steps.map((step) => ({
          id: step.id,
          title: step.title,
          estimateSeconds: step.estimateSeconds,
        })) ?? [],
      estimateSeconds: runbook ? runbook.steps.reduce((sum, step) => sum + step.estimateSeconds, 0) : null,
      problem: error?.message ?? null,
    }));
    const rows = runbooks.map((one) => [
      one.id,
      one.title ?? 'cannot be used',
      one.origin,
      one.estimateSeconds === null ? '' : durationText(one.estimateSeconds),
    ]);
    const columns = ['runbook', 'title', 'from', 'estimate'].map((title) => ({ title }));
    const problems = runbooks.flatMap((one) =>
      one.problem ? ['', ...one.problem.split('\n').map(printable)] : [],
    );
    return { document: { runbooks }, text: [textTable(columns, rows), ...problems].join('\n') };
  },
});
