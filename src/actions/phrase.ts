import { printable } from '../engine/printable.ts';

/**
 * Is this the confirmation phrase, exactly? Both count as they are shown: what no keyboard has, such as a control
 * character in a slug, is typed the way the screen spells it (`\u{1b}`).
 */
export function isPhrase(typed: string, phrase: string): boolean {
  return printable(typed) === printable(phrase);
}

/** Said where the phrase is asked for; '' for one that any keyboard types. */
export function spellingNote(phrase: string): string {
  return printable(phrase) === phrase ? '' : 'letter by letter, as it is spelled here';
}
