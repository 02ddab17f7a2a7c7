import { TenantDrError } from '../errors.ts';
import type { Output } from './output.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * One AbortSignal for Ctrl-C, SIGTERM and SIGHUP. Nothing is torn down here: whoever works stops at the next
 * safe point. Returns a function that puts the default behaviour back.
 */
export function watchSignals(output: Output): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const stop = (name: string) => {
    output.note(
      controller.signal.aborted
        ? `${name} again: still finishing what must not be torn`
        : `${name}: stopping at the next safe point`,
    );
    controller.abort(interrupted());
  };
  for (const name of signals) process.on(name, stop);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of signals) process.off(name, stop);
    },
  };
}

/** The error a command throws when it stops because it was asked to. */
export function interrupted(what = 'nothing was changed'): TenantDrError {
  return new TenantDrError('interrupted', `stopped as asked; ${what}`, {
    hint: 'run the command again to go on',
  });
}

/** For commands that change nothing: stops waiting for them as soon as the signal comes. */
export async function unlessInterrupted<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(interrupted());
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
