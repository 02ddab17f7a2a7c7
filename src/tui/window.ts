/**
 * A long list of which only a window is drawn: the cursor, and the first row shown. ink-select-input turns its
 * list round when it is longer than the screen, which would tear an order that means something (backups by
 * time, tenants by tier), so long lists use this and short choices use ink-select-input.
 */
export interface Window {
  /** Marked row; -1 marks none. */
  cursor: number;
  top: number;
}

export const noneMarked: Window = { cursor: -1, top: 0 };
export const firstMarked: Window = { cursor: 0, top: 0 };

/** Keeps the window inside a list of `length` rows of which `height` are shown. */
export function settle(window: Window, length: number, height: number): Window {
  const cursor = Math.min(window.cursor, length - 1);
  const rows = Math.max(1, height);
  let top = Math.min(window.top, Math.max(0, length - rows));
  if (cursor >= 0 && cursor < top) top = cursor;
  if (cursor >= top + rows) top = cursor - rows + 1;
  return { cursor, top: Math.max(0, top) };
}

/** What a movement key does. From an unmarked list, down marks the first row shown and up the last. */
export function moveWindow(window: Window, key: string, length: number, height: number): Window {
  if (length === 0) return window;
  const rows = Math.max(1, height);
  const from = window.cursor;
  const to = ((): number => {
    switch (key) {
      case 'up':
        return from < 0 ? Math.min(length, window.top + rows) - 1 : from - 1;
      case 'down':
        return from < 0 ? window.top : from + 1;
      case 'pageup':
        return from - rows;
      case 'pagedown':
        return from + rows;
      case 'home':
        return 0;
      case 'end':
        return length - 1;
      default:
        return from;
    }
  })();
  return settle({ ...window, cursor: Math.min(length - 1, Math.max(0, to)) }, length, rows);
}

/** Scrolls a text: the cursor plays no part. */
export function scrollTop(top: number, key: string, length: number, height: number): number {
  const last = Math.max(0, length - height);
  const step: Record<string, number> = {
    up: -1,
    down: 1,
    pageup: -(height - 1),
    pagedown: height - 1,
    home: -length,
    end: length,
  };
  return Math.min(last, Math.max(0, Math.min(top, last) + (step[key] ?? 0)));
}
