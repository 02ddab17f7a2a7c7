import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { widthOf } from '../../src/tui/layout.ts';
import { areaOf, cursorLine, editArea, insertText, shownLines, textOf } from '../../src/tui/text-area.ts';

const type = (text: string, ...keys: string[]) => {
  let area = areaOf(text);
  for (const key of keys) area = key.length === 1 ? insertText(area, key) : editArea(area, key, 20, 5);
  return area;
};

describe('a text of several lines', () => {
  it('is typed into at the cursor, and broken and joined by return and backspace', () => {
    expect(textOf(type('one\ntwo', 'end', '!', 'down', 'home', '>'))).toBe('one!\n>two');
    expect(textOf(type('one two', 'right', 'right', 'right', 'return'))).toBe('one\n two');
    expect(textOf(type('one\ntwo', 'down', 'home', 'backspace'))).toBe('onetwo');
    expect(textOf(type('one', 'backspace'))).toBe('one');
    expect(textOf(type('one two', 'right', 'right', 'right', 'ctrl+k'))).toBe('one');
    expect(textOf(type('one two', 'right', 'right', 'right', 'ctrl+u'))).toBe(' two');
  });

  it('takes a paste of several lines, without the control characters in it', () => {
    const area = insertText(type('ab', 'right'), '1\r\n2\u001b[31m\u0000\t3');
    expect(textOf(area)).toBe('a1\n2[31m  3b');
    expect([area.row, area.column]).toEqual([1, 8]);
  });

  it('treats what people count as one character as one', () => {
    const family = '👨‍👩‍👧';
    expect(textOf(type(`${family}é`, 'right', 'backspace'))).toBe('é');
  });

  it('moves up and down by what is shown, also through a long line', () => {
    const area = type('alpha beta gamma delta epsilon', 'right', 'right', 'down');
    expect([area.row, area.column]).toEqual([0, 19]);
    expect(type('alpha beta gamma delta epsilon', 'down', 'down', 'up').column).toBe(0);
  });

  it('shows every character once, on lines that fit, with the cursor on one of them', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 200 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 2, max: 40 }), fc.nat(), (text, width, steps) => {
        let area = areaOf(text);
        for (let step = 0; step < steps % 50; step++) area = editArea(area, 'right', width, 5);
        const shown = shownLines(area, width);
        const whole = area.lines.map((_, row) =>
          shown
            .filter((one) => one.row === row)
            .flatMap((one) => one.characters.join(''))
            .join(''),
        );
        expect(whole.join('\n')).toBe(textOf(area));
        for (const one of shown)
          if (one.characters.length > 1)
            expect(widthOf(one.characters.join('').trimEnd())).toBeLessThanOrEqual(width);
        const line = shown[cursorLine(area, shown)];
        expect(line?.row).toBe(area.row);
        expect(area.column - (line?.from ?? 0)).toBeLessThanOrEqual(line?.characters.length ?? 0);
      }),
    );
  });
});
