import { printable } from '../../engine/printable.ts';
import { timeWords } from '../words.ts';
import { barsOf } from './bars.ts';
import { type Block, type Inline, layOut, titleOf } from './document.ts';
import type { Report } from './report.ts';

/** The report as Markdown (GitHub flavour, with a Mermaid chart). Text from outside cannot become markup. */
export function markdownReport(report: Report): string {
  const blocks = layOut(report).map((block) => markdown(block, report));
  return `${[`# ${text(titleOf(report))}`, ...blocks].filter((part) => part !== '').join('\n\n')}\n`;
}

function markdown(block: Block, report: Report): string {
  switch (block.kind) {
    case 'alarm':
      return `> **${text(block.text)}**`;
    case 'heading':
      return `## ${text(block.text)}`;
    case 'facts':
      return table(
        ['', ''],
        [],
        block.rows.map(([name, value]) => [[name], value]),
      );
    case 'list':
      return block.items.map((item) => `- ${inline(item)}`).join('\n');
    case 'table':
      return table(block.head, block.right, block.rows);
    case 'chart':
      return chart(report);
  }
}

function table(head: string[], right: number[], rows: Inline[][][]): string {
  const rule = head.map((_, index) => (right.includes(index) ? '---:' : '---'));
  const lines = [head.map(text), rule, ...rows.map((cells) => cells.map(inline))];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function inline(parts: Inline[]): string {
  return parts
    .map((part) => {
      if (typeof part === 'string') return text(part);
      if ('code' in part) return code(part.code);
      return 'strong' in part ? `**${text(part.strong)}**` : timeWords(part.time);
    })
    .join('');
}

/**
 * Everything Markdown or HTML would act on is escaped, and what a terminal would act on is written out. Left
 * readable where they do nothing: parentheses without brackets before them, underscores within a word.
 */
function text(value: string): string {
  return printable(value)
    .replace(/[\\`*{}[\]<>#+!|~&]/g, '\\$&')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_');
}

/** Inline code; a fence longer than any run of backticks inside. */
function code(value: string): string {
  const safe = printable(value).replaceAll('|', '\\|');
  const longest = Math.max(0, ...[...safe.matchAll(/`+/g)].map((match) => match[0].length));
  const fence = '`'.repeat(longest + 1);
  return longest > 0 ? `${fence} ${safe} ${fence}` : `${fence}${safe}${fence}`;
}

/** Estimates laid end to end from the opening, and what really happened. Digits are UTC. */
function chart(report: Report): string {
  const lines = barsOf(report).flatMap(({ step, estimate, actual }, index) => {
    const name = step.title.replace(/[^\p{L}\p{N} ]/gu, ' ').trim() || `step ${index + 1}`;
    const mark = { done: 'done, ', failed: 'crit, ' }[step.state as string] ?? 'active, ';
    const bar = (id: string, { start, seconds }: { start: number; seconds: number }) =>
      `${id}${index}, ${new Date(start).toISOString().slice(0, 19)}, ${Math.max(1, Math.round(seconds))}s`;
    return [
      `    section ${name}`,
      `    estimate :${bar('estimate', estimate)}`,
      ...(actual ? [`    actual :${mark}${bar('actual', actual)}`] : []),
    ];
  });
  if (lines.length === 0) return '';
  const head = [
    'gantt',
    '    title Estimate against actual, UTC',
    '    dateFormat YYYY-MM-DDTHH:mm:ss',
    '    axisFormat %H:%M',
  ];
  return ['```mermaid', ...head, ...lines, '```'].join('\n');
}
