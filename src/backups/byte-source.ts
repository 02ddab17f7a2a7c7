/** Pulls exact amounts of bytes out of a stream of chunks, without copying while a chunk lasts. */
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
      const next = await this.#chunks.next();
      if (next.done) break;
      this.#current = this.#current.length === 0 ? next.value : Buffer.concat([this.#current, next.value]);
    }
    const taken = this.#current.subarray(0, count);
    this.#current = this.#current.subarray(taken.length);
    this.position += taken.length;
    return taken;
  }
}
