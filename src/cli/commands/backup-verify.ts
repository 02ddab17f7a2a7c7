import { printable } from '../../engine/printable.ts';
import { command } from '../command.ts';
import { needed } from '../parameters.ts';
import { checkLines, verificationFailure } from '../verification.ts';

export default command({
  effect: 'read',
  arguments: { backup: needed('ref', 'path or id of a backup, or latest') },
  examples: ['tenant-dr backup verify latest'],
  async run(context, { backup }) {
    const { verifyBackup } = await import('../../backups/verify.ts');
    const { output, signal } = context;
    const config = await context.config();
    const result = await verifyBackup(backup, {
      config,
      signal,
      onProgress: (progress) => output.progress(progress),
    });
    const failure = verificationFailure(result);
    const verdict = result.ok ? output.style('green', 'good') : output.style('red', 'NOT GOOD');
    return {
      document: { id: result.id, path: result.path, checks: result.checks, recorded: result.recorded },
      text: [`${printable(result.path)}: ${verdict}`, '', ...checkLines(result, output)].join('\n'),
      ...(failure ? { failure } : {}),
    };
  },
});
