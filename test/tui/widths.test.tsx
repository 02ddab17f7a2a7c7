import type { ReactNode } from 'react';
import { afterEach, describe, expect, it } from 'vitest';
import type { Question } from '../../src/actions/operator.ts';
import { TenantDrError } from '../../src/errors.ts';
import type { ScreenName } from '../../src/tui/keys.ts';
import type { Area } from '../../src/tui/layout.ts';
import { lineWidth } from '../../src/tui/layout.ts';
import { AskedScreen } from '../../src/tui/screens/AskedScreen.tsx';
import { BackupsScreen } from '../../src/tui/screens/BackupsScreen.tsx';
import { HomeScreen } from '../../src/tui/screens/HomeScreen.tsx';
import type { Inside } from '../../src/tui/screens/inside.ts';
import { LeaveScreen } from '../../src/tui/screens/LeaveScreen.tsx';
import { TenantsScreen } from '../../src/tui/screens/TenantsScreen.tsx';
import { headerLines, headerReading } from '../../src/tui/view/header.ts';
import { helpLines, purposes } from '../../src/tui/view/help.ts';
import { budgetPicture, cliff, timeLine, writesPicture } from '../../src/tui/view/pictures.ts';
import { columnLines } from '../../src/tui/view/row.ts';
import { stepColumn, stepLine, stepLines } from '../../src/tui/view/steps.ts';
import { indexTenants } from '../../src/tui/view/tenants.ts';
import { eventually, Framed } from './frame.tsx';
import {
  backups,
  confirmation,
  damagedAt,
  header,
  now,
  planQuestion,
  stakes,
  tableEffects,
} from './samples.ts';
import { open, type VirtualTerminal } from './terminal.ts';

/** Names as they come: long, of several cells a character, right to left, with control characters. */
const hostile = [
  'x'.repeat(200),
  '日本語の会社名'.repeat(20),
  '👩‍💻👨‍👩‍👧‍👦🏳️‍🌈'.repeat(12),
  'שלום عليكم '.repeat(20),
  'a\u001b[2Jb\u0007\u202ec\r\nd\te'.repeat(10),
];
const sizes: Area[] = [
  { columns: 80, rows: 24 },
  { columns: 140, rows: 45 },
  { columns: 61, rows: 17 },
  { columns: 119, rows: 30 },
];

const opened: VirtualTerminal[] = [];
afterEach(async () => {
  for (const terminal of opened.splice(0)) await terminal.leave();
});

/** Draws a screen at every size and looks at what came of it. */
async function drawn(children: (inside: Inside) => ReactNode): Promise<void> {
  const terminal = open(<Framed>{children}</Framed>);
  opened.push(terminal);
  for (const { columns, rows } of sizes) {
    await terminal.resize(columns, rows);
    // The last line is the footer: everything above fitted.
    await terminal.shows(/\n [^\n]*(help|esc|q|ctrl\+c|reset)[^\n]*$/);
    expect(terminal.lines()).toHaveLength(rows);
    // A frame for the old size may still be on its way when the terminal has changed.
    await eventually(() => terminal.wrapped()).toEqual([]);
  }
  const drawn = [...terminal.text()].filter((character) => character !== '\n');
  expect(drawn.filter((character) => character < ' ' || character === '\u202e')).toEqual([]);
}

const name = hostile.join(' ');
const asked = (question: Question) => ({ number: 1, question, answer: () => {}, back: null });
const tables = hostile.map((table) => tableEffects(table, 1_234_567, 999_999, 12_345, 2, 41));
const questions: Question[] = [
  {
    ...confirmation,
    title: name,
    phrase: hostile[4] ?? '',
    detail: [name],
    preview: {
      ...confirmation.preview,
      stakes: {
        ...stakes,
        database: { name, location: name, environment: name },
        tenants: [{ id: name, slug: name, name, tier: 'enterprise' }],
        tables,
        cannotBeUndone: [name],
      },
    },
  },
  {
    ...planQuestion,
    title: 'The plan',
    tables,
    drift: [{ kind: 'type-changed', table: name, detail: name, blocking: false }],
  },
  { kind: 'ask', id: 'a', title: name, detail: [name], initial: name },
  { kind: 'reason', id: 'r', title: name, detail: hostile },
  { kind: 'checklist', id: 'c', title: name, detail: [name], items: hostile },
  {
    kind: 'choose',
    id: 'm',
    title: name,
    detail: hostile,
    options: hostile.map((value) => ({ value, label: value, detail: value })),
    view: {
      kind: 'modes',
      modes: [{ mode: 'exact', added: 1, changedBack: 1, deleted: 1, kept: 1, tables }],
    },
  },
  {
    kind: 'choose',
    id: 'f',
    title: name,
    detail: [],
    options: [{ value: 'x', label: name, disabled: name }],
    view: { kind: 'failed', message: name, hint: name, ifItFails: name },
  },
];

