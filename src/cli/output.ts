import { styleText } from 'node:util';
import type { Progress } from '../engine/port.ts';
import { printable } from '../engine/printable.ts';
import { ProgressLine } from './progress.ts';

/** Where a program writes: process.stdout and process.stderr, or stand-ins in tests. */
export interface Sink {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';

export interface OutputOptions {
  stdout: Sink;
  stderr: Sink;
  json: boolean;
  env: Record<string, string | undefined>;
  now: () => number;
}

/**
 * The two channels of a command. stdout gets exactly one thing: the result, as text or as one JSON document.
 * stderr gets everything along the way: for a person lines and a progress line, with --json one JSON object
 * a line. Colour only where a person looks and NO_COLOR does not forbid it; it never carries meaning alone.
 */
export class Output {
  readonly json: boolean;
  /** Width to lay text out for; 80 where nobody looks. */
  readonly columns: number;
  /** Width for textTable: nothing is wrapped where nobody looks. */
  readonly tableWidth: number;
  readonly #options: OutputOptions;
  readonly #progress: ProgressLine;
  #held: string[] | null = null;

  constructor(options: OutputOptions) {
    this.json = options.json;
    this.columns = options.stdout.isTTY ? (options.stdout.columns ?? 80) : 80;
    this.tableWidth = options.stdout.isTTY ? this.columns : Number.POSITIVE_INFINITY;
    this.#options = options;
    this.#progress = new ProgressLine(options.stderr, options.now);
  }

  /** Colours result text meant for stdout, where that is wanted. */
  style(style: Style | Style[], text: string): string {
    return this.#coloured(this.#options.stdout) ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Something a person should see while it happens; values in it must be printable. */
  note(line: string): void {
    if (this.json) this.event('note', { text: line });
    else this.#line(line);
  }

  /** Something a person should act on; it stops nothing. */
  warn(message: string, hint?: string): void {
    if (this.json) this.event('warning', { message, hint });
    else this.#line(`${this.#onStderr('yellow', 'warning:')} ${message}${hint ? `\n  ${hint}` : ''}`);
  }

  /** How far the work is: a line that rewrites itself on a terminal, one line per phase elsewhere. */
  progress(progress: Progress): void {
    if (this.json) this.event('progress', { ...progress });
    else if (!this.#held) this.#progress.update(progress);
  }

  /** A machine-readable event; shown with --json only. */
  event(name: string, fields: Record<string, unknown>): void {
    if (this.json) this.#options.stderr.write(`${toJson({ event: name, ...fields })}\n`);
  }

  /** The failure, on stderr; with --json its document goes to stdout as well. */
  error(message: string, hint: string | undefined): void {
    if (this.json) {
      this.event('error', { message, hint });
      return;
    }
    const line = `${this.#onStderr('red', 'error:')} ${printableLines(message)}`;
    this.#line(hint ? `${line}\n  ${this.#onStderr('dim', 'hint:')} ${printableLines(hint)}` : line);
  }

  /** The result. Called once, last. */
  result(document: Record<string, unknown>, text: string): void {
    this.#progress.clear();
    const out = this.json ? toJson(document, 2) : text.trimEnd();
    if (out !== '') this.#options.stdout.write(`${out}\n`);
  }

  /**
   * While a full screen has the terminal, lines for a person wait; what is returned shows them and ends that.
   * Also ends a progress line, so that the screen begins at the left edge.
   */
  hold(): () => void {
    this.#progress.clear();
    const held: string[] = [];
    this.#held = held;
    return () => {
      this.#held = null;
      for (const text of held.splice(0)) this.#line(text);
    };
  }

  #line(text: string): void {
    if (this.#held) {
      this.#held.push(text);
      return;
    }
    this.#progress.clear();
    this.#options.stderr.write(`${text}\n`);
  }

  #onStderr(style: Style, text: string): string {
    return this.#coloured(this.#options.stderr) ? styleText(style, text, { validateStream: false }) : text;
  }

  #coloured(sink: Sink): boolean {
    const { env } = this.#options;
    return sink.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  }
}

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** Characters JSON leaves as they are although a terminal would act on them. */
const actedOn = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/**
 * JSON that is also safe to print: what a terminal would act on is written as \uXXXX, which reads back the
 * same. Integers beyond 2^53 become strings.
 */
export function toJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(
    value,
    (_key, item: unknown) => {
      if (typeof item !== 'bigint') return item;
      const number = Number(item);
      return Number.isSafeInteger(number) ? number : item.toString();
    },
    indent,
  );
  return text.replace(actedOn, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
