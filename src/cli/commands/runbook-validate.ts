import { command } from '../command.ts';
import { needed } from '../parameters.ts';

export default command({
  effect: 'read',
  arguments: { file: needed('file', 'a runbook file, or the id of one') },
  examples: ['tenant-dr runbook validate runbooks/mine.yaml'],
  async run(context, { file }) {
    const config = await context.config();
    const { loadRunbook } = await import('../../runbook/load.ts');
    const runbook = await loadRunbook(file, config.runbooks);
    const tasks = runbook.steps.reduce((sum, step) => sum + step.tasks.length, 0);
    return {
      document: {
        id: runbook.id,
        title: runbook.title,
        steps: runbook.steps.length,
        tasks,
        sha256: runbook.hash,
      },
      text: `${runbook.id} can be used: ${runbook.steps.length} steps.`,
    };
  },
});
