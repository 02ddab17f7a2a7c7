import { afterEach, describe, expect, it } from 'vitest';
import type { ChooseQuestion } from '../../src/actions/operator.ts';
import { noHistory } from '../../src/incident/history.ts';
import type { Incident } from '../../src/incident/incident.ts';
import { followIncident } from '../../src/tui/follow.ts';
import { lineWidth } from '../../src/tui/layout.ts';
import { plain } from '../../src/tui/line.ts';
import { createOperator } from '../../src/tui/operator.ts';
import { WatchScreen } from '../../src/tui/screens/WatchScreen.tsx';
import { createStore } from '../../src/tui/store.ts';
import { commanderLines, etaSentence, riskLines } from '../../src/tui/view/commander.ts';
import { closingSummary } from '../../src/tui/view/finished.ts';
import { headerLines, rpoLine, rtoLine, rtoReading } from '../../src/tui/view/header.ts';
import { incidentHeader } from '../../src/tui/view/incident.ts';
import { keepOutput } from '../../src/tui/view/output.ts';
import { detailLines, stepViews } from '../../src/tui/view/run.ts';
import { situationText } from '../../src/tui/view/situation.ts';
import { applying, forget, sampleIncident } from './incident.ts';
import { header, now } from './samples.ts';
import { open } from './terminal.ts';

const incidents: Incident[] = [];
async function sample(...more: Parameters<typeof sampleIncident>): Promise<Incident> {
  const incident = await sampleIncident(...more);
  incidents.push(incident);
  return incident;
}
afterEach(async () => {
  for (const incident of incidents.splice(0)) await forget(incident);
});
const at = new Date(now);

describe('the clocks in the header', () => {
  const rto = {
    limitSeconds: 1800,
    usedSeconds: 521,
    usableAt: now,
    late: false,
    end: null,
    estimatesExceed: false,
  };

  it('say how much is used, how much is left, and whether it is on track', () => {
    expect(plain(rtoLine(rto, 80))).toMatch(
      /^ RTO 30:00 ▓+░+ 8:41 used · 21:19 left · usable ≈ 06:13 on track$/,
    );
  });

  it('keep a promise late on paper apart from time really used up', () => {
    expect(plain(rtoLine({ ...rto, late: true, estimatesExceed: true }, 80))).toContain('by estimate');
    expect(plain(rtoLine({ ...rto, late: true }, 80))).toContain('LATE');
    expect(plain(rtoLine({ ...rto, usedSeconds: 2042 }, 80))).toContain('4:02 OVER');
    const tones = (used: number) =>
      rtoLine({ ...rto, late: true, usedSeconds: used }, 80).map((piece) => piece.tone);
    expect(tones(521)).not.toContain('bad');
    expect(tones(2042)).toContain('bad');
  });

  it('stand still once the tenant is usable, and say whether the RTO was met', () => {
    expect(plain(rtoLine({ ...rto, end: 'usable' }, 80))).toContain('RTO met');
    expect(plain(rtoLine({ ...rto, end: 'usable', usedSeconds: 4000 }, 80))).toContain('RTO missed');
    expect(plain(rtoLine({ ...rto, end: 'closed' }, 80))).toContain('RTO not reached');
  });

  it('count up without a limit for a tier that promises none', () => {
    expect(plain(rtoLine({ ...rto, limitSeconds: null }, 80))).toContain(
      'best effort · 8:41 since detection',
    );
    expect(rtoReading({ ...rto, limitSeconds: null })).toContain('no limit');
  });

  it('show both RPO numbers: the age of the backup, and what is at stake', () => {
    const rpo = {
      limitSeconds: 3600,
      backupAt: '2026-11-23T05:00:00.000Z',
      ageSeconds: 3120,
      met: true,
      atStakeRows: 41,
    };
    expect(plain(rpoLine(rpo, 80))).toBe(
      ' RPO 1h met: backup 05:00, 52 min before the damage · 41 newer rows at stake',
    );
    expect(plain(rpoLine({ ...rpo, ageSeconds: -600, met: false }, 80))).toContain(
      'MISSED: backup 05:00, 10 min AFTER the damage',
    );
  });

  it('remind of the next message, and say when it is late', () => {
    expect(
      headerLines({ ...header, updateDueSeconds: 600 }, 140)
        .map(plain)
        .join(),
    ).toContain('update in 10 min');
    expect(
      headerLines({ ...header, updateDueSeconds: -600 }, 140)
        .map(plain)
        .join(),
    ).toContain('update 10 min late');
  });

  it('come from the journal', async () => {
    const { state } = await sample();
    const lines = headerLines(incidentHeader(state, at, noHistory, 'alice'), 80).map(plain);
    expect(lines[0]).toMatch(/^ tenant-dr · production · chatbot @ \/var\/www\/data\/admin\.db +LIVE $/);
    expect(lines[1]).toContain('Northwind Labs (northwind) ENTERPRISE P0 · INC-');
    expect(lines[2]).toContain('8:41 used');
    expect(lines[3]).toContain('52 min before the damage · 41 newer rows at stake');
  });
});

