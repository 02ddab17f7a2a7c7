import { fileURLToPath } from 'node:url';
import { spawn } from '@lydell/node-pty';
import { expect, test } from 'vitest';
import { checkPhrase } from '../../src/cli/confirm.ts';

const fixture = fileURLToPath(new URL('./confirm-fixture.ts', import.meta.url));

/** Types into a real terminal: `early` before the question can be read, `answer` once it is there. */
function answer({ early = '', answer }: { early?: string; answer: string }): Promise<string> {
  const terminal = spawn(process.execPath, [fixture], {
    cols: 80,
    rows: 24,
    env: { ...process.env, TERM: 'xterm' },
  });
  let screen = '';
  let warned = false;
  let answered = false;
  return new Promise((resolve) => {
    terminal.onData((data) => {
      screen += data;
      if (!warned && screen.includes('loses 41 rows')) {
        warned = true;
        terminal.write(early);
      }
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
