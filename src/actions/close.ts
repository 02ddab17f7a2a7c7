import { TenantDrError } from '../errors.ts';
import { owedMessages } from '../incident/messages.ts';
import { readReport, writeReports } from '../incident/report/source.ts';
import { z } from '../zod.ts';
import { defineAction } from './action.ts';

/** The last look before an incident is closed. The runner closes it once every step is done. */
export const close = defineAction({
  id: 'close',
  title: 'Close the incident',
  description:
    'Refuses while a message is owed. Writes the report so far; the final one follows when the incident is closed.',
  byHand:
    'Write down who did what when, which rows changed, whether RTO and RPO were met, and keep the saved rows for at least 30 days.',
  effect: 'write',
  input: z.strictObject({}),
  output: z.object({ report: z.string() }),
  afterInterruption: 'rerun',
  says: () => 'report written',
  inDryRun: 'preview',
  commands: () => ['tenant-dr report <incident> --format md'],

  async preview(context) {
    const owed = owedMessages(context.incident.state);
    return {
      summary: owed.length === 0 ? 'Everything is settled.' : `${owed.length} messages are still owed.`,
      lines: owed.map((one) => `${one.kind} for ${one.audience}`),
      commands: [`tenant-dr report ${context.incident.id}`],
    };
  },

  async run({ incident }) {
    const owed = owedMessages(incident.state);
    if (owed.length > 0) {
      const names = owed.map((one) => `${one.kind} for ${one.audience}`).join(', ');
      throw new TenantDrError(
        'gate-failed',
        `The incident cannot be closed: ${names} is neither sent, written nor waived.`,
        {
          hint: 'Send or write it, or waive it with a reason.',
        },
      );
    }
    const { report } = await readReport(incident.dir);
    const [path = ''] = await writeReports(incident.dir, report, ['md']);
    return { report: path };
  },
});
