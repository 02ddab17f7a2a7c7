import type { ReactNode } from 'react';
import { afterEach, describe, expect, it } from 'vitest';
import type { PlanReview } from '../../src/actions/operator.ts';
import { line } from '../../src/tui/line.ts';
import { BackupsScreen } from '../../src/tui/screens/BackupsScreen.tsx';
import { ChecklistScreen } from '../../src/tui/screens/ChecklistScreen.tsx';
import { ChoiceScreen } from '../../src/tui/screens/ChoiceScreen.tsx';
import { ConfirmScreen } from '../../src/tui/screens/ConfirmScreen.tsx';
import type { Inside } from '../../src/tui/screens/inside.ts';
import { PlanScreen } from '../../src/tui/screens/PlanScreen.tsx';
import { QuestionScreen } from '../../src/tui/screens/QuestionScreen.tsx';
import { TenantsScreen } from '../../src/tui/screens/TenantsScreen.tsx';
import { indexTenants, type TenantEntry } from '../../src/tui/view/tenants.ts';
import { beat, eventually, Framed, settled } from './frame.tsx';
import { backups, confirmation, damagedAt, planQuestion } from './samples.ts';
import { keys, open, type TerminalOptions, type VirtualTerminal } from './terminal.ts';

const opened: VirtualTerminal[] = [];

function show(children: (inside: Inside) => ReactNode, options?: TerminalOptions): VirtualTerminal {
  const terminal = open(<Framed>{children}</Framed>, options);
  opened.push(terminal);
  return terminal;
}

afterEach(async () => {
  for (const terminal of opened.splice(0)) {
    await terminal.leave();
    expect(terminal.tooWide).toEqual([]);
  }
});

describe('the typed confirmation', () => {
  function confirm(options?: TerminalOptions): { terminal: VirtualTerminal; answers: (string | null)[] } {
    const answers: (string | null)[] = [];
    const terminal = show(
      (inside) => (
        <ConfirmScreen {...inside} question={confirmation} onAnswer={(answer) => answers.push(answer)} />
      ),
      options,
    );
    return { terminal, answers };
  }

  it('shows database, environment, names, tier, rows per table, the age of the backup and what cannot be undone', async () => {
    const { terminal } = confirm();
    await terminal.shows('no way back');
    for (const fact of [
      'chatbot @ /var/www/data/admin.db',
      'production',
      'Northwind Labs (northwind, id 7)',
      'ENTERPRISE',
      '41 deleted',
      '74 min old',
    ]) {
      expect(terminal.text()).toContain(fact);
    }
  });

  it('is drawn anew, and has the keys again, when the shell had the terminal meanwhile', async () => {
    const { terminal } = confirm();
    await terminal.shows('no way back');
    const before = terminal.text();
    terminal.lose('\r\n[1]+  Stopped\r\n$ fg\r\n\u001b[3;1Hlist of files');
    await terminal.shows('list of files');
    process.emit('SIGCONT', 'SIGCONT');
    await terminal.hides('list of files');
    await terminal.shows('Type northwind');
    expect([terminal.text(), terminal.rawMode()]).toEqual([before, true]);
  });

  it('acts only on enter after the exact phrase', async () => {
    const { terminal, answers } = confirm();
    await terminal.shows('Type northwind');
    await settled();
    for (const wrong of ['', 'y', 'yes', 'Northwind', 'northwind ', ' northwind', 'northwin']) {
      terminal.type(`${wrong}${keys.enter}${keys.ctrlU}`);
      await beat();
      expect(answers).toEqual([]);
    }
    terminal.type('northwind');
    await terminal.shows('It matches');
    expect(answers).toEqual([]);
    terminal.type(keys.enter);
    await eventually(() => answers).toEqual(['northwind']);
  });

  it('drops what was typed before the screen had been up for a moment', async () => {
    const { terminal, answers } = confirm();
    await terminal.shows('Type northwind');
    terminal.type(`northwind${keys.enter}`);
    await settled();
    expect(answers).toEqual([]);
    expect(terminal.text()).not.toContain('It matches');
  });

  it('takes nothing while the terminal is too small to show what is at stake', async () => {
    const { terminal, answers } = confirm({ columns: 40, rows: 10 });
    await terminal.shows('keys do nothing');
    await settled();
    terminal.type(`northwind${keys.enter}`);
    await beat();
    await terminal.resize(80, 24);
    await terminal.shows('Type northwind');
    expect(answers).toEqual([]);
    expect(terminal.text()).not.toContain('It matches');
  });

  it('takes a paste, and its line break is no enter', async () => {
    const { terminal, answers } = confirm();
    await terminal.shows('Type northwind');
    await settled();
    terminal.paste('northwind\n');
    await terminal.shows('It matches');
    await beat();
    expect(answers).toEqual([]);
    terminal.type(keys.enter);
    await eventually(() => answers).toEqual(['northwind']);
  });

  it('says what is wrong with nearly the right phrase', async () => {
    const { terminal } = confirm();
    await terminal.shows('Type northwind');
    await settled();
    terminal.type('NORTHWIND');
    await terminal.shows('upper and lower case count');
    terminal.type(`${keys.ctrlU}northwind `);
    await terminal.shows('a space too many');
  });

  it('is cancelled by escape', async () => {
    const { terminal, answers } = confirm();
    await terminal.shows('Type northwind');
    await settled();
    terminal.type(keys.escape);
    await eventually(() => answers).toEqual([null]);
  });
});

