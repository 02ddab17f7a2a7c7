import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Store } from '../../src/incident/store.ts';
import { alice } from './facts.ts';

export * from './facts.ts';

/** A clock the test turns by hand; milliseconds since 1970. */
export interface FakeClock {
  (): number;
  set(iso: string): void;
  pass(seconds: number): void;
}

export function fakeClock(start = '2026-11-23T06:05:00.000Z'): FakeClock {
  let now = Date.parse(start);
  return Object.assign(() => now, {
    set: (iso: string) => {
      now = Date.parse(iso);
    },
    pass: (seconds: number) => {
      now += seconds * 1000;
    },
  });
}

export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tenant-dr-incident-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export function store(
  stateDir: string,
  now: () => number = fakeClock(),
  changes: Partial<Store> = {},
): Store {
  return { stateDir, actor: alice, now, ...changes };
}
