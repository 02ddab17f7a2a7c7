import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../actions/action.ts';
import { stopped } from '../actions/action.ts';

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  sleep: async (seconds, signal) => {
    try {
      await delay(seconds * 1000, undefined, { signal });
    } catch (error) {
      if (signal.aborted) throw stopped();
      throw error;
    }
  },
};