describe('the backup picker', () => {
  function picker(): { terminal: VirtualTerminal; taken: string[] } {
    const taken: string[] = [];
    const terminal = show((inside) => (
      <BackupsScreen
        {...inside}
        title="Which backup?"
        damagedAt={damagedAt}
        backups={backups}
        scope={null}
        onTake={(ref) => taken.push(ref)}
        onBack={() => {}}
      />
    ));
    return { terminal, taken };
  }

  it('draws the damage as a line between the backups, and marks those after it', async () => {
    const { terminal } = picker();
    await terminal.shows('damage 23 Nov 05:52');
    const lines = terminal.lines();
    const damage = lines.findIndex((text) => text.includes('─ damage'));
    expect(lines[damage - 1]).toContain('×23 Nov 06:00');
    expect(lines[damage + 1]).toContain(' 23 Nov 05:00');
  });

  it('marks none at first, and enter alone takes none', async () => {
    const { terminal, taken } = picker();
    await terminal.shows('No backup is chosen yet');
    await settled();
    expect(terminal.text()).not.toContain('▶');
    terminal.type(keys.enter);
    await terminal.shows('no backup is marked');
    expect(taken).toEqual([]);
  });

  it('steps over the line of the damage and takes what is marked', async () => {
    const { terminal, taken } = picker();
    await terminal.shows('damage');
    await settled();
    terminal.type(keys.down + keys.down);
    await terminal.shows('▶ 23 Nov 05:00');
    terminal.type(keys.enter);
    await eventually(() => taken).toEqual(['chatbot_sqlite_20261123_050000.db.zst']);
  });

  it('does not offer a backup that holds the same state', async () => {
    const { terminal, taken } = picker();
    await terminal.shows('damage');
    await settled();
    terminal.type(keys.down);
    await terminal.shows('holds the same state: nothing to restore');
    terminal.type(keys.enter);
    await terminal.shows('nothing to restore');
    expect(taken).toEqual([]);
  });

  it('draws the row counts across the backups, with a reading in words', async () => {
    const { terminal } = picker();
    await terminal.shows('damage');
    await settled();
    terminal.type('v');
    await terminal.shows('Last backup before the damage: 23 Nov 05:00.');
    terminal.type(keys.escape);
    await terminal.shows('Which backup?');
  });
});

describe('the plan browser', () => {
  function browser(question = planQuestion): { terminal: VirtualTerminal; reviews: PlanReview[] } {
    const reviews: PlanReview[] = [];
    const terminal = show((inside) => (
      <PlanScreen
        {...inside}
        question={question}
        onAnswer={(review) => reviews.push(review)}
        onBack={() => {}}
      />
    ));
    return { terminal, reviews };
  }

  it('goes on with the whole plan when nothing is unticked', async () => {
    const { terminal, reviews } = browser();
    await terminal.shows('audit_messages');
    await settled();
    terminal.type('a');
    await eventually(() => reviews).toEqual([{ withoutTables: [], withoutRows: {}, revivals: {} }]);
  });

  it('lets tables, single rows and revivals be decided', async () => {
    const { terminal, reviews } = browser();
    await terminal.shows('audit_messages');
    await settled();
    terminal.type(' ');
    await terminal.shows('RESTORE');
    terminal.type(`${keys.down}${keys.enter}`);
    await terminal.shows('row 1 of 592');
    terminal.type(`${keys.down} `);
    await terminal.shows('[ ] + add     1');
    terminal.type(keys.escape);
    await terminal.shows('adds 627, changes back 11, deletes 41 rows in 4 of 18 tables, 1 left out');
    terminal.type(`${keys.down} `);
    await terminal.shows('left out');
    terminal.type('a');
    await eventually(() => reviews).toEqual([
      { withoutTables: ['leads'], withoutRows: { audit_messages: ['[1]'] }, revivals: { jobs: 'restore' } },
    ]);
  });

  it('shows a row column by column, with nothing from the database unescaped', async () => {
    const { terminal } = browser();
    await terminal.shows('audit_messages');
    await settled();
    terminal.type(`${keys.down}${keys.enter}`);
    await terminal.shows('row 1 of 592');
    terminal.type(keys.enter);
    await terminal.shows('hello\\u{1b}[31m');
  });

  it('reads rows a page at a time, up to the last', async () => {
    const { terminal } = browser();
    await terminal.shows('audit_messages');
    await settled();
    terminal.type(`${keys.down}${keys.enter}`);
    await terminal.shows('row 1 of 592');
    terminal.type('\u001b[F');
    await terminal.shows('add     591');
  });

  it('does not go on with a plan that a conflict stops', async () => {
    const conflict = {
      kind: 'unique-taken',
      table: 'agents',
      key: '[1]',
      detail: 'agents 1: the name is taken.',
      blocking: true,
    } as const;
    const { terminal, reviews } = browser({ ...planQuestion, conflicts: [conflict] });
    await terminal.shows('the name is taken');
    await settled();
    terminal.type('a');
    await terminal.shows('a conflict stops this plan');
    expect(reviews).toEqual([]);
  });
});

