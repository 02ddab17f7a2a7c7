import { expect, it } from 'vitest';
import { breathe } from '../../src/engine/turn.ts';

function busy(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
}

it('long work of many at the same time leaves other work its turns, no fewer than that of one', async () => {
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const working = Array.from({ length: 10 }, async () => {
    for (let step = 0; step < 20; step++) {
      busy(1);
      await breathe();
    }
  });
  await Promise.all(working);
  done = true;
  // 200 ms of work; ten that each took twelve at a time would leave two turns.
  expect(turns).toBeGreaterThan(6);
});
