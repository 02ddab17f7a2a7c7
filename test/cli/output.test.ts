import { expect, test } from 'vitest';
import { ageText, bytesText, durationText, textTable } from '../../src/cli/format.ts';
import { Output, toJson } from '../../src/cli/output.ts';
import { progressText } from '../../src/cli/progress.ts';
import { severalEnded } from '../../src/cli/restore-several.ts';

interface Setting {
  json?: boolean;
  tty?: boolean;
  env?: Record<string, string>;
}

function channels({ json = false, tty = false, env = {} }: Setting = {}) {
  const written = { out: '', err: '', now: 0 };
  const sink = (name: 'out' | 'err') => ({
    isTTY: tty,
    columns: 60,
    write: (text: string) => {
      written[name] += text;
    },
  });
  const output = new Output({ stdout: sink('out'), stderr: sink('err'), json, env, now: () => written.now });
  return { written, output };
}

const bytes = (done: number) => ({ phase: 'staging', done, total: 2_000_000_000, unit: 'bytes' as const });

test('with --json stdout gets one document and stderr one object a line', () => {
  const { written, output } = channels({ json: true });
  output.note('waiting for another writer');
  output.warn('old backup', 'take one');
  output.progress(bytes(5));
  output.event('incident', { id: 'INC-1' });
  output.error('it failed', 'try again');
  output.result({ schema: 's', ok: false }, 'not shown');
  expect(JSON.parse(written.out)).toEqual({ schema: 's', ok: false });
  expect(
    written.err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event),
  ).toEqual(['note', 'warning', 'progress', 'incident', 'error']);
});

test('for a person the result goes to stdout and everything along the way to stderr', () => {
  const { written, output } = channels();
  output.warn('old backup', 'take one');
  output.event('incident', { id: 'INC-1' });
  output.error('it\u001b[2J failed', 'try again');
  output.result({}, 'done\n');
  expect(written).toMatchObject({
    out: 'done\n',
    err: 'warning: old backup\n  take one\nerror: it\\u{1b}[2J failed\n  hint: try again\n',
  });
});

test('progress rewrites one line on a terminal, with the time left once it can be told', () => {
  const { written, output } = channels({ tty: true, env: { NO_COLOR: '1' } });
  output.progress(bytes(0));
  written.now = 10_000;
  output.progress(bytes(500_000_000));
  written.now = 10_010;
  output.progress(bytes(600_000_000));
  output.note('a line of its own');
  expect(written.err.split('\r\u001b[K').slice(1)).toEqual([
    'staging  0 %  0 B of 2.0 GB',
    'staging  25 %  500.0 MB of 2.0 GB  0:30 left',
    'a line of its own\n',
  ]);
});

test('progress that nobody watches is one line per phase', () => {
  const { written, output } = channels();
  for (let done = 0; done < 50; done++) output.progress(bytes(done));
  output.progress({ phase: 'verifying', done: 0, total: null, unit: 'rows' });
  expect(written.err).toBe('staging\nverifying\n');
});

test.each([
  [{ tty: true }, true],
  [{ tty: true, env: { NO_COLOR: '1' } }, false],
  [{ tty: true, env: { TERM: 'dumb' } }, false],
  [{ tty: false }, false],
] as const)('colour only where a person looks: %j', (setting, coloured) => {
  const { output } = channels(setting as Setting);
  expect(output.style('red', 'x') !== 'x').toBe(coloured);
});

test('JSON is safe to print and reads back the same', () => {
  const value = { text: '\u001b[31m\u202e\u007f\u2028\u200b\ufeff é', big: 2n ** 60n, small: 5n };
  const text = toJson(value);
  expect([...text].filter((one) => one < ' ' || one > 'é').join('')).toBe('');
  expect(JSON.parse(text)).toEqual({ text: value.text, big: '1152921504606846976', small: 5 });
});

test('progress without a total claims no percentage', () => {
  expect(progressText({ phase: 'reading', done: 12, total: null, unit: 'rows' }, 5)).toBe('reading  12 rows');
  expect(progressText({ phase: 'reading', done: 12, total: 0, unit: 'rows' }, 5)).toBe('reading  12 rows');
});

test('ages, durations and sizes are said in their largest unit', () => {
  expect([40, 3120, 7200, 47 * 3600, 48 * 3600].map(ageText)).toEqual([
    '40 s',
    '52 min',
    '2 h',
    '47 h',
    '2 d',
  ]);
  expect([13, 521, 3723].map(durationText)).toEqual(['0:13', '8:41', '1:02:03']);
  expect([512, 1200, 1_234_567_890].map(bytesText)).toEqual(['512 B', '1.2 kB', '1.2 GB']);
});

test('a table that is too wide wraps its widest column and loses nothing', () => {
  const rows = [['agents', '36', 'agents.channel_id → channels.id, channels.tenant_id → tenants.id']];
  const text = textTable([{ title: 'table' }, { title: 'n', align: 'right' }, { title: 'path' }], rows, 40);
  expect(text.split('\n').every((line) => line.length <= 40)).toBe(true);
  expect(text.replaceAll(/\s+/g, ' ')).toContain('channels.tenant_id → tenants.id');
});

test('of several tenants, one whose COMMIT nobody answered is not counted among those not restored', () => {
  const failed = (slug: string, code: string) => ({ tenant: { id: 1, slug }, error: { code, message: '' } });
  const ended = (...results: object[]) => severalEnded('INC-1', { results }, 80)?.failure;
  const lost = failed('a', 'outcome-unknown');
  expect(ended(lost, failed('b', 'conflict'), { tenant: { id: 3, slug: 'c' } })).toMatchObject({
    code: 'outcome-unknown',
    message:
      '1 of 3 tenants were not restored; of 1 of 3 tenants it is not known yet whether they were restored; the others were.',
    hint: expect.stringContaining('tenant-dr resume INC-1'),
    facts: { changed: true },
  });
  expect(ended(lost)?.facts).toEqual({ changed: null });
});

test('of several tenants what the proof does not cover is said once, with the way back', () => {
  const done = (slug: string, notes: string[]) => ({
    tenant: { id: 1, slug },
    isolation: { method: 'counted', otherRowsWritten: 0, tablesGuarded: 3, notes },
  });
  const text = (...results: object[]) => severalEnded('INC-1', { results }, 80)?.text ?? '';
  const own = Array.from({ length: 12 }, (_, i) => `note ${i}`);
  const said = text(done('a', ['of both', ...own]), done('b', ['of both']));
  expect(said.split('of both')).toHaveLength(2);
  expect(said).toContain('wrote no row of another tenant: 0 rows written (counted)');
  expect(said).toContain('… 5 more notes');
  expect(said).toContain('tenant-dr undo INC-1 --tenant');
  expect(text({ tenant: { id: 1, slug: 'a' }, error: { code: 'conflict', message: '' } })).not.toMatch(
    /wrote no row|undo/,
  );
});
