import { dirname } from 'node:path';
import { printable } from '../../engine/printable.ts';
import { reasonOf } from '../../errors.ts';
import type { Report } from '../../incident/report/report.ts';
import {
  type ReportFormat,
  readReport,
  renderReport,
  reportFormats,
  writeReports,
} from '../../incident/report/source.ts';
import { incidentFolder } from '../../incident/store.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { toJson } from '../output.ts';
import { choice, flag, needed } from '../parameters.ts';

export default command({
  effect: 'read',
  arguments: { incident: needed('incident', 'its id, as "tenant-dr incidents" lists it') },
  options: {
    format: choice(reportFormats, 'Markdown (default), one HTML file, or JSON'),
    soFar: flag('the incident is still open, and that is expected'),
  },
  examples: [
    'tenant-dr report INC-20261123-0605',
    'tenant-dr report INC-20261123-0605 --format html > report.html',
    'tenant-dr report INC-20261123-0605 --so-far',
  ],
  async run(context, { incident, format = 'md', soFar }) {
    const config = await context.config();
    const { report, damage } = await readReport(await incidentFolder(config.state, incident));
    if (report.outcome === 'open' && !soFar && !damage) {
      context.output.warn(
        `${report.incident} is still open: this is a report so far.`,
        'Say --so-far when that is meant.',
      );
    }
    const files = await keep(context, await incidentFolder(config.state, incident), report, format);
    return {
      document: { ...report, files },
      text:
        format === 'json'
          ? toJson({ schema: 'tenant-dr/report/1', ok: damage === null, ...report }, 2)
          : renderReport(report, format),
      ...(damage ? { failure: damage } : {}),
    };
  },
});

/** A report that cannot be kept is still printed. */
async function keep(context: Context, dir: string, report: Report, format: ReportFormat): Promise<string[]> {
  try {
    const files = await writeReports(dir, report, [format]);
    for (const file of files) context.output.note(`kept as ${printable(file)}`);
    return files;
  } catch (error) {
    context.output.warn(
      `The report could not be kept in ${printable(dirname(dir))}: ${printable(reasonOf(error))}`,
    );
    return [];
  }
}
