import { join } from 'node:path';
import { writeDurably } from '../../engine/durable.ts';
import { TenantDrError } from '../../errors.ts';
import { journalName } from '../incident.ts';
import { JournalReader } from '../reader.ts';
import { htmlReport } from './html.ts';
import { markdownReport } from './markdown.ts';
import { buildReport, type Report } from './report.ts';

export const reportFormats = ['md', 'html', 'json'] as const;
export type ReportFormat = (typeof reportFormats)[number];

/**
 * Reads the journal in an incident's folder and reports on it. A damaged journal gives a report of the lines before
 * the damage that says where the chain breaks, and the error as well. Rejects with incident-unknown, or
 * journal-damaged when not even the first line can be read.
 */
export async function readReport(dir: string): Promise<{ report: Report; damage: TenantDrError | null }> {
  const reader = new JournalReader(join(dir, journalName));
  let damage: TenantDrError | null = null;
  let tornBytes = 0;
  try {
    tornBytes = (await reader.readOn())?.bytes ?? 0;
  } catch (error) {
    if (!(error instanceof TenantDrError && error.code === 'journal-damaged')) throw error;
    if (!reader.state) throw error;
    damage = error;
  }
  const state = reader.begun();
  const integrity = {
    ok: damage === null,
    lines: reader.entries.length,
    head: reader.prev,
    brokenAt: damage ? reader.entries.length + 1 : null,
    problem: damage?.message ?? null,
    tornBytes,
  };
  return { report: buildReport(reader.entries, state, integrity), damage };
}

export function renderReport(report: Report, format: ReportFormat): string {
  if (format === 'md') return markdownReport(report);
  if (format === 'html') return htmlReport(report);
  return `${JSON.stringify({ schema: 'tenant-dr/report/1', ok: report.integrity.ok, ...report }, null, 2)}\n`;
}

/**
 * Puts reports into the incident's folder, whole or not at all, and returns their paths. One so far, or of a damaged
 * journal, never replaces the final one.
 */
export async function writeReports(
  dir: string,
  report: Report,
  formats: readonly ReportFormat[],
): Promise<string[]> {
  const name = report.integrity.ok
    ? report.outcome === 'open'
      ? 'report-so-far'
      : 'report'
    : 'report-damaged';
  const paths = formats.map((format) => join(dir, `${name}.${format}`));
  for (const [index, format] of formats.entries())
    await writeDurably(paths[index] ?? '', renderReport(report, format));
  return paths;
}
