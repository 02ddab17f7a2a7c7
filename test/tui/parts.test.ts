import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { toAscii } from '../../src/tui/ascii.ts';
import { editField, emptyField, fieldOf, insert } from '../../src/tui/field.ts';
import { clock, inWords, limit } from '../../src/tui/format.ts';
import { keyTable } from '../../src/tui/key-table.ts';
import {
  beside,
  clip,
  clipStart,
  fit as cutTo,
  lineWidth,
  pad,
  spread,
  table,
  widthOf,
  wrap,
} from '../../src/tui/layout.ts';
import { line, plain, span } from '../../src/tui/line.ts';
import { keysIn } from '../../src/tui/paced-input.ts';
import { createStore } from '../../src/tui/store.ts';
import { themeFrom } from '../../src/tui/theme.ts';
import { moveWindow, noneMarked, settle } from '../../src/tui/window.ts';

const anyText = fc.string({ unit: 'grapheme', maxLength: 60 });
const width = fc.integer({ min: 0, max: 90 });

describe('layout', () => {
  it('never makes a text wider than asked, whatever it is made of', () => {
    fc.assert(
      fc.property(anyText, width, (text, size) => {
        expect(widthOf(clip(text, size))).toBeLessThanOrEqual(size);
        expect(widthOf(clipStart(text, size))).toBeLessThanOrEqual(size);
        expect(lineWidth(cutTo(line(text, span(text, 'bad')), size))).toBeLessThanOrEqual(size);
      }),
    );
  });

  it('fills a padded cell exactly, also when a wide character does not fit at its end', () => {
    fc.assert(
      fc.property(anyText, width, (text, size) => {
        expect(widthOf(pad(text, size))).toBe(size);
      }),
    );
  });

  it('puts two columns beside each other without either reaching over', () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 4 }), fc.array(anyText, { maxLength: 4 }), (left, right) => {
        for (const row of beside(
          left.map((text) => line(text)),
          right.map((text) => line(text)),
          30,
          80,
        )) {
          expect(lineWidth(row)).toBeLessThanOrEqual(80);
        }
      }),
    );
  });

  it('keeps the right side of a spread line whole', () => {
    expect(plain(spread(line('a very long beginning that has to give way'), line('LIVE'), 20))).toMatch(
      /… LIVE$/,
    );
  });

  it('wraps at spaces and cuts only words that are wider than the line', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('unbreakable', 4)).toEqual(['unbr', 'eaka', 'ble']);
  });

  it('lets the growing column of a table give way', () => {
    const rows = table(
      [
        { title: 'name', grows: true },
        { title: 'rows', align: 'right' },
      ],
      [['x'.repeat(100), '12']],
      30,
    );
    expect(rows.map(lineWidth).every((size) => size <= 30)).toBe(true);
    expect(plain(rows[1] ?? [])).toMatch(/… {2,}12$/);
  });
});

describe('ASCII mode', () => {
  it('gives every text back with the same width and nothing but ASCII', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const drawn = toAscii(text);
        expect(drawn).toMatch(/^[\x20-\x7e]*$/);
        expect(drawn.length).toBe(widthOf(text));
      }),
    );
  });

  it('has a lookalike for every mark the screens draw', () => {
    expect(toAscii('▶ ✓ ✗ ⊘ ○ ▓░ ─│ … · ≈ → ↑↓')).not.toContain('?');
  });

  it('is chosen by a locale that is not UTF-8, and not by a missing one', () => {
    expect(themeFrom({ LANG: 'de_DE.ISO-8859-1' }).ascii).toBe(true);
    expect(themeFrom({}).ascii).toBe(false);
    expect(themeFrom({ LANG: 'C.UTF-8', TENANT_DR_ASCII: '1' }).ascii).toBe(true);
  });
});

describe('theme', () => {
  it('uses no colour at all under NO_COLOR', () => {
    const { style } = themeFrom({ NO_COLOR: '1' });
    const tones = [
      'plain',
      'muted',
      'strong',
      'good',
      'warning',
      'bad',
      'accent',
      'selected',
      'live',
      'harmless',
    ] as const;
    for (const tone of tones) expect(style(tone).color).toBeUndefined();
  });
});

