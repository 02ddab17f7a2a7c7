import { printable } from '../../engine/printable.ts';
import { timeWords } from '../words.ts';
import { type Block, type Inline, layOut, titleOf } from './document.ts';
import { escaped } from './escape.ts';
import type { Report } from './report.ts';
import { chartSvg } from './svg.ts';

/**
 * The report as one HTML file that needs nothing else: no script, no link, no image; its policy forbids
 * loading any. All text goes through `text`.
 */
export function htmlReport(report: Report): string {
  const title = text(titleOf(report));
  const blocks = layOut(report).map((block) => html(block, report));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<h1>${title}</h1>
${blocks.join('\n')}
</body>
</html>
`;
}

function html(block: Block, report: Report): string {
  switch (block.kind) {
    case 'alarm':
      return `<p class="alarm" role="alert">${text(block.text)}</p>`;
    case 'heading':
      return `<h2>${text(block.text)}</h2>`;
    case 'facts': {
      const rows = block.rows.map(
        ([name, value]) => `<tr><th scope="row">${text(name)}</th><td>${inline(value)}</td></tr>`,
      );
      return `<table class="facts">\n${rows.join('\n')}\n</table>`;
    }
    case 'list':
      return `<ul>\n${block.items.map((item) => `<li>${inline(item)}</li>`).join('\n')}\n</ul>`;
    case 'table':
      return table(block.head, block.right, block.rows);
    case 'chart':
      return chartSvg(report);
  }
}

function table(head: string[], right: number[], rows: Inline[][][]): string {
  const cell = (tag: string, value: string, index: number) =>
    `<${tag}${right.includes(index) ? ' class="number"' : ''}>${value}</${tag}>`;
  const headLine = head.map((name, index) => cell('th', text(name), index)).join('');
  const lines = rows.map((cells) => cells.map((value, index) => cell('td', inline(value), index)).join(''));
  const body = [headLine, ...lines].map((line) => `<tr>${line}</tr>`).join('\n');
  return `<div class="wide"><table>\n${body}\n</table></div>`;
}

function inline(parts: Inline[]): string {
  return parts
    .map((part) => {
      if (typeof part === 'string') return text(part);
      if ('code' in part) return `<code>${text(part.code)}</code>`;
      if ('strong' in part) return `<b>${text(part.strong)}</b>`;
      return `<time datetime="${text(part.time)}">${timeWords(part.time)}</time>`;
    })
    .join('');
}

function text(value: string): string {
  return escaped(printable(value));
}

const style = `
:root{color-scheme:light dark;--line:#8886;--estimate:#8886;--actual:#2a7;--bad:#c33}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse}
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line)}
.facts th{font-weight:600;white-space:nowrap}.number{text-align:right;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}code{overflow-wrap:anywhere}time{white-space:nowrap}
.alarm{border:2px solid var(--bad);padding:.75rem;font-weight:700}
svg{max-width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:currentColor}
.estimate{fill:var(--estimate)}.actual{fill:var(--actual)}.failed{fill:var(--bad)}
.rto{stroke:var(--bad);stroke-dasharray:4 3}
@media print{body{max-width:none}}
`;
