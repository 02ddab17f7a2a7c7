import { createRequire } from 'node:module';

/**
 * Everything that could move the cursor, recolour, hide or reorder text on a terminal: control characters,
 * format characters (bidi overrides, zero width), line separators, lone surrogates, ignorable fillers.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Plain ASCII needs no further look. */
const harmless = /^[\x20-\x7e]*$/;

/** One column each on every terminal: the letters of Europe, and the dashes, arrows and boxes this tool draws with. */
const narrow =
  /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u0386-\u0482\u048a-\u052f\u2010-\u2027\u2190-\u2193\u2500-\u259f\u2713]*$/;

const spelled: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Text from a database, a file or a command line, safe to show on one line of a terminal: what is unsafe is
 * written out as `\n`, `\u{1b}`, `\u{202e}` and so on. Letters of every script, accents and emoji stay.
 * Doing it twice changes nothing more.
 */
export function printable(text: string): string {
  if (harmless.test(text)) return text;
  return text.replace(unsafe, (character, offset: number) =>
    belongsToEmoji(text, character, offset) ? character : escaped(character),
  );
}

function escaped(character: string): string {
  return spelled[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** Variation selectors and joiners are harmless right after a pictograph, and part of it. */
function belongsToEmoji(text: string, character: string, offset: number): boolean {
  if (character !== '\u200d' && character !== '\ufe0f') return false;
  const before = text.slice(Math.max(0, offset - 3), offset);
  return /[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Emoji_Component}]\ufe0f?$/u.test(before);
}

/** Columns the text takes on a terminal, once made printable. */
export function widthOf(text: string): number {
  return columns(printable(text));
}

type Width = (text: string) => number;
let measured: Width | null = null;

/** What measures all scripts takes as long to load as a small command to run: most text does without. */
function columns(text: string): number {
  if (narrow.test(text)) return text.length;
  measured ??= (createRequire(import.meta.url)('string-width') as { default: Width }).default;
  return measured(text);
}

/**
 * Makes text printable and exactly `width` columns wide: cut at a whole character with `…`, or padded with
 * spaces at the end (`left`) or the beginning (`right`).
 */
export function fitted(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const shown = cut(text, width);
  const padding = ' '.repeat(Math.max(0, width - columns(shown)));
  return align === 'left' ? shown + padding : padding + shown;
}

/** Makes text printable and at most `width` columns wide, ending in `…` where something was left out. */
export function cut(text: string, width: number): string {
  const safe = printable(text);
  if (columns(safe) <= width) return safe;
  let kept = '';
  let used = 0;
  for (const { segment } of new Intl.Segmenter().segment(safe)) {
    const next = columns(segment);
    if (used + next > width - 1) break;
    kept += segment;
    used += next;
  }
  return width < 1 ? '' : `${kept}…`;
}

/** Makes text printable and breaks it at spaces, or inside a word longer than a line, into lines of `width`. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (columns(joined) <= width) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    const pieces = broken(word, width);
    line = pieces.pop() ?? '';
    lines.push(...pieces);
  }
  return [...lines, line];
}

function broken(word: string, width: number): string[] {
  const pieces = [''];
  for (const { segment } of new Intl.Segmenter().segment(word)) {
    const last = pieces.at(-1) ?? '';
    if (last !== '' && columns(last + segment) > width) pieces.push(segment);
    else pieces[pieces.length - 1] = last + segment;
  }
  return pieces;
}
