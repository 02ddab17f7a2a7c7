import { EventEmitter } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import xterm from '@xterm/headless';
import type { ReactNode } from 'react';
import { expect } from 'vitest';
import { renderScreen } from '../../src/tui/render.tsx';

/** A terminal that exists only in memory: the real Ink app draws into a real terminal emulator. */

export interface VirtualTerminal {
  /** The screen as lines, without trailing spaces. */
  lines(): string[];
  text(): string;
  type(keys: string): void;
  paste(text: string): void;
  resize(columns: number, rows: number): Promise<void>;
  /** Waits until the screen shows something; fails with the screen when it does not come. */
  shows(wanted: string | RegExp): Promise<void>;
  hides(unwanted: string | RegExp): Promise<void>;
  /** True while the alternate screen is up. */
  alternate(): boolean;
  leave(): Promise<void>;
  done: Promise<void>;
  /** Every line ever drawn wider than the terminal: it went on in the next row. */
  tooWide: string[];
  /** The same for what is on the screen now. */
  wrapped(): string[];
  /** Everything written, escape sequences included. */
  raw(): string;
  /** Another program has the terminal for a while: it writes, and leaves its own mode behind. */
  lose(written: string): void;
  /** Whether keys arrive one by one. */
  rawMode(): boolean;
}

class Screen extends Writable {
  isTTY = true;
  columns: number;
  rows: number;
  readonly terminal: xterm.Terminal;
  readonly tooWide: string[] = [];
  raw = '';

  constructor(columns: number, rows: number) {
    super({ decodeStrings: false });
    this.columns = columns;
    this.rows = rows;
    this.terminal = new xterm.Terminal({
      cols: columns,
      rows,
      allowProposedApi: true,
      scrollback: 100,
      convertEol: true,
    });
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.raw += chunk.toString();
    this.terminal.write(chunk.toString(), () => {
      this.#noteWrapped();
      done();
    });
  }

  #noteWrapped(): void {
    this.tooWide.push(...this.wrapped());
  }

  wrapped(): string[] {
    const { active } = this.terminal.buffer;
    return Array.from({ length: this.rows }, (_, row) => active.getLine(active.baseY + row))
      .filter((line) => line?.isWrapped)
      .map((line) => line?.translateToString(true) ?? '');
  }
}

class Keyboard extends PassThrough {
  isTTY = true;
  /** As libuv does: asked for the mode it believes to have, it does nothing. */
  believed = false;
  actual = false;
  setRawMode(raw: boolean): this {
    if (raw !== this.believed) this.actual = raw;
    this.believed = raw;
    return this;
  }
  override setEncoding(encoding: BufferEncoding): this {
    return super.setEncoding(encoding);
  }
  ref(): void {}
  unref(): void {}
}

export const keys = {
  enter: '\r',
  escape: '\u001b',
  up: '\u001b[A',
  down: '\u001b[B',
  right: '\u001b[C',
  left: '\u001b[D',
  pageDown: '\u001b[6~',
  backspace: '\u007f',
  ctrlC: '\u0003',
  ctrlU: '\u0015',
} as const;

export interface TerminalOptions {
  columns?: number;
  rows?: number;
  env?: Record<string, string>;
  now?: () => Date;
}

export function open(tree: ReactNode, options: TerminalOptions = {}): VirtualTerminal {
  const screen = new Screen(options.columns ?? 80, options.rows ?? 24);
  const keyboard = new Keyboard();
  const rendered = renderScreen(tree, {
    stdin: keyboard as unknown as NodeJS.ReadStream,
    stdout: screen as unknown as NodeJS.WriteStream,
    stderr: new EventEmitter() as NodeJS.WriteStream,
    env: { LANG: 'C.UTF-8', ...options.env },
    now: options.now ?? (() => new Date()),
  });
  rendered.done.catch(() => {});
  const lines = (): string[] => {
    const { buffer, rows } = screen.terminal;
    return Array.from(
      { length: rows },
      (_, row) => buffer.active.getLine(buffer.active.baseY + row)?.translateToString(true) ?? '',
    );
  };
  const text = (): string => lines().join('\n');
  const matches = (wanted: string | RegExp): boolean =>
    typeof wanted === 'string' ? text().includes(wanted) : wanted.test(text());
  const until = async (condition: () => boolean, what: string): Promise<void> => {
    const deadline = performance.now() + 5000;
    while (!condition()) {
      if (performance.now() > deadline) expect.fail(`${what}; the screen shows:\n${text()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return {
    lines,
    text,
    tooWide: screen.tooWide,
    wrapped: () => screen.wrapped(),
    raw: () => screen.raw,
    lose: (written) => {
      screen.terminal.write(written);
      keyboard.actual = false;
    },
    rawMode: () => keyboard.actual,
    type: (typed) => void keyboard.write(typed),
    paste: (pasted) => void keyboard.write(`\u001b[200~${pasted}\u001b[201~`),
    resize: async (columns, rows) => {
      screen.columns = columns;
      screen.rows = rows;
      screen.terminal.resize(columns, rows);
      screen.emit('resize');
      await new Promise((resolve) => setTimeout(resolve, 60));
    },
    shows: (wanted) => until(() => matches(wanted), `expected to see ${wanted}`),
    hides: (unwanted) => until(() => !matches(unwanted), `expected not to see ${unwanted}`),
    alternate: () => screen.terminal.buffer.active.type === 'alternate',
    leave: async () => {
      rendered.leave();
      await rendered.done.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 20));
    },
    done: rendered.done,
  };
}
