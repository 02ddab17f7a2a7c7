import stringWidth from 'string-width';
import { type Line, type Span, span, type Tone } from './line.ts';

/** Layout as pure functions: everything that makes text fit a terminal of a given width. Widths are cells. */

export interface Area {
  columns: number;
  rows: number;
}

/** Below this nothing useful fits, and the screen says so instead. */
export const smallest: Area = { columns: 60, rows: 16 };

/** Then nothing of a screen is shown, and its keys do nothing. */
export function isTooSmall({ columns, rows }: Area): boolean {
  return columns < smallest.columns || rows < smallest.rows;
}

/** From here on, steps and detail stand side by side. */
export const wideFrom = 120;

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
// Printable ASCII is one cell a character; nearly all text is, and measuring it the long way is slow.
const simple = /^[\x20-\x7e]*$/;

// Rules, bars and names come back with every frame; measuring them once is enough.
const measured = new Map<string, number>();
const mostMeasured = 5000;

export function widthOf(text: string): number {
  if (simple.test(text)) return text.length;
  const known = measured.get(text);
  if (known !== undefined) return known;
  let sum = 0;
  for (const { segment } of segmenter.segment(text)) sum += cellsOf(segment);
  if (measured.size >= mostMeasured) measured.clear();
  measured.set(text, sum);
  return sum;
}

/**
 * Cells one character may take. Terminals disagree about characters joined from several (families, flags, skin
 * tones): some draw them as one, some side by side. The wider reading never makes a line too wide.
 */
function cellsOf(segment: string): number {
  const joined = stringWidth(segment);
  if (segment.length <= 2) return joined;
  let apart = 0;
  for (const character of segment) apart += stringWidth(character);
  return Math.max(joined, apart);
}

export function lineWidth(of: Line): number {
  let sum = 0;
  for (const piece of of) sum += widthOf(piece.text);
  return sum;
}

/** The longest beginning of a text that fits into so many cells; never cuts inside a character. */
export function take(text: string, width: number): string {
  if (width <= 0) return '';
  if (simple.test(text)) return text.slice(0, width);
  let used = 0;
  let taken = '';
  for (const { segment } of segmenter.segment(text)) {
    used += cellsOf(segment);
    if (used > width) break;
    taken += segment;
  }
  return taken;
}

/** Cuts a text to a width and marks the cut with an ellipsis. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return width <= 0 ? '' : `${take(text, width - 1)}…`;
}

/** Keeps the end, which tells paths apart. */
export function clipStart(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width <= 0) return '';
  const segments = [...segmenter.segment(text)].map((part) => part.segment);
  let used = 1;
  let kept = '';
  for (const segment of segments.reverse()) {
    used += cellsOf(segment);
    if (used > width) break;
    kept = segment + kept;
  }
  return `…${kept}`;
}

/** Exactly so many cells: clipped, or filled up with spaces on the right (or left, for numbers). */
export function pad(text: string, width: number, side: 'left' | 'right' = 'right'): string {
  const fitted = clip(text, width);
  const fill = ' '.repeat(Math.max(0, width - widthOf(fitted)));
  return side === 'right' ? fitted + fill : fill + fitted;
}

/** Cuts a line to a width, keeping the tones of what stays. */
export function fit(of: Line, width: number): Line {
  if (lineWidth(of) <= width) return of;
  const kept: Span[] = [];
  let left = width;
  for (const piece of of) {
    const size = widthOf(piece.text);
    if (size < left) {
      kept.push(piece);
      left -= size;
      continue;
    }
    kept.push({ ...piece, text: clip(`${piece.text}…`, left) });
    break;
  }
  return kept;
}

/** Fits a line and fills it up, so that something can stand to its right. */
export function fill(of: Line, width: number, tone: Tone = 'plain'): Line {
  const fitted = fit(of, width);
  const missing = width - lineWidth(fitted);
  return missing > 0 ? [...fitted, span(' '.repeat(missing), tone)] : fitted;
}

