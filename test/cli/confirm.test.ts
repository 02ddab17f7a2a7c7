import { fileURLToPath } from 'node:url';
import { spawn } from '@lydell/node-pty';
import { expect, test } from 'vitest';
import { checkPhrase } from '../../src/cli/confirm.ts';
import type { Context } from '../../src/cli/context.ts';
import { operatorFor } from '../../src/cli/resumed.ts';
import { plain } from '../../src/tui/line.ts';
import { confirmHint } from '../../src/tui/view/confirm.ts';

const fixture = fileURLToPath(new URL('./confirm-fixture.ts', import.meta.url));

/** Types into a real terminal: `early` before the program even runs, `answer` once the question is there. */
function answer({ early = '', answer }: { early?: string; answer: string }): Promise<string> {
  const terminal = spawn(process.execPath, [fixture], {
    cols: 80,
    rows: 24,
    env: { ...process.env, TERM: 'xterm' },
  });
  let screen = '';
  let answered = false;
  terminal.write(early);
  return new Promise((resolve) => {
    terminal.onData((data) => {
      screen += data;
      if (!answered && screen.includes('to go ahead: ')) {
        answered = true;
        terminal.write(answer);
      }
    });
    terminal.onExit(() => resolve(/RESULT (\S+)/.exec(screen)?.[1] ?? screen));
  });
}

test('the phrase typed exactly confirms', async () => {
  expect(await answer({ answer: 'northwind\r' })).toBe('confirmed');
});

test.each([
  ['Enter alone', '\r'],
  ['y', 'y\r'],
  ['the wrong case', 'Northwind\r'],
  ['a trailing space', 'northwind \r'],
  ['a leading space', ' northwind\r'],
  ['the beginning', 'north\r'],
])('%s is refused', async (_what, typed) => {
  expect(await answer({ answer: typed })).toBe('confirmation-refused');
});

test('Ctrl-C at the question stops, and nothing is confirmed', async () => {
  expect(await answer({ answer: 'northwind\u0003' })).toBe('interrupted');
});

test('the end of input at the question confirms nothing', async () => {
  expect(await answer({ answer: '\u0004' })).toBe('interrupted');
});

test('keys typed before the question could be read do not count', async () => {
  expect(await answer({ early: 'northwind\r', answer: '\r' })).toBe('confirmation-refused');
});

test('a phrase that differs only in case or spaces says so', () => {
  expect(() => checkPhrase('northwind', 'NORTHWIND')).toThrow(/letter case and spaces count/);
  expect(() => checkPhrase('northwind', 'southwind')).toThrow(/does not match; nothing was changed/);
});

test('what no keyboard has in a phrase is typed as it is spelled, on the command line and on the screen', () => {
  const phrase = 'acme\u001b[31m';
  const spelled = 'acme\\u{1b}[31m';
  for (const typed of [phrase, spelled]) expect(() => checkPhrase(phrase, typed)).not.toThrow();
  expect(() => checkPhrase(phrase, 'acme[31m')).toThrow(/does not match/);
  const said = (typed: string) => plain(confirmHint(typed, phrase, 80));
  expect(said('')).toContain(`Type ${spelled} to go on (letter by letter, as it is spelled here)`);
  expect(said(spelled)).toContain('It matches');
});

test('whoever resumes a bare command reads what is at stake and in which database before typing', async () => {
  let told = '';
  const confirm: Context['confirm'] = async ({ stakes }) => {
    told = await stakes();
  };
  const stakes = {
    phrase: 'northwind',
    database: { name: 'shop', location: '/data/shop.db', environment: 'production' },
    tenants: [],
    tables: [{ name: 'leads', insert: 1, update: 2, delete: 41 }],
    cannotBeUndone: [],
  };
  const preview = { summary: '', lines: [], commands: [], stakes };
  const question = { id: 'restore.confirm', kind: 'confirm' as const, title: 'Restore', detail: [], preview };
  const { signal } = new AbortController();
  const person = operatorFor({ interactive: true, confirm }, undefined);
  expect(await person.confirm({ ...question, phrase: 'northwind' }, signal)).toBe('northwind');
  expect(told).toContain('leads: 1 added, 2 changed, 41 deleted');
  expect(told).toContain('/data/shop.db (production)');
});
