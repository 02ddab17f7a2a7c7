/** Lets several who share a connection use it by turns: work of several statements is never mixed with another's. */
export class Turns {
  private readonly now: (() => Promise<void>)[] = [];
  private readonly later: (() => Promise<void>)[] = [];
  private serving = false;

  /** Runs `work` when its turn comes, in the order asked; `later`: when nothing else waits. */
  take<T>(work: () => Promise<T>, later = false): Promise<T> {
    return new Promise((resolve, reject) => {
      const queue = later ? this.later : this.now;
      queue.push(() => work().then(resolve, reject));
      void this.serve();
    });
  }

  private async serve(): Promise<void> {
    if (this.serving) return;
    this.serving = true;
    for (let next = this.next(); next; next = this.next()) await next();
    this.serving = false;
  }

  private next(): (() => Promise<void>) | undefined {
    return this.now.shift() ?? this.later.shift();
  }
}
