import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { IncidentEvent } from '../../src/incident/events.ts';
import type { Incident } from '../../src/incident/incident.ts';
import { htmlReport } from '../../src/incident/report/html.ts';
import { markdownReport } from '../../src/incident/report/markdown.ts';
import { readReport, renderReport, reportFormats, writeReports } from '../../src/incident/report/source.ts';
import { createIncident, type NewIncident } from '../../src/incident/store.ts';
import {
  fakeClock,
  finished,
  intended,
  newIncident,
  northwind,
  steps,
  store,
  temporaryFolder,
} from './support.ts';

const run = promisify(execFile);
const checker = fileURLToPath(new URL('../report-check.py', import.meta.url));

/** A whole recovery, each event after that many more seconds. */
const recovery: [number, IncidentEvent][] = [
  [5, { event: 'step.started', step: 'isolate' }],
  [20, { event: 'confirmed', what: 'suspend northwind', phrase: 'slug' }],
  [2, { event: 'tenant.suspended', tenant: northwind.id, former: 'active', status: 'suspended' }],
  [
    30,
    {
      event: 'tenant.settled',
      tenant: northwind.id,
      quiet: true,
      seconds: 30,
      samples: [{ atSeconds: 2, writes: 3, tables: ['jobs'] }],
    },
  ],
  [1, { event: 'step.finished', step: 'isolate', seconds: 53 }],
  [0, { event: 'step.started', step: 'scope' }],
  [60, { event: 'step.skipped', step: 'scope', reason: 'seen already', by: 'operator' }],
  [1, { event: 'step.started', step: 'restore' }],
  [
    9,
    {
      event: 'backup.chosen',
      ref: 'admin-0500',
      path: '/backups/admin-0500.db.gz',
      sha256: 'f'.repeat(64),
      takenAt: '2026-11-23T04:00:00.000Z',
      rpo: { limitSeconds: 3600, ageSeconds: 6720, met: false },
      reason: 'the newer one holds the damage',
    },
  ],
  [
    3,
    {
      event: 'plan.made',
      tenant: northwind.id,
      from: 'admin-0500',
      mode: 'exact',
      tables: [{ name: 'leads', insert: 0, update: 0, delete: 41, unchanged: 79, losses: 41 }],
      live: 'a',
      staged: 'b',
    },
  ],
  [40, { event: 'confirmed', what: 'restore northwind', phrase: 'slug' }],
  [1, intended],
  [
    2,
    { event: 'restore.rolled-back', tenant: northwind.id, error: { code: 'database-busy', message: 'busy' } },
  ],
  [
    0,
    {
      event: 'step.failed',
      step: 'restore',
      seconds: 55,
      error: { code: 'database-busy', message: 'the database is busy' },
    },
  ],
  [10, { event: 'step.started', step: 'restore', attempt: 2 }],
  [5, intended],
  [5, finished],
  [1, { event: 'verified', level: 'full', ok: true, checks: [{ name: 'rows as restored', ok: true }] }],
  [0, { event: 'step.finished', step: 'restore', seconds: 11 }],
  [1, { event: 'step.started', step: 'reactivate' }],
  [30, { event: 'tenant.reactivated', tenant: northwind.id, former: 'suspended', status: 'active' }],
  [1, { event: 'step.finished', step: 'reactivate', seconds: 31 }],
  [
    20,
    {
      event: 'message.sent',
      message: 'resolved-tenant-1',
      audience: 'tenant',
      kind: 'resolved',
      via: 'command',
      nextUpdateDueAt: null,
    },
  ],
  [5, { event: 'closed', outcome: 'completed' }],
];

async function play(
  events: [number, IncidentEvent][],
  changes: Partial<NewIncident> = {},
): Promise<Incident> {
  const clock = fakeClock();
  const incident = await createIncident(store(await temporaryFolder(), clock), newIncident(changes));
  for (const [seconds, event] of events) {
    clock.pass(seconds);
    await incident.append(event);
  }
  await incident.close();
  return incident;
}

/** What the independent script says about a report. */
async function checked(incident: Incident, json: string): Promise<string> {
  const path = join(await temporaryFolder(), 'report.json');
  await writeFile(path, json);
  const { stdout } = await run('python3', ['-S', checker, incident.path('journal.jsonl'), path]).catch(
    (error) => error,
  );
  return String(stdout).trim();
}