describe('the run screen', () => {
  it('lists done, current and waiting steps with their budget', async () => {
    const { state } = await sample();
    const views = stepViews(state, 'restore', now);
    expect(views.map((view) => view.state)).toEqual(['done', 'done', 'current', 'waiting', 'waiting']);
    expect(views[2]).toMatchObject({ usedSeconds: 62, destructive: true, detail: 'confirmed 06:12:39' });
    expect(views.map((view) => view.counts)).toEqual([true, true, true, true, false]);
  });

  it('shows the plan while rows are put back', async () => {
    const { state } = await sample();
    const lines = detailLines(applying, state, 80, 10).map(plain);
    expect(lines[1]).toMatch(/audit_messages +310 +902 +592 +0 +0/);
    expect(lines).toHaveLength(10);
  });

  it('shows writes falling to zero while it waits for the slice to be still', async () => {
    const { state } = await sample();
    const output = ['2.1 s: 12 writes in jobs, leads', '4.2 s: 3 writes in jobs', '6.3 s: still'];
    const lines = detailLines({ ...applying, task: 'settle', output }, state, 80, 10).map(plain);
    expect(lines.join('\n')).toContain('writes per interval  █▂·  still');
  });

  it('says what is waited for while an interrupted step is looked into', async () => {
    const { state } = await sample();
    const output = ['the database still works on the change: 5 s'];
    const lines = detailLines({ ...applying, phase: 'probing', output }, state, 80, 10).map(plain);
    expect(lines).toEqual([
      ' It was interrupted: finding out what became of it …',
      ' the database still works on the change: 5 s',
    ]);
  });

  it('keeps what earlier tasks said', () => {
    const first = keepOutput([], { ...applying, task: 'a', output: ['one'] });
    const second = keepOutput(first, { ...applying, task: 'a', output: ['one', 'two'] });
    const third = keepOutput(second, { ...applying, task: 'b', output: ['three'] });
    expect(third).toEqual([
      { task: 'a', lines: ['one', 'two'] },
      { task: 'b', lines: ['three'] },
    ]);
  });
});

describe('for the commander', () => {
  it('there is a sentence to read aloud that names what it rests on', async () => {
    const { state } = await sample();
    const sentence = etaSentence(state, at, noHistory);
    expect(sentence).toMatch(
      /^We expect Northwind Labs to be able to work again at about \d\d:\d\d UTC, in .*\. 21 min of the promised time are left\./,
    );
    expect(sentence).toContain('verification may still find something');
  });

  it('risks are listed, with every reason that was given', async () => {
    const { state } = await sample([
      ['06:13:20', { event: 'reason', what: 'backup.older', text: 'the newest one is broken' }],
      [
        '06:13:30',
        { event: 'step.skipped', step: 'tell', reason: 'the account manager calls', by: 'operator' },
      ],
    ]);
    const risks = riskLines(state, at, noHistory).join('\n');
    expect(risks).toContain('41 rows newer than the backup are at stake');
    expect(risks).toContain('the newest one is broken');
    expect(risks).toContain('Communicate was skipped: the account manager calls');
  });

  it('everything fits, the time line newest first', async () => {
    const incident = await sample();
    for (const width of [60, 80, 140]) {
      const lines = commanderLines(
        { state: incident.state, entries: incident.entries, now: at, history: noHistory },
        width,
      );
      for (const line of lines) expect(lineWidth(line)).toBeLessThanOrEqual(width);
      const texts = lines.map(plain);
      const story = texts.slice(texts.findIndex((text) => text.includes('newest first')) + 1);
      expect(story[0]).toMatch(/06:12:40/);
    }
  });

  it('the situation for the next person says what is done, what is next and what to watch', async () => {
    const { state } = await sample();
    const text = situationText(state, at, noHistory);
    expect(text).toContain('Done: Isolate tenant, Verify scope. Next: Restore tenant data.');
    expect(text).toContain('The tenant is suspended.');
    expect(text).toContain('No message was sent yet.');
    // It is read in other zones, too.
    expect(text).toContain('Detected 06:05 UTC, damaged 05:52 UTC.');
  });

  it('says how long ago it was seen, also by a clock that was set back', async () => {
    const incident = await sample([['05:12:40', { event: 'note', text: 'by the clock that was set back' }]]);
    const now = new Date(at.getTime() - 3_600_000);
    const model = { state: incident.state, entries: incident.entries, now, history: noHistory };
    expect(commanderLines(model, 80).map(plain).join(' ')).toMatch(/Detected 06:05,\s+9 min\s+ago/);
  });
});

