import { widthOf } from './layout.ts';

/** ASCII mode: every character a plain terminal may lack is replaced by one of the same width. */

const lookalikes: Record<string, string> = {
  '─': '-',
  '│': '|',
  '═': '=',
  '┼': '+',
  '├': '+',
  '┤': '+',
  '└': '+',
  '▓': '#',
  '░': '.',
  '█': '#',
  '▶': '>',
  '›': '>',
  '○': 'o',
  '●': '*',
  '✓': '+',
  '✗': '!',
  '⊘': '-',
  '⠋': '|',
  '⠙': '/',
  '⠹': '-',
  '⠸': '\\',
  '⠼': '|',
  '⠴': '/',
  '⠦': '-',
  '⠧': '\\',
  '⠇': '|',
  '⠏': '/',
  '…': '~',
  '·': '-',
  '≈': '~',
  '→': '>',
  '←': '<',
  '↑': '^',
  '↓': 'v',
  '↵': '<',
  '×': 'x',
  '±': '+',
  '−': '-',
  '–': '-',
  '—': '-',
  '’': "'",
  '“': '"',
  '”': '"',
  '▁': '_',
  '▂': '_',
  '▃': '.',
  '▄': '-',
  '▅': '-',
  '▆': '=',
  '▇': '#',
};

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const simple = /^[\x20-\x7e\n]*$/;

/** The same text in ASCII, cell for cell; what has no lookalike becomes question marks. */
export function toAscii(text: string): string {
  if (simple.test(text)) return text;
  let out = '';
  for (const { segment } of segmenter.segment(text)) {
    out += simple.test(segment) ? segment : (lookalikes[segment] ?? '?'.repeat(widthOf(segment)));
  }
  return out;
}
