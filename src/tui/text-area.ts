import { widthOf } from './layout.ts';

/** Text of several lines being typed. Lines are broken for the screen only; the text keeps its own line breaks. */

export interface TextArea {
  /** The text's own lines, each as characters people count. */
  lines: readonly (readonly string[])[];
  /** Line and character before which the next character goes. */
  row: number;
  column: number;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const split = (text: string): string[] => [...segmenter.segment(text)].map((part) => part.segment);

// Control characters other than the line break have no place in a message.
const unwanted = /[^\P{Cc}\n]+/gu;
const clean = (text: string): string =>
  text
    .replace(/\r\n?|[\u2028\u2029]/gu, '\n')
    .replaceAll('\t', '  ')
    .replace(unwanted, '');

export function areaOf(text: string): TextArea {
  return { lines: clean(text).split('\n').map(split), row: 0, column: 0 };
}

export function textOf(area: TextArea): string {
  return area.lines.map((characters) => characters.join('')).join('\n');
}

function lineAt({ lines }: TextArea, row: number): readonly string[] {
  return lines[row] ?? [];
}

/** Typed or pasted text goes in at the cursor. */
export function insertText(area: TextArea, text: string): TextArea {
  const here = lineAt(area, area.row);
  const pieces = clean(text).split('\n').map(split);
  const [first = []] = pieces;
  const last = pieces[pieces.length - 1] ?? [];
  const before = here.slice(0, area.column);
  const after = here.slice(area.column);
  const middle =
    pieces.length === 1
      ? [[...before, ...first, ...after]]
      : [[...before, ...first], ...pieces.slice(1, -1), [...last, ...after]];
  const lines = [...area.lines.slice(0, area.row), ...middle, ...area.lines.slice(area.row + 1)];
  const column = (pieces.length === 1 ? area.column : 0) + last.length;
  return { lines, row: area.row + pieces.length - 1, column };
}

/** A line as the screen shows it: part of a line of the text, from a character on. */
export interface ShownLine {
  row: number;
  from: number;
  characters: readonly string[];
}

/** The text broken into lines of at most so many cells, at spaces where there are any. */
export function shownLines(area: TextArea, width: number): ShownLine[] {
  return area.lines.flatMap((characters, row) => {
    const shown: ShownLine[] = [];
    let from = 0;
    while (from < characters.length) {
      const to = breakAt(characters, from, width);
      shown.push({ row, from, characters: characters.slice(from, to) });
      from = to;
    }
    return shown.length === 0 ? [{ row, from: 0, characters: [] }] : shown;
  });
}

function breakAt(characters: readonly string[], from: number, width: number): number {
  let used = 0;
  let space = -1;
  for (let at = from; at < characters.length; at++) {
    used += widthOf(characters[at] ?? '');
    if (used > width) return space > from ? space : Math.max(at, from + 1);
    if (characters[at] === ' ') space = at + 1;
  }
  return characters.length;
}

/** The shown line the cursor stands in. */
export function cursorLine(area: TextArea, shown: readonly ShownLine[]): number {
  return Math.max(
    0,
    shown.findLastIndex((one) => one.row === area.row && one.from <= area.column),
  );
}

/** What an editing key does; `height` is a screenful for page up and down. */
export function editArea(area: TextArea, key: string, width: number, height: number): TextArea {
  const here = lineAt(area, area.row);
  switch (key) {
    case 'left':
      return area.column > 0 ? { ...area, column: area.column - 1 } : toEndOf(area, area.row - 1);
    case 'right':
      if (area.column < here.length) return { ...area, column: area.column + 1 };
      return area.row + 1 < area.lines.length ? { ...area, row: area.row + 1, column: 0 } : area;
    case 'home':
      return { ...area, column: 0 };
    case 'end':
      return { ...area, column: here.length };
    case 'up':
      return byLines(area, -1, width);
    case 'down':
      return byLines(area, 1, width);
    case 'pageup':
      return byLines(area, -height, width);
    case 'pagedown':
      return byLines(area, height, width);
    case 'return':
      return insertText(area, '\n');
    case 'ctrl+u':
      return replaceLine(area, here.slice(area.column), 0);
    case 'ctrl+k':
      return replaceLine(area, here.slice(0, area.column), area.column);
    case 'backspace':
      return erase(area, here);
    default:
      return area;
  }
}

function toEndOf(area: TextArea, row: number): TextArea {
  return row < 0 ? area : { ...area, row, column: lineAt(area, row).length };
}

function byLines(area: TextArea, by: number, width: number): TextArea {
  const shown = shownLines(area, width);
  const from = cursorLine(area, shown);
  const target = shown[Math.min(shown.length - 1, Math.max(0, from + by))];
  const source = shown[from];
  if (!target || !source) return area;
  const inside = Math.min(area.column - source.from, target.characters.length);
  // The end of a broken line is the beginning of the next one.
  const goesOn = shown.some((one) => one.row === target.row && one.from > target.from);
  const most = goesOn ? Math.max(0, target.characters.length - 1) : target.characters.length;
  return { ...area, row: target.row, column: target.from + Math.min(inside, most) };
}

function replaceLine(area: TextArea, characters: readonly string[], column: number): TextArea {
  return { lines: area.lines.with(area.row, characters), row: area.row, column };
}

function erase(area: TextArea, here: readonly string[]): TextArea {
  if (area.column > 0) return replaceLine(area, here.toSpliced(area.column - 1, 1), area.column - 1);
  if (area.row === 0) return area;
  const before = lineAt(area, area.row - 1);
  const lines = [
    ...area.lines.slice(0, area.row - 1),
    [...before, ...here],
    ...area.lines.slice(area.row + 1),
  ];
  return { lines, row: area.row - 1, column: before.length };
}
