/**
 * Pulls exact amounts of bytes out of a stream of chunks, without copying while a chunk lasts. What it hands out, like
 * the chunks themselves, is valid until the next is asked for.
 */
export class ByteSource {
  /** Bytes handed out so far. */
  position = 0;
  readonly #chunks: AsyncIterator<Buffer>;
  #current: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `count` bytes, fewer only at the end of the stream. */
  async upTo(count: number): Promise<Buffer> {
    while (this.#current.length < count) {
      // Copied before the next chunk is asked for: that may use the same memory.
      const start = Buffer.from(this.#current);
      const next = await this.#chunks.next();
      if (next.done) {
        this.#current = start;
        break;
      }
      this.#current = start.length === 0 ? next.value : Buffer.concat([start, next.value]);
    }
    const taken = this.#current.subarray(0, count);
    this.#current = this.#current.subarray(taken.length);
    this.position += taken.length;
    return taken;
  }

  /** Everything that is left, chunk by chunk. Returns false: bare bytes carry no hash of their content. */
  async *rest(): AsyncGenerator<Buffer, boolean> {
    if (this.#current.length > 0) yield await this.upTo(this.#current.length);
    for (;;) {
      const next = await this.#chunks.next();
      if (next.done) return false;
      this.position += next.value.length;
      yield next.value;
    }
  }
}
