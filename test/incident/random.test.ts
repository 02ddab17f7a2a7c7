import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clocksOf } from '../../src/incident/clocks.ts';
import type { Entry, IncidentEvent } from '../../src/incident/events.ts';
import { encodeLine, genesis, sha256 } from '../../src/incident/line.ts';
import { readReport, renderReport } from '../../src/incident/report/source.ts';
import { applyEntry, reduce, snapshot } from '../../src/incident/state.ts';
import { finished, intended, northwind, opened, steps, temporaryFolder } from './support.ts';

const run = promisify(execFile);
const checker = fileURLToPath(new URL('../report-check.py', import.meta.url));

const step = fc.constantFrom(...steps.map((one) => one.id));
const tenant = northwind.id;
const error = { code: 'database-busy', message: 'busy' };
const of = (event: IncidentEvent) => fc.constant(event);

/** Anything that may come next, in any order: also in orders that no run would give. */
const anyEvent: fc.Arbitrary<IncidentEvent> = fc.oneof(
  step.map((id): IncidentEvent => ({ event: 'step.started', step: id })),
  fc.record({ step, seconds: fc.nat(500) }).map((one): IncidentEvent => ({ event: 'step.finished', ...one })),
  fc
    .record({ step, seconds: fc.nat(500) })
    .map((one): IncidentEvent => ({ event: 'step.failed', ...one, error })),
  step.map((id): IncidentEvent => ({ event: 'step.skipped', step: id, reason: 'why not', by: 'auto' })),
  step.map((id): IncidentEvent => ({ event: 'step.interrupted', step: id })),
  step.map((id): IncidentEvent => ({ event: 'task.started', step: id, task: `${id}-task` })),
  fc
    .record({ step, outcome: fc.constantFrom('done' as const, 'not-done' as const, 'unknown' as const) })
    .map((one): IncidentEvent => ({ event: 'step.probed', ...one })),
  of({ event: 'tenant.suspended', tenant, former: 'active', status: 'suspended' }),
  of({ event: 'tenant.reactivated', tenant, former: 'suspended', status: 'active' }),
  of(intended),
  of(finished),
  of({ event: 'restore.rolled-back', tenant }),
  of({ event: 'restore.unknown', tenant, reason: 'gone' }),
  fc.boolean().map((ok): IncidentEvent => ({ event: 'verified', level: 'full', ok, checks: [] })),
  fc
    .integer({ min: -5000, max: 5000 })
    .map((bySeconds): IncidentEvent => ({ event: 'clock.jumped', bySeconds, seenBy: 'running-clock' })),
  of({ event: 'run.planned', runbook: { name: 'edited', hash: 'e' }, steps: steps.slice(1) }),
  of({ event: 'confirmed', what: 'it', phrase: 'slug' }),
);

/** Minutes after 06:00; the wall clock may jump about. */
const story = fc.array(fc.tuple(fc.integer({ min: -60, max: 90 }), anyEvent), { maxLength: 25 });

async function journalOf(entries: Entry[]): Promise<string> {
  const dir = await temporaryFolder();
  let before = genesis;
  const lines = entries.map(({ prev: _prev, ...entry }) => {
    const line = encodeLine(entry, before);
    before = sha256(line);
    return `${line}\n`;
  });
  await writeFile(join(dir, 'journal.jsonl'), lines.join(''));
  return dir;
}

describe('whatever happens in whatever order', () => {
  it('gives a report whose numbers an independent program finds, too', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(story, fc.boolean(), async (events, isClosed) => {
        const end: [number, IncidentEvent][] = isClosed
          ? [[95, { event: 'closed', outcome: 'stopped' }]]
          : [];
        const dir = await journalOf(opened([...events, ...end]));
        const { report } = await readReport(dir);
        const path = join(dir, 'report.json');
        await writeFile(path, renderReport(report, 'json'));
        const { stdout } = await run('python3', ['-S', checker, join(dir, 'journal.jsonl'), path]).catch(
          (failed) => failed,
        );
        expect(String(stdout).trim()).toBe('every number agrees');
      }),
      { numRuns: 25 },
    );
  });

  it('never lets a clock run backwards or below zero, and never changes a state once given', () => {
    fc.assert(
      fc.property(story, (events) => {
        const [first, ...rest] = opened(events);
        const state = reduce(first ? [first] : []);
        let elapsed = 0;
        for (const entry of rest) {
          const before = snapshot(state);
          const frozen = JSON.stringify(before);
          applyEntry(state, entry);
          expect(JSON.stringify(before)).toBe(frozen);
          const clocks = clocksOf(state, Date.parse(entry.at));
          expect(clocks.elapsedSeconds).toBeGreaterThanOrEqual(elapsed);
          elapsed = clocks.elapsedSeconds;
          for (const one of clocks.steps) {
            expect(one.remainingSeconds).toBeGreaterThanOrEqual(0);
            expect(one.usedSeconds).toBeGreaterThanOrEqual(0);
          }
        }
      }),
    );
  });
});
