import { describe, expect, it } from 'vitest';
import { clocksOf } from '../../src/incident/clocks.ts';
import type { IncidentEvent } from '../../src/incident/events.ts';
import { historyFor } from '../../src/incident/history.ts';
import { finished, intended, northwind, stateOf } from './support.ts';

/** Minutes after detection at 06:00. */
const at = (minutes: number) => Date.parse('2026-11-23T06:00:00.000Z') + minutes * 60_000;

const suspended: IncidentEvent = {
  event: 'tenant.suspended',
  tenant: northwind.id,
  former: 'active',
  status: 'suspended',
};
const reactivated: IncidentEvent = {
  event: 'tenant.reactivated',
  tenant: northwind.id,
  former: 'suspended',
  status: 'active',
};
const verified = (ok: boolean): IncidentEvent => ({
  event: 'verified',
  level: 'full',
  ok,
  checks: [{ name: 'rows', ok }],
});

const recovered: [number, IncidentEvent][] = [
  [5, { event: 'step.started', step: 'isolate' }],
  [6, suspended],
  [8, { event: 'step.finished', step: 'isolate', seconds: 180 }],
  [8, { event: 'step.started', step: 'restore' }],
  [9, intended],
  [10, finished],
  [11, verified(true)],
  [12, { event: 'step.finished', step: 'restore', seconds: 240 }],
  [12, { event: 'step.started', step: 'reactivate' }],
];

describe('RTO', () => {
  it('runs from detection until the tenant is reactivated after verification', () => {
    const state = stateOf([...recovered, [14, reactivated]]);
    const { rto, projection } = clocksOf(state, at(60));
    expect(rto).toMatchObject({
      usedSeconds: 14 * 60,
      verdict: 'met',
      met: true,
      leftSeconds: 16 * 60,
      overSeconds: 0,
    });
    expect(projection).toBeNull();
  });

  it('does not end while verification has failed, and ends when it passes', () => {
    const events: [number, IncidentEvent][] = [...recovered, [13, verified(false)], [14, reactivated]];
    expect(clocksOf(stateOf(events), at(20)).rto).toMatchObject({
      met: null,
      usedSeconds: 20 * 60,
      usableAt: null,
    });
    const later = stateOf([...events, [25, verified(true)]]);
    expect(clocksOf(later, at(60)).rto).toMatchObject({ met: true, usedSeconds: 25 * 60 });
  });

  it('starts again when the tenant is suspended once more', () => {
    const state = stateOf([...recovered, [14, reactivated], [15, suspended]]);
    expect(clocksOf(state, at(20)).rto).toMatchObject({ met: null, usedSeconds: 20 * 60 });
  });

  it('is not met by a suspension that was taken back before anything was repaired', () => {
    const state = stateOf([
      [5, { event: 'step.started', step: 'isolate' }],
      [6, suspended],
      [7, reactivated],
    ]);
    expect(clocksOf(state, at(8)).rto.met).toBeNull();
  });

  it('is over only when the time is really used up', () => {
    const state = stateOf([]);
    expect(clocksOf(state, at(29.9)).rto).toMatchObject({ verdict: 'late', overSeconds: 0 });
    expect(clocksOf(state, at(31)).rto).toMatchObject({ verdict: 'over', overSeconds: 60, leftSeconds: 0 });
  });

  it('is missed by as much as the incident ran when it was closed without the tenant coming back', () => {
    const state = stateOf([[50, { event: 'closed', outcome: 'stopped' }]]);
    expect(clocksOf(state, at(90)).rto).toMatchObject({
      verdict: 'missed',
      met: false,
      usedSeconds: 3000,
      overSeconds: 1200,
    });
  });

  it('is not missed but not reached when the incident was closed in time without the tenant coming back', () => {
    const state = stateOf([[10, { event: 'closed', outcome: 'failed' }]]);
    expect(clocksOf(state, at(90)).rto).toMatchObject({ verdict: 'unreached', met: null, usedSeconds: 600 });
  });

  it('counts up without a limit for the free tier', () => {
    const state = stateOf([], { rtoSeconds: null });
    expect(clocksOf(state, at(500)).rto).toEqual({
      limitSeconds: null,
      usedSeconds: 30_000,
      leftSeconds: null,
      overSeconds: 0,
      verdict: 'unlimited',
      met: null,
      usableAt: null,
    });
  });

  it('never runs backwards when the wall clock does', () => {
    const state = stateOf([[10, { event: 'note', text: 'at ten past' }]]);
    expect(clocksOf(state, at(-50)).rto.usedSeconds).toBe(600);
    const noted = stateOf([
      [10, { event: 'note', text: 'at ten past' }],
      [-50, { event: 'clock.jumped', bySeconds: -3600, seenBy: 'running-clock' }],
    ]);
    expect(clocksOf(noted, at(-45))).toMatchObject({ setBackSeconds: 3600, elapsedSeconds: 900 });
    const putRight = stateOf([
      [10, { event: 'note', text: 'at ten past' }],
      [-50, { event: 'clock.jumped', bySeconds: -3600, seenBy: 'running-clock' }],
      [12, { event: 'clock.jumped', bySeconds: 3600, seenBy: 'running-clock' }],
    ]);
    expect(clocksOf(putRight, at(15)).elapsedSeconds).toBe(900);
  });

  it('keeps what was promised due when it was, whichever way the wall clock is set', () => {
    const written = (minutes: number, due: number): [number, IncidentEvent] => [
      minutes,
      {
        event: 'message.written',
        message: 'update-1',
        audience: 'tenant',
        kind: 'update',
        file: 'messages/update-1.txt',
        nextUpdateDueAt: new Date(at(due)).toISOString(),
      },
    ];
    const jump = (minutes: number): [number, IncidentEvent] => [
      minutes,
      { event: 'clock.jumped', bySeconds: -3600, seenBy: 'running-clock' },
    ];
    const inSeconds = (events: [number, IncidentEvent][], minutes: number) =>
      clocksOf(stateOf(events), at(minutes)).nextUpdate?.inSeconds;
    expect(inSeconds([written(10, 70)], 20)).toBe(3000);
    expect(inSeconds([written(10, 70), jump(-50)], -40)).toBe(3000);
    expect(inSeconds([jump(-50), written(-50, 10)], -40)).toBe(3000);
  });

  it('ends with the restore itself where no step is marked as giving the tenant back', () => {
    const bare = { kind: 'restore' as const, runbook: null, steps: [] };
    expect(clocksOf(stateOf([[9, intended]], bare), at(20)).rto.met).toBeNull();
    expect(
      clocksOf(
        stateOf(
          [
            [9, intended],
            [10, finished],
          ],
          bare,
        ),
        at(20),
      ).rto,
    ).toMatchObject({ met: true, usedSeconds: 600 });
  });
});