describe('with names of every kind, no line is wider than the terminal', () => {
  it.each(questions.map((question) => [`${question.kind} ${question.id}`, question] as const))(
    'on the screen of the question %s',
    async (_, question) => {
      await drawn((inside) => (
        <AskedScreen
          {...inside}
          asked={asked(question)}
          scope={{
            ref: name,
            tables: [{ name, insert: 3, update: 4, delete: 5 }],
            others: hostile,
            incomplete: name,
          }}
        />
      ));
    },
  );

  it('in the backup picker', async () => {
    const odd = backups.map((backup, index) => ({
      ...backup,
      ref: hostile[index % hostile.length] ?? '',
      rowsAgainstOlder: -123_456_789,
    }));
    await drawn((inside) => (
      <BackupsScreen
        {...inside}
        title={'which'}
        damagedAt={damagedAt}
        backups={odd}
        scope={null}
        onTake={() => {}}
        onBack={() => {}}
      />
    ));
  });

  it('on the home screen', async () => {
    const model = {
      incidents: {
        state: 'ready' as const,
        value: hostile.map((id) => ({
          id,
          title: id,
          subject: id,
          state: id,
          time: '4 min over the RTO',
          tone: 'bad' as const,
        })),
      },
      scenarios: {
        state: 'ready' as const,
        value: hostile.map((id) => ({
          ...{ id, title: id, estimateSeconds: 3900, origin: 'own', problem: null },
          ...{ symptoms: hostile, impact: hostile, steps: hostile },
        })),
      },
      tenants: { state: 'failed' as const, message: 'no', hint: 'why' },
      backups: { state: 'ready' as const, value: { total: 51, newest: { takenAt: now, verified: null } } },
      story: name,
      now,
    };
    await drawn((inside) => <HomeScreen {...inside} model={model} onChoose={() => {}} onReset={() => {}} />);
  });

  it('in the tenant picker', async () => {
    const index = indexTenants(
      hostile.map((id) => ({
        id,
        slug: id,
        name: id,
        tier: 'enterprise',
        status: id,
        backupAgeSeconds: 1e9,
        rpoMet: false,
        rpoSeconds: 3600,
      })),
    );
    await drawn((inside) => (
      <TenantsScreen
        {...inside}
        title={name}
        index={index}
        byEmail={null}
        onTake={() => {}}
        onBack={() => {}}
      />
    ));
  });

  it('when leaving is asked about', async () => {
    await drawn((inside) => (
      <LeaveScreen {...inside} incident="INC-20261123-0605" changing onStay={() => {}} onLeave={() => {}} />
    ));
  });

  it('in headers, steps, pictures, rows and help, at every width', () => {
    const step = {
      number: 3,
      id: 's',
      title: name,
      state: 'current',
      usedSeconds: 123_456,
      estimateSeconds: 1800,
      counts: true,
      destructive: true,
      detail: name,
    } as const;
    const model = {
      ...header,
      environment: name,
      database: { name, location: name },
      operator: name,
      tenant: { name, slug: name, tier: 'enterprise' as const, priority: 'P0' },
      updateDueSeconds: -1000,
    };
    const history = backups.flatMap((backup) =>
      backup.takenAt
        ? [
            {
              takenAt: backup.takenAt,
              rows: Object.fromEntries(hostile.map((table, index) => [table, index * 1000])),
            },
          ]
        : [],
    );
    const row = {
      kind: 'update' as const,
      key: name,
      columns: hostile,
      changes: hostile.map((column) => ({ column, live: column, backup: null })),
    };
    for (let width = 60; width <= 200; width += 20) {
      const lines = [
        ...headerLines(model, width),
        stepLine(step, width),
        ...stepLines(
          Array.from({ length: 9 }, () => step),
          width,
          4,
        ),
        ...stepColumn([step], width),
        ...cliff(history, damagedAt, null, width, 9).lines,
        ...cliff(history, null, null, width, 9).lines,
        ...timeLine(
          { backupAt: now, damagedAt, detectedAt: now, now, elapsedSeconds: 9e9, rpoSeconds: 604_800 },
          width,
        ).lines,
        ...writesPicture(
          [
            { writes: 90, tables: hostile },
            { writes: 3, tables: hostile },
          ],
          width,
        ).lines,
        ...budgetPicture(
          [
            { title: name, seconds: 9e9, done: false },
            { title: 'b', seconds: 0, done: true },
          ],
          1800,
          width,
        ).lines,
        ...columnLines(row, width),
        ...(Object.keys(purposes) as ScreenName[]).flatMap((screen) => helpLines(screen, width)),
      ];
      for (const line of lines) expect(lineWidth(line)).toBeLessThanOrEqual(width);
    }
    expect(headerReading(model).join(' ')).toContain('RTO 30m: 9 min used, 21 min left');
  });
});

function Crashing(): ReactNode {
  throw new TenantDrError('internal', 'a mistake of ours');
}

describe('a screen that crashes', () => {
  it('gives the terminal back and says what crashed it', async () => {
    const terminal = open(<Crashing />);
    await expect(terminal.done).rejects.toThrow('a mistake of ours');
    expect(terminal.alternate()).toBe(false);
    expect(terminal.raw()).toContain('\u001b[?25h');
  });
});
