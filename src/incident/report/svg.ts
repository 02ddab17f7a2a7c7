import { cut, printable } from '../../engine/printable.ts';
import { durationWords } from '../words.ts';
import { type Bar, barsOf } from './bars.ts';
import { escaped } from './escape.ts';
import type { Report } from './report.ts';

const left = 190;
const width = 900;
const rowHeight = 34;

/** Estimate against actual, one line a step, with the moment the RTO ran out. Every bar has its text beside it. */
export function chartSvg(report: Report): string {
  const bars = barsOf(report);
  if (bars.length === 0) return '';
  const detected = Date.parse(report.times.detectedAt);
  const limit = report.rto.limitSeconds === null ? null : detected + report.rto.limitSeconds * 1000;
  const all = bars.flatMap(({ estimate, actual }) => (actual ? [estimate, actual] : [estimate]));
  const start = Math.min(detected, ...all.map((bar) => bar.start));
  const end = Math.max(limit ?? 0, start + 60_000, ...all.map((bar) => bar.start + bar.seconds * 1000));
  const x = (at: number) => left + ((at - start) / (end - start)) * (width - left - 10);
  const height = bars.length * rowHeight + 28;
  const rect = (bar: Bar, top: number, kind: string) =>
    `<rect class="${kind}" x="${fixed(x(bar.start))}" y="${top}" width="${fixed(Math.max(1, x(bar.start + bar.seconds * 1000) - x(bar.start)))}" height="11"/>`;
  const rows = bars.map(({ step, estimate, actual }, index) => {
    const top = index * rowHeight + 4;
    const took = step.seconds === null ? step.state : durationWords(step.seconds);
    const label = `${cut(printable(step.title), 24)}`;
    return [
      `<text x="0" y="${top + 10}">${escaped(label)}</text>`,
      `<text x="0" y="${top + 23}">${took} of ${durationWords(step.estimateSeconds)}</text>`,
      rect(estimate, top, 'estimate'),
      actual ? rect(actual, top + 13, step.state === 'failed' ? 'failed' : 'actual') : '',
    ].join('');
  });
  const rto =
    limit === null
      ? ''
      : `<line class="rto" x1="${fixed(x(limit))}" x2="${fixed(x(limit))}" y1="0" y2="${height - 22}"/><text x="${fixed(x(limit))}" y="${height - 4}" text-anchor="end">RTO ${clock(limit)}</text>`;
  const axis = `<text x="${left}" y="${height - 4}">${clock(start)} UTC</text>`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Estimate against actual per step; the table above has the same numbers">${rows.join('')}${rto}${axis}</svg>`;
}

function fixed(value: number): string {
  return value.toFixed(1);
}

function clock(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(11, 16);
}
