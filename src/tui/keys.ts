import { type KeyBinding, keyTable } from './key-table.ts';

/** Key presses and what they are called; the keys themselves are in key-table.ts. */

export type ScreenName = keyof typeof keyTable;
export type ActionOf<S extends ScreenName> = (typeof keyTable)[S][number]['action'];

/** A key that does nothing now, and why. */
export interface Disabled {
  because: string;
}
export type Handler = ((key: string) => void) | Disabled;
/** A handler for every key of a screen; help is the same everywhere and needs none. */
export type Handlers<S extends ScreenName> = Record<Exclude<ActionOf<S>, 'help'>, Handler>;

export function disabled(because: string): Disabled {
  return { because };
}

/** Going back, where there is something to go back to. */
export function backOr(onBack: (() => void) | undefined): Handler {
  return onBack ?? disabled('this question needs an answer; ctrl+c leaves');
}

export function isDisabled(handler: Handler | undefined): handler is Disabled {
  return typeof handler === 'object';
}

/** What Ink says about a key press, as far as we use it. */
export interface KeyPress {
  upArrow: boolean;
  downArrow: boolean;
  leftArrow: boolean;
  rightArrow: boolean;
  pageDown: boolean;
  pageUp: boolean;
  home: boolean;
  end: boolean;
  return: boolean;
  escape: boolean;
  ctrl: boolean;
  tab: boolean;
  backspace: boolean;
  delete: boolean;
  meta: boolean;
}

/** One name for one key: 'up', 'return', 'ctrl+c', 'p', ' ', '?'; '' for what we do not know. */
export function nameOfKey(input: string, key: KeyPress): string {
  if (key.upArrow) return 'up';
  if (key.downArrow) return 'down';
  if (key.leftArrow) return 'left';
  if (key.rightArrow) return 'right';
  if (key.pageUp) return 'pageup';
  if (key.pageDown) return 'pagedown';
  if (key.home) return 'home';
  if (key.end) return 'end';
  if (key.return) return 'return';
  if (key.escape) return 'escape';
  if (key.tab) return 'tab';
  // Terminals send DEL for the key that erases to the left; Ink calls it delete.
  if (key.backspace || key.delete) return 'backspace';
  if (key.ctrl) return `ctrl+${input}`;
  if (key.meta) return '';
  return input;
}

/** The binding a key has on a screen. */
export function bindingFor(screen: ScreenName, name: string): KeyBinding | undefined {
  const bindings: readonly KeyBinding[] = keyTable[screen];
  return bindings.find((binding) => binding.keys.includes(name));
}