describe('looking on', () => {
  it('follows the journal live, and changes to the commander view and back', async () => {
    const incident = await sample();
    const state = followIncident(incident);
    let closed = false;
    const terminal = open(
      <WatchScreen
        desk={{
          state,
          problem: createStore(''),
          header: (seen, time) => incidentHeader(seen, time, noHistory, 'alice'),
          commander: (seen, time) => ({
            state: seen,
            entries: incident.entries,
            now: time,
            history: noHistory,
          }),
          close: () => {
            closed = true;
          },
        }}
      />,
      { now: () => at },
    );
    await terminal.shows('▶ 3 Restore tenant data');
    await incident.append({ event: 'step.finished', step: 'restore', seconds: 70 });
    await terminal.shows('✓ 3 Restore tenant data');
    terminal.type('\t');
    await terminal.shows('To read aloud');
    terminal.type('\t');
    await terminal.shows('Looking on');
    terminal.type('q');
    await expect.poll(() => closed).toBe(true);
    await terminal.leave();
    state.stop();
    expect(terminal.tooWide).toEqual([]);
  });
});

describe('the closing summary', () => {
  const counts = [{ name: 'agents', insert: 36, update: 2, delete: 0, unchanged: 10, losses: 0 }];

  /** The journal of one tenant's restore. */
  function restored(id: string): NonNullable<Parameters<typeof sample>[0]> {
    const tenant = { type: 'integer', text: id } as const;
    return [
      [
        '06:13:00',
        {
          event: 'restore.intended',
          tenant,
          from: 'x',
          mode: 'exact',
          digest: { before: 'a', planned: 'b' },
          effects: { file: 'effects', sha256: 's', rows: 38 },
          safetyCopy: { path: '/state/safety/northwind.db', sha256: 's', rows: 779 },
          marker: {},
          tables: counts,
        },
      ],
      [
        '06:13:30',
        {
          event: 'restore.finished',
          tenant,
          committed: true,
          digest: { before: 'a', planned: 'b', after: 'b' },
          isolation: { method: 'guards', otherRowsWritten: 0, tablesGuarded: 26, notes: [] },
          tables: counts,
          seconds: { apply: 1 },
        },
      ],
    ];
  }

  function summaryOf(state: Awaited<ReturnType<typeof sample>>['state']): string {
    const header = incidentHeader(state, at, noHistory, 'alice');
    const text = closingSummary(state, header, { outcome: 'completed', error: null }, 80);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    return text;
  }

  it('says what was restored, how isolation was proved, and what comes next', async () => {
    const { state } = await sample(restored('7'));
    const text = summaryOf(state);
    expect(text).toContain('Restored: adds 36, changes back 2, deletes 0 rows in 1 of 1 tables.');
    expect(text).toContain('Rows of other tenants written: 0, proved by guards over 26 tables.');
    expect(text).toContain(`--from safety:${state.id}`);
    expect(text).toContain(`tenant-dr undo ${state.id}`);
    // What a rehearsal did is gone with its copy.
    expect(summaryOf({ ...state, opened: { ...state.opened, mode: 'rehearsal' } })).not.toMatch(
      /undo|safety:/,
    );
  });

  it('names each of several tenants, and that one has to be named to go back', async () => {
    const { state } = await sample([...restored('7'), ...restored('8')]);
    const text = summaryOf(state);
    expect(text).toContain('northwind: adds 36, changes back 2, deletes 0 rows in 1 of 1 tables.');
    expect(text).toContain('Rows of other tenants written: 0, proved for each of them.');
    expect(text).toContain(`tenant-dr undo ${state.id} --tenant <slug>`);
  });
});

describe('the person at the screen', () => {
  const question: ChooseQuestion = {
    kind: 'choose',
    id: 'q',
    title: 'Which?',
    detail: [],
    options: [{ value: 'a', label: 'A' }],
  };

  it('is asked one question, and the answer is what the run gets', async () => {
    const operator = createOperator();
    const answer = operator.choose(question, new AbortController().signal);
    expect(operator.asked.get()?.question).toBe(question);
    operator.asked.get()?.answer('a');
    expect(await answer).toBe('a');
    expect(operator.asked.get()).toBeNull();
  });

  it('leaves the question unanswered when the run is stopped', async () => {
    const operator = createOperator();
    const stop = new AbortController();
    const answer = operator.choose(question, stop.signal);
    stop.abort();
    await expect(answer).rejects.toMatchObject({ code: 'interrupted' });
    expect(operator.asked.get()).toBeNull();
    await expect(operator.choose(question, stop.signal)).rejects.toMatchObject({ code: 'interrupted' });
  });
});