describe('a choice', () => {
  function choice(): { terminal: VirtualTerminal; chosen: string[] } {
    const chosen: string[] = [];
    const terminal = show((inside) => (
      <ChoiceScreen
        {...inside}
        title="How?"
        lines={Array.from({ length: 40 }, (_, index) => line(` line ${index + 1}`))}
        options={[
          { value: 'exact', label: line('Exact') },
          { value: 'missing', label: line('Missing'), disabled: 'nothing is missing' },
        ]}
        onAnswer={(value) => chosen.push(value)}
      />
    ));
    return { terminal, chosen };
  }

  it('has nothing preselected: enter alone chooses nothing', async () => {
    const { terminal, chosen } = choice();
    await terminal.shows('How?');
    await settled();
    terminal.type(keys.enter);
    await terminal.shows('Nothing is chosen yet');
    terminal.type(keys.down + keys.enter);
    await eventually(() => chosen).toEqual(['exact']);
  });

  it('says why an option cannot be chosen', async () => {
    const { terminal, chosen } = choice();
    await terminal.shows('(nothing is missing)');
    await settled();
    terminal.type(keys.down + keys.down);
    await terminal.shows('▶ Missing');
    terminal.type(keys.enter);
    await terminal.shows('That cannot be chosen: nothing is missing.');
    expect(chosen).toEqual([]);
  });

  it('scrolls a text that is longer than the screen', async () => {
    const { terminal } = choice();
    await terminal.shows('line 1');
    terminal.type(keys.pageDown);
    await terminal.hides(/^ line 1$/m);
  });
});

describe('questions', () => {
  it('do not take an empty reason', async () => {
    const answers: string[] = [];
    const terminal = show((inside) => (
      <QuestionScreen
        {...inside}
        question={{ kind: 'reason', title: 'Why?', detail: [] }}
        onAnswer={(answer) => answers.push(answer)}
        onBack={() => {}}
      />
    ));
    await terminal.shows('Why?');
    await settled();
    terminal.type(`   ${keys.enter}`);
    await terminal.shows('a reason is needed');
    terminal.type(`because${keys.enter}`);
    await eventually(() => answers).toEqual(['because']);
  });

  it('of a checklist are done when everything is ticked', async () => {
    const answers: (string | null)[] = [];
    const terminal = show((inside) => (
      <ChecklistScreen
        {...inside}
        question={{ kind: 'checklist', id: 'c', title: 'By hand', detail: [], items: ['one', 'two'] }}
        onAnswer={(answer) => answers.push(answer)}
      />
    ));
    await terminal.shows('[ ] one');
    await settled();
    terminal.type(` ${keys.enter}`);
    await terminal.shows('1 not ticked yet');
    terminal.type(`${keys.down} ${keys.enter}`);
    await eventually(() => answers).toEqual(['done']);
  });
});

describe('the tenant picker', () => {
  const tenants: TenantEntry[] = Array.from({ length: 10_000 }, (_, index) => ({
    id: String(index),
    slug: `tenant-${index}`,
    name: index === 4711 ? 'Casa Müller & Söhne' : `Tenant number ${index}`,
    tier: index === 4711 ? 'free' : 'pro',
    status: 'active',
    backupAgeSeconds: 3000,
    rpoMet: true,
    rpoSeconds: 3600,
  }));
  const index = indexTenants(tenants);

  function picker(): { terminal: VirtualTerminal; taken: string[] } {
    const taken: string[] = [];
    const terminal = show((inside) => (
      <TenantsScreen
        {...inside}
        title="Whose?"
        index={index}
        byEmail={async (text) => new Set('ops@wayfarer.example'.includes(text) ? ['9000'] : [])}
        onTake={(tenant) => taken.push(tenant.id)}
        onBack={() => {}}
      />
    ));
    return { terminal, taken };
  }

  it('finds by name, slug, id and e-mail as one types, and takes the best match', async () => {
    const { terminal, taken } = picker();
    await terminal.shows('10,000 of 10,000');
    for (const [text, id] of [
      ['müller', '4711'],
      ['tenant-77', '77'],
      ['5123', '5123'],
      ['ops@wayfarer', '9000'],
    ] as const) {
      terminal.type(`${keys.ctrlU}${text}`);
      await terminal.shows(new RegExp(`find › ${text}`));
      await terminal.shows(id === '4711' ? '▶ free' : new RegExp(`▶ .*tenant-${id} `));
      terminal.type(keys.enter);
      await eventually(() => taken.at(-1)).toBe(id);
    }
  });

  it('says so when nothing answers, and takes nobody', async () => {
    const { terminal, taken } = picker();
    await terminal.shows('10,000 of 10,000');
    terminal.type('zzz');
    await terminal.shows('Nothing answers that');
    terminal.type(keys.enter);
    await terminal.shows('no tenant is marked');
    expect(taken).toEqual([]);
  });
});
