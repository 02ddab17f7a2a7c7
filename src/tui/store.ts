/**
 * A value the screen watches. Progress arrives thousands of times a second: it is gathered and shown at most
 * every 50 ms. What an operator must see at once (a step's start or end, a question) is set with `flush`.
 */
export interface Store<T> {
  get: () => T;
  subscribe: (listener: () => void) => () => void;
  /** Changes the value; listeners hear of it within 50 ms. */
  set: (change: (value: T) => T) => void;
  /** Changes the value; listeners hear of it now. */
  flush: (change?: (value: T) => T) => void;
  /** Drops a pending notice, for leaving. */
  close: () => void;
}

export const coalesceMs = 50;

export function createStore<T>(initial: T): Store<T> {
  let pending = initial;
  let shown = initial;
  let timer: NodeJS.Timeout | undefined;
  const listeners = new Set<() => void>();
  const flush = (change?: (value: T) => T): void => {
    if (change) pending = change(pending);
    clearTimeout(timer);
    timer = undefined;
    if (shown === pending) return;
    shown = pending;
    for (const listener of listeners) listener();
  };
  return {
    get: () => shown,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    set: (change) => {
      pending = change(pending);
      timer ??= setTimeout(() => flush(), coalesceMs);
    },
    flush,
    close: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
