import type { Progress } from '../engine/port.ts';
import { cut, printable } from '../engine/printable.ts';
import { bytesText, durationText } from './format.ts';
import type { Sink } from './output.ts';

const redrawMilliseconds = 100;

/** Progress for a person on stderr: one line that rewrites itself, with the time left once it can be told. */
export class ProgressLine {
  readonly #sink: Sink;
  readonly #now: () => number;
  #phase = '';
  #phaseStarted = 0;
  #lastDrawn = Number.NEGATIVE_INFINITY;
  #visible = false;

  constructor(sink: Sink, now: () => number) {
    this.#sink = sink;
    this.#now = now;
  }

  update(progress: Progress): void {
    const now = this.#now();
    const fresh = progress.phase !== this.#phase;
    if (fresh) {
      this.#phase = progress.phase;
      this.#phaseStarted = now;
    }
    if (!this.#sink.isTTY) {
      if (fresh) this.#sink.write(`${cut(progress.phase, 200)}\n`);
      return;
    }
    if (!fresh && now - this.#lastDrawn < redrawMilliseconds) return;
    this.#lastDrawn = now;
    this.#visible = true;
    const line = progressText(progress, (now - this.#phaseStarted) / 1000);
    this.#sink.write(`\r\u001b[K${cut(line, (this.#sink.columns ?? 80) - 1)}`);
  }

  /** Makes room for an ordinary line. */
  clear(): void {
    if (this.#visible) this.#sink.write('\r\u001b[K');
    this.#visible = false;
  }
}

/** `staging 42 %  1.2 of 2.9 GB  0:13 left  northwind`: what is known, and nothing that is not. */
export function progressText(progress: Progress, elapsedSeconds: number): string {
  const { phase, done, total, unit } = progress;
  const about = progress.about === undefined ? '' : `  ${printable(progress.about)}`;
  const amount = (value: number) => (unit === 'bytes' ? bytesText(value) : `${value}`);
  const suffix = unit === 'bytes' ? '' : ` ${unit}`;
  if (total === null || total <= 0) return `${phase}  ${amount(done)}${suffix}${about}`;
  const share = Math.min(1, done / total);
  const left =
    share > 0 && elapsedSeconds >= 1 ? `  ${durationText((elapsedSeconds / share) * (1 - share))} left` : '';
  return `${phase}  ${Math.floor(share * 100)} %  ${amount(done)} of ${amount(total)}${suffix}${left}${about}`;
}