describe('a field', () => {
  it('takes a paste with line breaks as one line and drops the last one', () => {
    expect(insert(emptyField, 'north\nwind\r\n').value).toBe('north wind');
  });

  it('keeps spaces at the end of what is typed, so that a padded phrase stays wrong', () => {
    expect(insert(emptyField, 'northwind ').value).toBe('northwind ');
  });

  it('lets control characters nowhere', () => {
    expect(insert(emptyField, 'a\u001b[31mb\u0007').value).toBe('a[31mb');
  });

  it('erases whole characters, also those made of several code points', () => {
    expect(editField(fieldOf('ab👩‍💻'), 'backspace').value).toBe('ab');
  });

  it('inserts at the cursor', () => {
    const moved = editField(editField(fieldOf('nrth'), 'home'), 'right');
    expect(insert(moved, 'o').value).toBe('north');
  });
});

describe('a window on a long list', () => {
  it('marks nothing at first, then the first row shown', () => {
    expect(moveWindow(noneMarked, 'down', 100, 10).cursor).toBe(0);
  });

  it('always shows the cursor and never runs past an end', () => {
    const key = fc.constantFrom('up', 'down', 'pageup', 'pagedown', 'home', 'end');
    fc.assert(
      fc.property(
        fc.array(key),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 20 }),
        (keys, length, height) => {
          let window = noneMarked;
          for (const one of keys) {
            window = moveWindow(window, one, length, height);
            expect(window.cursor).toBeGreaterThanOrEqual(0);
            expect(window.cursor).toBeLessThan(length);
            expect(window.cursor - window.top).toBeLessThan(height);
            expect(window.cursor).toBeGreaterThanOrEqual(window.top);
          }
        },
      ),
    );
  });

  it('follows a list that became shorter and a terminal that became lower', () => {
    expect(settle({ cursor: 40, top: 35 }, 5, 10)).toEqual({ cursor: 4, top: 0 });
    expect(settle({ cursor: 9, top: 0 }, 100, 4)).toEqual({ cursor: 9, top: 6 });
  });
});

describe('keys', () => {
  it('that arrive together are taken apart, each control sequence whole', () => {
    expect(keysIn('\u001b[B\u001b[B\r')).toEqual(['\u001b[B', '\u001b[B', '\r']);
    expect(keysIn('ab\u0015c\u007f')).toEqual(['a', 'b', '\u0015', 'c', '\u007f']);
  });

  it('of a paste stay together, with everything in it', () => {
    const paste = '\u001b[200~north\nwind\u001b[B\u001b[201~';
    expect(keysIn(`${paste}\r`)).toEqual([paste, '\r']);
  });

  it('lose nothing, whatever arrives', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (chunk) => {
        expect(keysIn(chunk).join('')).toBe(chunk);
      }),
    );
  });

  it('gives no key two meanings on one screen', () => {
    for (const bindings of Object.values(keyTable)) {
      const names = bindings.flatMap((binding) => [...binding.keys]);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it('explains every key and offers a way out of every screen', () => {
    for (const bindings of Object.values(keyTable)) {
      for (const binding of bindings) expect(binding.help).toMatch(/\.$/);
      expect(bindings.some((binding) => binding.action === 'quit')).toBe(true);
    }
  });
});

describe('the store', () => {
  it('gathers changes and shows the last of them once', async () => {
    const store = createStore(0);
    let notices = 0;
    store.subscribe(() => notices++);
    for (let value = 1; value <= 5000; value++) store.set(() => value);
    expect(store.get()).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(store.get()).toBe(5000);
    expect(notices).toBe(1);
  });

  it('shows at once what must be seen at once, with everything gathered before it', () => {
    const store = createStore({ progress: 0, step: 'a' });
    store.set((value) => ({ ...value, progress: 7 }));
    store.flush((value) => ({ ...value, step: 'b' }));
    expect(store.get()).toEqual({ progress: 7, step: 'b' });
  });
});

describe('times', () => {
  it('reads like a clock, with hours only where there are some', () => {
    expect([clock(521), clock(3727), clock(-65)]).toEqual(['8:41', '1:02:07', '-1:05']);
  });

  it('says policy figures as people write them', () => {
    expect([limit(1800), limit(3600), limit(86400), limit(604800)]).toEqual(['30m', '1h', '24h', '7d']);
  });

  it('says durations in the largest unit that still means something', () => {
    expect([inWords(45), inWords(3120), inWords(11400), inWords(200000)]).toEqual([
      '45 s',
      '52 min',
      '3 h 10 min',
      '2 d 7 h',
    ]);
  });

  it('measures as the terminal does', () => expect(widthOf('日本')).toBe(stringWidth('日本')));
});
