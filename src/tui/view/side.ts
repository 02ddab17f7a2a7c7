import { beside, pad, paragraph, wideFrom } from '../layout.ts';
import { type Line, line, span, type Tone } from '../line.ts';

/** Where there is room, a list stands on the left and what is marked in it on the right. */

const bar = 3;

/** What a list may use: all of it, or the left part of a wide screen. */
export function listWidth(width: number): number {
  return width < wideFrom ? width : Math.max(78, Math.floor(width * 0.57));
}

/** The list with the detail beside it; the list alone where there is no room. */
export function withDetail(
  list: Line[],
  width: number,
  rows: number,
  detail: (width: number, rows: number) => Line[],
): Line[] {
  const left = listWidth(width);
  if (left === width) return list;
  const right = detail(width - left - bar, rows).slice(0, rows);
  const empty = Array.from({ length: Math.max(0, rows - list.length) }, (): Line => []);
  return beside([...list.slice(0, rows), ...empty], right, left, width);
}

/** `label       text that goes on in further lines below itself` */
export function fact(label: string, text: string, width: number, tone: Tone = 'plain'): Line[] {
  return paragraph(text, width - 13, tone).map((part, row) =>
    line(span(pad(row === 0 ? label : '', 13), 'muted'), ...part),
  );
}
