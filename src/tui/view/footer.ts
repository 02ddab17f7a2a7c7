import { type KeyBinding, keyTable } from '../key-table.ts';
import { type Handler, type Handlers, isDisabled, type ScreenName } from '../keys.ts';
import { fit, lineWidth } from '../layout.ts';
import { type Line, line, type Span, span } from '../line.ts';

/** The key line. Keys that do nothing now are dimmed and in brackets; pressing one says why. */
export function footerLine<S extends ScreenName>(
  screen: S,
  handlers: Partial<Handlers<S>>,
  width: number,
  left = '',
): Line {
  const bindings: readonly KeyBinding[] = keyTable[screen];
  const handlerOf = handlers as Record<string, Handler | undefined>;
  const parts: Line[] = [];
  for (const binding of bindings) {
    const handler = handlerOf[binding.action];
    if (binding.label === '' || (handler === undefined && binding.action !== 'help')) continue;
    parts.push(
      isDisabled(handler)
        ? [span(`(${binding.shown} ${binding.label})`, 'muted')]
        : [span(binding.shown, 'strong'), span(` ${binding.label}`, 'plain')],
    );
  }
  const spans: Span[] = [...line(' ', left && span(`${left}  `, 'muted'))];
  // Whole keys only: half a key helps nobody, and `?` lists them all.
  for (const part of parts) {
    if (lineWidth(spans) + lineWidth(part) > width) continue;
    spans.push(...part, span('  ', 'plain'));
  }
  return fit(spans, width);
}