describe('a report', () => {
  it('says from the journal alone what happened, how long it took and what was met', async () => {
    const incident = await play(recovery);
    const { report, damage } = await readReport(incident.dir);
    expect(damage).toBeNull();
    expect(report).toMatchObject({
      outcome: 'completed',
      integrity: { ok: true, brokenAt: null },
      rto: { limitSeconds: 1800, met: true, overSeconds: 0 },
      rpo: {
        met: false,
        ageSeconds: 6720,
        overSeconds: 3120,
        backup: { reason: 'the newer one holds the damage' },
      },
      atStake: { rows: 41 },
      confirmations: [{ by: 'alice', what: 'suspend northwind' }, { what: 'restore northwind' }],
      restores: [
        { state: 'rolled-back', failure: 'busy' },
        { state: 'finished', total: { insert: 36, update: 2, delete: 0 } },
      ],
    });
    expect(report.rto.usedSeconds).toBe(300 + 226);
    expect(report.steps.map((step) => [step.id, step.state, step.seconds])).toEqual([
      ['isolate', 'done', 53],
      ['scope', 'skipped', null],
      ['restore', 'done', 66],
      ['reactivate', 'done', 31],
      ['communicate', 'todo', null],
    ]);
  });

  it('says what was left out of a step that was done, and in words what was accepted', async () => {
    const partly: [number, IncidentEvent][] = recovery.flatMap((entry, index) =>
      index === 2
        ? [
            [
              1,
              {
                event: 'task.skipped',
                step: 'isolate',
                task: 'hooks',
                reason: 'ran by hand',
                by: 'operator',
              },
            ],
            [
              1,
              {
                event: 'operator.answered',
                ...{ step: 'restore', task: 'rows', question: 'restore.plan', kind: 'plan' },
                answer: { withoutTables: ['leads'], withoutRows: { agents: ['1', '2'] }, revivals: {} },
              },
            ],
            entry,
          ]
        : [entry],
    );
    const incident = await play(partly);
    const { report } = await readReport(incident.dir);
    expect(report.steps[0]?.leftOut).toMatchObject([
      { task: 'hooks', reason: 'ran by hand', by: 'operator' },
    ]);
    expect(report.decisions.find((one) => one.what === 'restore.plan')?.answer).toBe(
      'the plan without leads, 2 single rows',
    );
  });

  it('agrees in every number with a script that shares no code with it', async () => {
    const unmet = recovery.filter(([, event]) => event.event !== 'tenant.reactivated');
    const cut = recovery.slice(0, 12);
    for (const [events, changes] of [
      [recovery, {}],
      [unmet, {}],
      [cut, {}],
      [cut, { rtoSeconds: null }],
      [recovery, { rtoSeconds: 60 }],
      [
        [
          [1, intended],
          [2, finished],
          [3, { event: 'closed', outcome: 'completed' }],
        ],
        { kind: 'restore', steps: [] },
      ],
      [
        [[1, { event: 'clock.jumped', bySeconds: -500, seenBy: 'running-clock' }], ...recovery],
        { damagedAt: null },
      ],
    ] as [[number, IncidentEvent][], Partial<NewIncident>][]) {
      const incident = await play(events, changes);
      const { report } = await readReport(incident.dir);
      expect(await checked(incident, renderReport(report, 'json'))).toBe('every number agrees');
    }
  });

  it('is caught by that script when a number is wrong', async () => {
    const incident = await play(recovery);
    const { report } = await readReport(incident.dir);
    const wrong = { ...report, rto: { ...report.rto, usedSeconds: 100 } };
    expect(await checked(incident, renderReport(wrong, 'json'))).toContain('rto.usedSeconds');
  });

  it('says where the chain breaks after one changed byte, and reports what comes before', async () => {
    const incident = await play(recovery);
    const path = incident.path('journal.jsonl');
    const whole = await readFile(path);
    const lines = whole.toString().split('\n');
    for (const line of [8, lines.length - 1]) {
      const offset = lines.slice(0, line - 1).join('\n').length + 40;
      const changed = Buffer.from(whole);
      changed[offset] = (changed[offset] ?? 0) ^ 1;
      await writeFile(path, changed);
      const { report, damage } = await readReport(incident.dir);
      expect(damage).toMatchObject({ code: 'journal-damaged', facts: { line } });
      expect(report.integrity).toMatchObject({ ok: false, brokenAt: line, lines: line - 1 });
      expect(markdownReport(report)).toContain(`the chain breaks at line ${line}`);
      expect(htmlReport(report)).toContain(`the chain breaks at line ${line}`);
      expect(await checked(incident, renderReport(report, 'json'))).toBe('every number agrees');
    }
  });

  it('of an open incident is one so far, up to the last event', async () => {
    const incident = await play(recovery.slice(0, 10));
    const { report } = await readReport(incident.dir);
    expect(report).toMatchObject({ outcome: 'open', rto: { met: null, usedSeconds: 300 + 131 } });
    expect(markdownReport(report)).toContain('STILL OPEN');
  });

  it('keeps text from outside from becoming markup, commands of a terminal, or a second line', async () => {
    const evil = 'a|b</td><script>alert(1)</script>\u001b[2J\r\n# head [x](http://evil) `code` **b** \u202e';
    const incident = await play(
      [
        [1, { event: 'note', text: evil }],
        [1, { event: 'reason', what: evil, text: evil }],
        [1, { event: 'step.skipped', step: 'isolate', reason: evil, by: 'operator' }],
        [1, { event: 'closed', outcome: 'stopped', reason: evil }],
      ],
      {
        title: evil,
        environment: evil,
        tenants: [{ ...northwind, name: evil, slug: evil }],
        database: { name: evil, location: evil, kind: 'sqlite' },
        steps: steps.map((step) => ({
          ...step,
          title: evil,
          command: `tenant-dr suspend <tenant> ${evil.slice(0, 20)}`,
        })),
      },
    );
    const { report } = await readReport(incident.dir);
    const html = htmlReport(report);
    const markdown = markdownReport(report);
    for (const raw of ['\u001b', '\r', '\u202e']) {
      expect(html).not.toContain(raw);
      expect(markdown).not.toContain(raw);
    }
    expect(html).not.toContain('<script');
    expect(markdown).not.toMatch(/^# head/m);
    const outsideCode = markdown.replace(/(`+) ?.*? ?\1/g, '');
    expect(outsideCode).not.toMatch(/(?<!\\)<script|(?<!\\)\[x\]/);
    const facts = markdown
      .split('\n')
      .filter((line) => line.startsWith('| Outcome') || line.startsWith('| Tenants'));
    for (const line of facts) expect(line.match(/(?<!\\)\|/g)).toHaveLength(3);
  });

  it('as HTML loads nothing from anywhere', async () => {
    const { report } = await readReport((await play(recovery)).dir);
    const html = htmlReport(report);
    expect(html).not.toMatch(/<(script|link|img|iframe|object|embed)|src=|url\(|@import|href=/i);
    expect(html).toContain("default-src 'none'");
    expect(html).toContain('<svg');
    expect(html.match(/<table/g)?.length).toBe(html.match(/<\/table>/g)?.length);
  });

  it('fills the equivalent commands with what was known', async () => {
    const incident = await play(recovery, {
      steps: steps.map((step) => ({
        ...step,
        command: 'tenant-dr restore <tenant> --from <ref> --confirm <slug> --as <name>',
      })),
      tenants: [{ ...northwind, slug: "it's" }],
    });
    const { report } = await readReport(incident.dir);
    expect(report.commands[0]?.command).toBe(
      "tenant-dr restore 'it'\\''s' --from /backups/admin-0500.db.gz --confirm 'it'\\''s' --as <name>",
    );
  });

  it('is written whole, private, and never over the final one by one so far or of a damaged journal', async () => {
    const open = await play(recovery.slice(0, 5));
    const { report } = await readReport(open.dir);
    await writeReports(open.dir, report, ['md']);
    expect(await readdir(open.dir)).toContain('report-so-far.md');
    const closed = await play(recovery);
    const paths = await writeReports(closed.dir, (await readReport(closed.dir)).report, reportFormats);
    expect(paths.map((path) => path.slice(closed.dir.length))).toEqual([
      '/report.md',
      '/report.html',
      '/report.json',
    ]);
    for (const path of paths) expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(closed.dir)).not.toContainEqual(expect.stringContaining('partial'));
  });
});
