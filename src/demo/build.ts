import { truncateSync } from 'node:fs';
import type { DemoStore } from '../databases/demo/store.ts';
import { Life } from './life.ts';
import { seeded } from './random.ts';
import { complaint, type Misfortune, misfortune, type Scenario, strike } from './scenario.ts';
import { backupTimes } from './schedule.ts';
import { minutesBefore } from './time.ts';

export interface Demo {
  misfortune: Misfortune;
  complaint: string;
  backups: number;
}

export interface BuildRequest {
  /** Its tables are there, without rows. It is closed afterwards. */
  store: DemoStore;
  scenario: Scenario;
  seed: number;
  now: Date;
  /** Takes a backup of the database as if at that moment; resolves with the path of the file. */
  backup: (at: Date) => Promise<string>;
  onProgress?: (done: number, total: number) => void;
}

/** Two weeks of a platform's life with its backups, and what happened to one tenant at the end of them. */
export async function buildDemo(request: BuildRequest): Promise<Demo> {
  const { store, scenario, seed, now } = request;
  const random = seeded(seed);
  const times = backupTimes(now);
  const first = times[0] as Date;
  const opening = minutesBefore(first, 20 * 24 * 60);
  const life = new Life(store, random);
  try {
    await life.begin(opening);
    await life.pass(opening, minutesBefore(first, 60));
    const happened = misfortune(scenario, life.residents, random, now);
    let clock = minutesBefore(first, 60);
    let newest = '';
    for (const [index, at] of times.entries()) {
      await live(store, life, clock, at, happened);
      await store.rest();
      newest = await request.backup(at);
      clock = at;
      request.onProgress?.(index + 1, times.length);
    }
    await live(store, life, clock, now, happened);
    // The disk of the backup server was full.
    if (scenario === 'bad-latest') truncateSync(newest, 20_000);
    return { misfortune: happened, complaint: complaint(happened), backups: times.length };
  } finally {
    await store.close();
  }
}

/** Lets time pass, and the damage happen when its moment comes. */
async function live(store: DemoStore, life: Life, from: Date, to: Date, happened: Misfortune): Promise<void> {
  if (happened.damagedAt <= from || happened.damagedAt > to) return life.pass(from, to);
  await life.pass(from, happened.damagedAt);
  await strike(store, happened, life.residents);
  await life.pass(happened.damagedAt, to);
  // What came in since is what an exact restore would lose.
  await life.visit(happened.victim, happened.damagedAt, to, 5);
}
