import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Entry, type IncidentEvent, parseEntry } from '../../src/incident/events.ts';
import { genesis } from '../../src/incident/line.ts';
import type { IncidentState } from '../../src/incident/records.ts';
import { reduce } from '../../src/incident/state.ts';
import type { NewIncident, Store } from '../../src/incident/store.ts';
import { alice, newIncident } from './facts.ts';

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

/** Entries as a journal would hold them; times in minutes after 06:00, when the damage was detected. */
export function opened(
  events: [number, IncidentEvent][],
  changes: Partial<NewIncident> = {},
  id = 'INC-20261123-0600',
): Entry[] {
  const all: [number, IncidentEvent][] = [
    [0, { event: 'incident.opened', id, ...newIncident(changes) }],
    ...events,
  ];
  return all.map(([minutes, event], index) =>
    parseEntry({
      seq: index + 1,
      at: new Date(Date.parse('2026-11-23T06:00:00Z') + minutes * 60_000).toISOString(),
      actor: alice,
      fence: 1,
      ...event,
      prev: genesis,
    }),
  );
}

export function stateOf(
  events: [number, IncidentEvent][],
  changes: Partial<NewIncident> = {},
  id?: string,
): IncidentState {
  return reduce(opened(events, changes, id));
}
