/**
 * What a screen is made of: lines of toned text. Views are pure functions that return lines, so that their
 * width can be checked without a terminal and the same lines serve colour, NO_COLOR, ASCII and screen reader.
 */

/** What a piece of text means; the theme decides what that looks like. Never the only carrier of a meaning. */
export type Tone =
  | 'plain'
  | 'muted'
  | 'strong'
  | 'good'
  | 'warning'
  | 'bad'
  | 'accent'
  | 'selected'
  | 'live'
  | 'harmless';

export interface Span {
  text: string;
  tone: Tone;
}

export type Line = readonly Span[];

/** A piece of text for `line`: a bare string is plain. */
export type Piece = string | Span | null | undefined | false;

export function span(text: string, tone: Tone): Span {
  return { text, tone };
}

/** Puts pieces one after the other, leaving out what is empty. */
export function line(...pieces: Piece[]): Line {
  const spans: Span[] = [];
  for (const piece of pieces) {
    if (piece === null || piece === undefined || piece === false || piece === '') continue;
    spans.push(typeof piece === 'string' ? { text: piece, tone: 'plain' } : piece);
  }
  return spans;
}

export const blank: Line = [];

/** The characters of a line without their tones. */
export function plain(of: Line): string {
  return of.map((piece) => piece.text).join('');
}