/** Left and right text on one line; the left one gives way. */
export function spread(left: Line, right: Line, width: number): Line {
  const room = Math.max(0, width - lineWidth(right) - 1);
  return [...fill(left, room), ...(room > 0 ? [span(' ', 'plain')] : []), ...fit(right, width)];
}

/** Breaks a text at spaces into lines of at most so many cells; longer words are cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let current = '';
    for (let word of paragraph.split(' ')) {
      if (current && widthOf(current) + 1 + widthOf(word) <= width) {
        current += ` ${word}`;
        continue;
      }
      if (current) lines.push(current);
      while (widthOf(word) > width) {
        const head = take(word, width);
        if (head === '') break;
        lines.push(head);
        word = word.slice(head.length);
      }
      current = word;
    }
    lines.push(current);
  }
  return lines;
}

/** A wrapped paragraph, indented. */
export function paragraph(text: string, width: number, tone: Tone = 'plain', indent = 0): Line[] {
  return wrap(text, Math.max(1, width - indent)).map((part) => [span(' '.repeat(indent) + part, tone)]);
}

/** Two columns of lines beside each other, with a bar between them. */
export function beside(left: Line[], right: Line[], leftWidth: number, width: number): Line[] {
  const rows = Math.max(left.length, right.length);
  const rightWidth = width - leftWidth - 3;
  return Array.from({ length: rows }, (_, row) => [
    ...fill(left[row] ?? [], leftWidth),
    span(' │ ', 'muted'),
    ...fit(right[row] ?? [], rightWidth),
  ]);
}

export function rule(width: number): Line {
  return [span('─'.repeat(Math.max(0, width)), 'muted')];
}

export interface TableColumn {
  title: string;
  align?: 'left' | 'right';
  /** Takes the width that is left over; one per table. */
  grows?: boolean;
  tone?: Tone;
  /** Cut at the front, for paths. */
  keepEnd?: boolean;
  max?: number;
}

/** A table whose growing column gives way, so that every line fits. The first line is the heading. */
export function table(columns: TableColumn[], rows: (string | Span)[][], width: number): Line[] {
  const gap = 2;
  const text = (cell: string | Span | undefined): string =>
    cell === undefined ? '' : typeof cell === 'string' ? cell : cell.text;
  const natural = columns.map((column, index) => {
    const widest = rows.reduce(
      (most, row) => Math.max(most, widthOf(text(row[index]))),
      widthOf(column.title),
    );
    return Math.min(widest, column.max ?? widest);
  });
  const room = width - gap * (columns.length - 1);
  const fixed = natural.reduce((sum, size, index) => sum + (columns[index]?.grows ? 0 : size), 0);
  const widths = natural.map((size, index) =>
    columns[index]?.grows ? Math.max(4, Math.min(size, room - fixed)) : size,
  );
  const draw = (cells: (string | Span)[], heading: boolean): Line => {
    const spans: Span[] = [];
    columns.forEach((column, index) => {
      const size = widths[index] ?? 0;
      const cell = cells[index];
      const shown = column.keepEnd ? clipStart(text(cell), size) : text(cell);
      const padded = pad(shown, size, column.align === 'right' ? 'left' : 'right');
      const tone = heading ? 'muted' : typeof cell === 'object' ? cell.tone : (column.tone ?? 'plain');
      spans.push(span(index === 0 ? padded : ' '.repeat(gap) + padded, tone));
    });
    return fit(spans, width);
  };
  return [
    draw(
      columns.map((column) => column.title),
      true,
    ),
    ...rows.map((row) => draw(row, false)),
  ];
}

/** A bar of so many cells, filled to a share between 0 and 1. */
export function bar(share: number, width: number): string {
  const bounded = Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
  const full = Math.round(bounded * width);
  return '▓'.repeat(full) + '░'.repeat(Math.max(0, width - full));
}
