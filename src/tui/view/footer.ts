import { type KeyBinding, keyTable } from '../key-table.ts';
import { type Handler, type Handlers, isDisabled, type ScreenName } from '../keys.ts';
import { fit, lineWidth } from '../layout.ts';
import { type Line, line, span } from '../line.ts';

/** The key line. Keys that do nothing now are dimmed and in brackets; pressing one says why. */
export function footerLine<S extends ScreenName>(
  screen: S,
  handlers: Partial<Handlers<S>>,
  width: number,
  left = '',
): Line {
  const bindings: readonly KeyBinding[] = keyTable[screen];
  const handlerOf = handlers as Record<string, Handler | undefined>;
  const parts = bindings.flatMap((binding, place) => {
    const handler = handlerOf[binding.action];
    if (binding.label === '' || (handler === undefined && binding.action !== 'help')) return [];
    const drawn: Line = isDisabled(handler)
      ? [span(`(${binding.shown} ${binding.label})  `, 'muted')]
      : [span(binding.shown, 'strong'), span(` ${binding.label}  `, 'plain')];
    return [{ place, drawn, rank: rankOf(binding, handler) }];
  });
  const start = line(' ', left && span(`${left}  `, 'muted'));
  // Whole keys only, the most needed first: help lists them all. The last one's trailing spaces may be cut.
  let room = width + 2 - lineWidth(start);
  const kept = new Set<number>();
  for (const part of [...parts].sort((a, b) => a.rank - b.rank || a.place - b.place)) {
    const size = lineWidth(part.drawn);
    if (size > room) continue;
    room -= size;
    kept.add(part.place);
  }
  // Where keys had to go, the help says that there are more.
  const missing = parts.length > kept.size;
  const drawn = parts
    .filter((part) => kept.has(part.place))
    .flatMap((part) => part.drawn)
    .map((piece) => (missing && piece.text === ' help  ' ? span(' more  ', piece.tone) : piece));
  const last = drawn.pop();
  return fit([...start, ...drawn, ...(last ? [span(last.text.trimEnd(), last.tone)] : [])], width);
}

/** The way out and the help are always in sight; what does nothing now gives way first. */
function rankOf(binding: KeyBinding, handler: Handler | undefined): number {
  if (binding.action === 'quit' || binding.action === 'help') return 0;
  return isDisabled(handler) ? 2 : 1;
}
