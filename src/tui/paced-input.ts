import { Readable } from 'node:stream';

/**
 * Keys that arrive together (quick typing, a slow line, a script) are handed on one at a time, each after the
 * screen has followed the one before: "down, down, enter" must take the third entry, not the first. Pasted text
 * and long runs of plain text stay in one piece.
 */

const pieces =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the control sequences of a keyboard
  /\u001b\[200~[\s\S]*?\u001b\[201~|\u001b\u001b?\[[0-9;?<]*[ -/]*[@-~]|\u001bO[ -~]|\u001b[\s\S]?|[^\u0000-\u001f\u007f]+|[\s\S]/gu;

/** Longer runs of plain text were not typed key by key. */
const longestTyped = 64;

/** One piece a key. */
export function keysIn(chunk: string): string[] {
  return [...chunk.matchAll(pieces)].flatMap(([piece]) => {
    const plain = piece.charCodeAt(0) >= 32 && piece.charCodeAt(0) !== 127;
    return plain && piece.length <= longestTyped ? Array.from(piece) : [piece];
  });
}

type Keyboard = Pick<NodeJS.ReadStream, 'on' | 'off' | 'pause' | 'resume' | 'ref' | 'unref' | 'setRawMode'>;

/** A terminal's input, paced. Ink sees an ordinary terminal. */
export class PacedInput extends Readable {
  readonly isTTY = true;
  readonly #keyboard: Keyboard;
  readonly #waiting: string[] = [];
  #raw = false;
  #next: NodeJS.Immediate | undefined;
  readonly #take = (chunk: Buffer | string): void => {
    this.#waiting.push(...keysIn(chunk.toString()));
    this.#next ??= setImmediate(this.#hand);
  };
  readonly #hand = (): void => {
    const key = this.#waiting.shift();
    this.#next = key === undefined ? undefined : setImmediate(this.#hand);
    if (key !== undefined) this.push(key);
  };

  constructor(keyboard: Keyboard & { setEncoding: (encoding: BufferEncoding) => unknown }) {
    super();
    this.#keyboard = keyboard;
    // Whole characters, also where a chunk ends inside one.
    keyboard.setEncoding('utf8');
    keyboard.on('data', this.#take);
  }

  setRawMode(raw: boolean): this {
    this.#raw = raw;
    this.#keyboard.setRawMode(raw);
    // Without raw mode the terminal is somebody else's, an editor's: its keys must not be taken away from it.
    if (raw) this.#keyboard.resume();
    else this.#keyboard.pause();
    return this;
  }

  /** Raw mode again after another program had the terminal; false when it is not ours just now. */
  regain(): boolean {
    if (!this.#raw) return false;
    // Asked twice for the same mode, Node believes that nothing changed.
    this.setRawMode(false);
    this.setRawMode(true);
    return true;
  }

  ref(): this {
    this.#keyboard.ref();
    return this;
  }

  unref(): this {
    this.#keyboard.unref();
    return this;
  }

  override _read(): void {}

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearImmediate(this.#next);
    this.#keyboard.off('data', this.#take);
    this.#keyboard.pause();
    done(error);
  }
}
