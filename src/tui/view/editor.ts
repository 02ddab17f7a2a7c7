import { printable } from '../../engine/printable.ts';
import { fit } from '../layout.ts';
import { type Line, line, span } from '../line.ts';
import { cursorLine, type ShownLine, type TextArea } from '../text-area.ts';

/** The lines of the text that are in sight, with the cursor in its place. */
export function editorLines(
  area: TextArea,
  shown: readonly ShownLine[],
  top: number,
  rows: number,
  width: number,
): Line[] {
  const at = cursorLine(area, shown);
  return shown.slice(top, top + rows).map((one, index) => {
    const text = (characters: readonly string[]): string => printable(characters.join(''));
    if (top + index !== at) return fit(line('  ', text(one.characters)), width);
    const cell = area.column - one.from;
    return fit(
      line(
        '  ',
        text(one.characters.slice(0, cell)),
        span(text([one.characters[cell] ?? ' ']), 'selected'),
        text(one.characters.slice(cell + 1)),
      ),
      width,
    );
  });
}

/** First line shown so that the cursor stays in sight. */
export function editorTop(top: number, at: number, rows: number): number {
  return at < top ? at : at >= top + rows ? at - rows + 1 : top;
}
