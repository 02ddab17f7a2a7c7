import { command } from '../command.ts';
import { toJson } from '../output.ts';

export default command({
  effect: 'read',
  examples: ['tenant-dr runbook schema > runbook.schema.json'],
  async run() {
    const [{ runbookJsonSchema }, { runbookSchema }] = await Promise.all([
      import('../../runbook/print.ts'),
      import('../../runbook/schema.ts'),
    ]);
    const jsonSchema = runbookJsonSchema(runbookSchema);
    return { document: { jsonSchema }, text: toJson(jsonSchema, 2) };
  },
});
