import fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { cut, fitted, printable, widthOf, wrapped } from '../../src/engine/printable.ts';

test.each([
  ['terminal escapes', 'a\u001b[31mred\u001b[0m', 'a\\u{1b}[31mred\\u{1b}[0m'],
  ['the one-character CSI', '\u009b2J', '\\u{9b}2J'],
  ['line breaks and tabs', 'a\nb\r\tc', 'a\\nb\\r\\tc'],
  ['NUL, backspace and DEL', 'a\u0000\b\u007f', 'a\\u{0}\\u{8}\\u{7f}'],
  ['right-to-left overrides and isolates', 'gpj\u202eexe\u2066x\u2069', 'gpj\\u{202e}exe\\u{2066}x\\u{2069}'],
  ['zero width characters', 'ac\u200bme\ufeff\u200d', 'ac\\u{200b}me\\u{feff}\\u{200d}'],
  ['lone surrogates', 'x\ud800y\udc00', 'x\\u{d800}y\\u{dc00}'],
  ['line separators', 'a\u2028b\u2029', 'a\\u{2028}b\\u{2029}'],
  ['fillers that look like nothing', 'a\u3164b\u115f', 'a\\u{3164}b\\u{115f}'],
])('%s are written out', (_what, text, shown) => {
  expect(printable(text)).toBe(shown);
});

test.each([
  'Northwind Labs',
  'Ünïcödé',
  'مستأجر',
  'テナント',
  '租户',
  '👩‍🚀 space',
  '❤️',
  'a\u0301',
  "x'; DROP TABLE tenants; --",
])('letters, accents and emoji stay: %s', (text) => {
  expect(printable(text)).toBe(text);
});

test('every character below the ideographs has the width that string-width gives it', () => {
  const wrong: string[] = [];
  for (let code = 0x20; code < 0x2e80; code++) {
    const text = `a${String.fromCharCode(code)}b`;
    if (printable(text) === text && widthOf(text) !== stringWidth(text)) wrong.push(code.toString(16));
  }
  expect(wrong).toEqual([]);
});

test('doing it twice changes nothing more', () => {
  const text = 'a\u001b]0;title\u0007\u202e\ud800';
  expect(printable(printable(text))).toBe(printable(text));
});

test('text is cut at whole characters, and padded on the side asked for', () => {
  expect(fitted('agents', 8)).toBe('agents  ');
  expect(fitted('12', 5, 'right')).toBe('   12');
  expect(fitted('audit_messages', 8)).toBe('audit_m…');
  expect(cut('テナント', 5)).toBe('テナ…');
  expect(widthOf(fitted('テナント', 6))).toBe(6);
  expect(cut('👩‍🚀👩‍🚀', 3)).toBe('👩‍🚀…');
  expect(cut('abc', 0)).toBe('');
});

test('an escape sequence cannot hide in text that is cut', () => {
  expect(fitted('\u001b[2J', 20)).toBe('\\u{1b}[2J           ');
});

/** What a terminal acts on instead of showing it. */
const actedOn = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\ufeff]/u;

test('of any text, what is shown holds nothing a terminal acts on, and is safe to show again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = printable(text);
      expect(shown).not.toMatch(actedOn);
      expect(printable(shown)).toBe(shown);
    }),
    { numRuns: 2000 },
  );
});

test('of any text, a cell is exactly as wide as asked for, and wrapping loses no word', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 8, max: 30 }), (text, width) => {
      expect(widthOf(fitted(text, width))).toBe(width);
      const lines = wrapped(text, width);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
      expect(lines.join('').replaceAll(' ', '')).toBe(printable(text).replaceAll(' ', ''));
    }),
    { numRuns: 1000 },
  );
});
