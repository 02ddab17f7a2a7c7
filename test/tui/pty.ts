import { fileURLToPath } from 'node:url';
import { type IPty, spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { expect } from 'vitest';

/** The built program in a real pseudo-terminal, seen through a terminal emulator. */

const main = process.env.TENANT_DR_MAIN ?? fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface PtyOptions {
  cwd: string;
  columns?: number;
  rows?: number;
  env?: Record<string, string>;
}

export class Pty {
  readonly process: IPty;
  readonly #terminal: xterm.Terminal;
  #resized = false;
  /** The screen's text, until more is written: waiting asks for it again and again. */
  #shown: string | undefined;
  /** Every line that went on in the next row because it was wider than the screen. */
  readonly tooWide: string[] = [];
  /** Everything the program wrote. */
  raw = '';
  /** Exit code, and the signal that ended it; null while it runs. */
  ended: { exit: number; signal: number } | null = null;

  constructor(words: string[], { cwd, columns = 80, rows = 24, env = {} }: PtyOptions) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 500 });
    this.process = spawn(process.execPath, [main, ...words], {
      cols: columns,
      rows,
      cwd,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: cwd,
        TERM: 'xterm-256color',
        LANG: 'C.UTF-8',
        TZ: 'UTC',
        ...env,
      },
    });
    this.process.onData((data) => {
      this.raw += data;
      this.#terminal.write(data, () => {
        this.#shown = undefined;
        this.#noteWrapped();
      });
    });
    this.process.onExit(({ exitCode, signal }) => {
      this.ended = { exit: exitCode, signal: signal ?? 0 };
    });
  }

  /** Lines of the screen, and before it what has scrolled away. */
  lines(): string[] {
    const { active } = this.#terminal.buffer;
    return Array.from(
      { length: active.length },
      (_, row) => active.getLine(row)?.translateToString(true) ?? '',
    );
  }

  text(): string {
    this.#shown ??= this.lines().join('\n');
    return this.#shown;
  }

  /** The alternate screen is up: the program has the terminal. */
  get fullScreen(): boolean {
    return this.#terminal.buffer.active.type === 'alternate';
  }

  type(keys: string): void {
    this.process.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#resized = true;
    this.#terminal.resize(columns, rows);
    this.#shown = undefined;
    this.process.resize(columns, rows);
  }

  /** Waits until the screen shows something; fails with the screen when it does not come. */
  async shows(wanted: string | RegExp): Promise<void> {
    const there = (): boolean =>
      typeof wanted === 'string' ? this.text().includes(wanted) : wanted.test(this.text());
    await this.#until(there, `expected to see ${wanted}`);
  }

  async ends(): Promise<{ exit: number; signal: number }> {
    await this.#until(() => this.ended !== null, 'expected the program to end');
    // What it wrote last may still be on its way through the emulator.
    await new Promise((resolve) => setTimeout(resolve, 50));
    return this.ended ?? { exit: -1, signal: -1 };
  }

  kill(signal: string): void {
    if (!this.ended) this.process.kill(signal);
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + 120_000;
    while (!condition()) {
      if (performance.now() > deadline) expect.fail(`${what}; the screen shows:\n${this.text()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #noteWrapped(): void {
    const { active } = this.#terminal.buffer;
    // Before the screen is taken, lines may be as long as they like; a frame may be late for a changed size.
    if (active.type !== 'alternate' || this.#resized) return;
    for (let row = 0; row < this.#terminal.rows; row++) {
      const line = active.getLine(active.baseY + row);
      if (line?.isWrapped) this.tooWide.push(line.translateToString(true));
    }
  }
}
