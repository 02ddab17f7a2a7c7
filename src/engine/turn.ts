import { setImmediate as nextTurn } from 'node:timers/promises';

/** Long work stops for other work (keys, clocks, a signal) after this long. */
const turnMilliseconds = 12;

let ends = 0;
let next: Promise<void> | undefined;

/**
 * Resolves at once, or after other work had its turn where this one has lasted long enough. All who ask share the
 * turn: however many read at the same time, together they take no longer than one.
 */
export async function breathe(): Promise<void> {
  if (performance.now() < ends) return;
  next ??= nextTurn().then(() => {
    ends = performance.now() + turnMilliseconds;
    next = undefined;
  });
  await next;
}
