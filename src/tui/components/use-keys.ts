import { useInput, usePaste, useWindowSize } from 'ink';
import { useState } from 'react';
import { bindingFor, type Handler, type Handlers, isDisabled, nameOfKey, type ScreenName } from '../keys.ts';
import { fit, isTooSmall } from '../layout.ts';
import { type Line, line, span } from '../line.ts';
import { footerLine } from '../view/footer.ts';

/** Keys pressed before a question has been up this long were meant for what stood there before. */
export const typedAheadMs = 300;

const helpSteps: Record<string, number> = { up: -1, down: 1, pageup: -10, pagedown: 10, home: -1000 };

interface KeyOptions {
  width: number;
  /** What typed and pasted text does; without it text that is no key does nothing. */
  onText?: (text: string) => void;
  /** Drop keys for the first 300 ms. */
  guarded?: boolean;
  /** Stands at the beginning of the footer: step 3/5. */
  left?: string;
  /** False while another screen stands in front of this one. */
  active?: boolean;
}

/** What a screen shows of its keys. */
export interface Keys {
  /** The keys, or why the last one pressed does nothing. */
  footer: Line;
  /** The help, while it stands in front of the screen. */
  help: { screen: ScreenName; top: number } | null;
}

/**
 * Connects a screen's handlers with the key table. Handlers of keys that a component below takes care of (a
 * list) do nothing.
 */
export function useKeys<S extends ScreenName>(screen: S, handlers: Handlers<S>, options: KeyOptions): Keys {
  const [notice, setNotice] = useState('');
  const [helpTop, setHelpTop] = useState<number | null>(null);
  const [shownSince] = useState(() => performance.now());
  const unseen = isTooSmall(useWindowSize());
  const press = (name: string, text: string): void => {
    // Leaving is never dropped. Nothing else is an answer to what nobody can read.
    if (unseen && name !== 'ctrl+c') return;
    if (options.guarded && name !== 'ctrl+c' && performance.now() - shownSince < typedAheadMs) return;
    const binding = bindingFor(screen, name);
    if (notice !== '') setNotice('');
    if (helpTop !== null && name !== 'ctrl+c') {
      setHelpTop(
        /^(up|down|page|home|end)/.test(name) ? Math.max(0, helpTop + (helpSteps[name] ?? 0)) : null,
      );
      return;
    }
    if (binding?.action === 'help') {
      setHelpTop(0);
      return;
    }
    if (!binding) {
      if (text !== '') options.onText?.(text);
      return;
    }
    const handler = (handlers as Record<string, Handler>)[binding.action];
    if (handler === undefined) return;
    if (isDisabled(handler))
      setNotice(`${binding.shown}${binding.label && ` ${binding.label}`}: ${handler.because}`);
    else handler(name);
  };
  const typing = options.onText !== undefined;
  const active = options.active ?? true;
  useInput(
    (input, key) => {
      const name = nameOfKey(input, key);
      press(name, name === input ? input : '');
    },
    { isActive: active },
  );
  usePaste((text) => press('', text), { isActive: active && typing });

  if (helpTop !== null) {
    return { footer: line(span(' any key', 'strong'), ' goes back'), help: { screen, top: helpTop } };
  }
  const footer =
    notice === ''
      ? footerLine(screen, handlers, options.width, options.left)
      : fit(line(span(` ${notice}`, 'warning')), options.width);
  return { footer, help: null };
}