describe('the projection', () => {
  it('says when the estimates alone exceed the RTO', () => {
    const { projection, rto } = clocksOf(stateOf([]), at(0));
    expect(projection).toMatchObject({
      estimatesExceed: true,
      onlyEstimates: true,
      budgetSeconds: 3000,
      remainingSeconds: 3000,
    });
    expect(projection?.usableAt).toBe('2026-11-23T06:50:00.000Z');
    expect(rto.verdict).toBe('late');
  });

  it('shows steps after the tenant is usable and does not count them', () => {
    const counting = clocksOf(stateOf([]), at(0)).steps.map((step) => step.counts);
    expect(counting).toEqual([true, true, true, true, false]);
  });

  it('prefers past runs on this database to estimates, and names them', () => {
    const past = (seconds: number) =>
      stateOf(
        [
          [5, { event: 'step.started', step: 'restore' }],
          [6, { event: 'step.finished', step: 'restore', seconds }],
        ],
        { mode: 'rehearsal' },
        `INC-${seconds}`,
      );
    const elsewhere = stateOf(
      [[6, { event: 'step.finished', step: 'scope', seconds: 1 }]],
      {
        database: { name: 'b', location: '/b.db', kind: 'sqlite' },
      },
      'INC-0',
    );
    const state = stateOf([]);
    const history = historyFor(state, [past(60), past(90), past(500), elsewhere]);
    const { steps: projected } = clocksOf(state, at(0), { history });
    expect(projected.map((step) => [step.remainingSeconds, step.source, step.runs])).toEqual([
      [300, 'estimate', 0],
      [600, 'estimate', 0],
      [90, 'past', 3],
      [300, 'estimate', 0],
      [900, 'estimate', 0],
    ]);
  });

  it('goes by the size of the planned work once there is a plan, and by live progress while it is applied', () => {
    const planned: [number, IncidentEvent][] = [
      [8, { event: 'step.started', step: 'restore' }],
      [
        9,
        {
          event: 'plan.made',
          tenant: northwind.id,
          from: 'latest',
          mode: 'exact',
          tables: [{ name: 'agents', insert: 90_000, update: 10_000, delete: 0, unchanged: 0, losses: 0 }],
          live: 'a',
          staged: 'b',
        },
      ],
    ];
    const restoreOf = (clocks: ReturnType<typeof clocksOf>) => clocks.steps[2];
    expect(restoreOf(clocksOf(stateOf(planned), at(9)))).toMatchObject({
      source: 'measured',
      remainingSeconds: 20,
    });
    const live = { step: 'restore', phase: 'apply', done: 25, total: 100, seconds: 10 };
    expect(restoreOf(clocksOf(stateOf(planned), at(9), { live }))).toMatchObject({
      source: 'progress',
      remainingSeconds: 30,
    });
    const staging = { ...live, phase: 'stage', done: 90 };
    expect(restoreOf(clocksOf(stateOf(planned), at(9), { live: staging }))).toMatchObject({
      source: 'measured',
    });
    const journaled: [number, IncidentEvent][] = [
      ...planned,
      [9, { event: 'step.progress', step: 'restore', phase: 'apply', done: 0, total: 100, unit: 'rows' }],
      [9.5, { event: 'step.progress', step: 'restore', phase: 'apply', done: 50, total: 100, unit: 'rows' }],
    ];
    expect(restoreOf(clocksOf(stateOf(journaled), at(9.5)))).toMatchObject({
      source: 'progress',
      remainingSeconds: 30,
    });
  });

  it('calls a step overdue that takes longer than expected', () => {
    const state = stateOf([[1, { event: 'step.started', step: 'isolate' }]]);
    expect(clocksOf(state, at(5)).steps[0]).toMatchObject({
      usedSeconds: 240,
      remainingSeconds: 60,
      overdue: false,
    });
    expect(clocksOf(state, at(9)).steps[0]).toMatchObject({
      usedSeconds: 480,
      remainingSeconds: 0,
      overdue: true,
    });
  });

  it('counts the seconds of all attempts', () => {
    const state = stateOf([
      [1, { event: 'step.started', step: 'isolate' }],
      [
        2,
        { event: 'step.failed', step: 'isolate', seconds: 60, error: { code: 'hook-failed', message: 'no' } },
      ],
      [3, { event: 'step.started', step: 'isolate' }],
      [5, { event: 'step.finished', step: 'isolate', seconds: 120 }],
    ]);
    expect(state.steps[0]).toMatchObject({ attempt: 2, seconds: 180, state: 'done', error: null });
  });

  it('counts an attempt that was interrupted up to where that was noted, and goes on from there', () => {
    const interrupted: [number, IncidentEvent][] = [
      [1, { event: 'step.started', step: 'isolate' }],
      // Killed at once, and found so ten minutes later.
      [11, { event: 'step.interrupted', step: 'isolate' }],
      [20, { event: 'step.interrupted', step: 'isolate' }],
    ];
    expect(stateOf(interrupted).steps[0]).toMatchObject({ state: 'interrupted', seconds: 600 });
    const goingOn = stateOf([...interrupted, [21, { event: 'step.started', step: 'isolate' }]]);
    expect(clocksOf(goingOn, at(22)).steps[0]?.usedSeconds).toBe(660);
  });
});

describe('RPO', () => {
  it('is two numbers: the age of the backup at the damage, and what is newer than it', () => {
    const chosen: IncidentEvent = {
      event: 'backup.chosen',
      ref: 'admin-0500',
      path: '/backups/admin-0500.db.gz',
      sha256: null,
      takenAt: '2026-11-23T05:00:00.000Z',
      rpo: { limitSeconds: 3600, ageSeconds: 3120, met: true },
    };
    expect(clocksOf(stateOf([]), at(1))).toMatchObject({ rpo: null, atStake: null });
    const plan: IncidentEvent = {
      event: 'plan.made',
      tenant: northwind.id,
      from: 'admin-0500',
      mode: 'exact',
      tables: [{ name: 'leads', insert: 0, update: 0, delete: 41, unchanged: 79, losses: 41 }],
      live: 'a',
      staged: 'b',
    };
    expect(
      clocksOf(
        stateOf([
          [5, chosen],
          [10, plan],
        ]),
        at(20),
      ),
    ).toMatchObject({
      rpo: { limitSeconds: 3600, ageSeconds: 3120, met: true, damagedAt: '2026-11-23T05:52:00.000Z' },
      atStake: { rows: 41, seconds: 4200 },
    });
  });
});
