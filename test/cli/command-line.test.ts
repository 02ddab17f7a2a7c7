import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commands } from '../../src/cli/commands/index.ts';
import { temporaryFolder } from './folder.ts';
import { type Ran, tenantDr, tenantDrProcess } from './run.ts';
import { shop } from './shop.ts';

const globalOptions = ['--json', '--config', '--database', '--backups', '--state', '--as', '--help'];

test('--help lists every command and every option all commands have', async () => {
  const { exit, stdout, stderr } = await tenantDr(['--help'], { cwd: temporaryFolder() });
  expect(exit).toBe(0);
  expect(stderr).toBe('');
  for (const { name } of commands) expect(stdout).toContain(`  ${name.split(' ')[0]}`);
  for (const option of globalOptions) expect(stdout).toContain(option);
});

test('every command has its own help with the common options, and is listed once', async () => {
  const cwd = temporaryFolder();
  expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
  const helps: Ran[] = [];
  for (const { name } of commands) helps.push(await tenantDr([...name.split(' '), '--help'], { cwd }));
  for (const [index, { exit, stdout }] of helps.entries()) {
    expect({ name: commands[index]?.name, exit }).toEqual({ name: commands[index]?.name, exit: 0 });
    expect(stdout).toContain(`Usage: tenant-dr ${commands[index]?.name}`);
    for (const option of globalOptions) expect(stdout).toContain(option);
  }
  const verify = helps[commands.findIndex(({ name }) => name === 'backup verify')];
  expect(verify?.stdout).not.toContain('--gzip');
}, 120_000);

test('help and the version load no database, no screen and no config schema', async () => {
  const cwd = temporaryFolder();
  const env = { NODE_DEBUG: 'esm,module' };
  const { stderr } = await tenantDrProcess(['--help'], { cwd, env });
  for (const heavy of ['better-sqlite3', '/ink/', '/react/', '/pg/', 'zod', '/yaml/']) {
    expect(stderr.includes(`node_modules/${heavy.replaceAll('/', '')}`), heavy).toBe(false);
  }
});

test('the version is that of the package', async () => {
  const { exit, stdout } = await tenantDr(['--version'], { cwd: temporaryFolder() });
  expect([exit, stdout]).toEqual([0, '0.1.0\n']);
});

test.each([
  ['an unknown command', ['tabels'], "unknown command 'tabels'", 'did you mean tables?'],
  ['an unknown option', ['tables', '--jsno'], "unknown option '--jsno'", 'did you mean --json?'],
  ['an option of another command', ['backup', 'verify', 'x', '--gzip'], "unknown option '--gzip'", 'backup'],
  [
    'an option without its value',
    ['tables', '--database'],
    "option '--database <url|path>' argument missing",
    '',
  ],
  ['an argument too many', ['tables', 'extra'], 'too many arguments', ''],
])('%s is bad usage: exit 2 with the nearest name', async (_what, args, message, hint) => {
  const { exit, stdout, stderr } = await tenantDr(args, { cwd: temporaryFolder() });
  expect(exit).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(`error: ${message}`);
  expect(stderr).toContain(hint);
});

test('a failure with --json is one document on stdout, message and hint on stderr', async () => {
  const { exit, document, events } = await tenantDr(['tables', '--json', '--database', 'none.db'], {
    cwd: temporaryFolder(),
  });
  expect(exit).toBe(2);
  expect(document).toEqual({
    schema: 'tenant-dr/tables/1',
    ok: false,
    error: {
      code: 'database-missing',
      exit: 2,
      message: expect.stringContaining('none.db'),
      hint: expect.any(String),
      changed: false,
    },
  });
  expect(events).toEqual([{ event: 'error', message: document.error.message, hint: document.error.hint }]);
});

test('bad usage with --json is a document too', async () => {
  const { exit, document } = await tenantDr(['--json', 'tabels'], { cwd: temporaryFolder() });
  expect(exit).toBe(2);
  expect(document).toMatchObject({
    schema: 'tenant-dr/usage/1',
    ok: false,
    error: { code: 'usage', exit: 2 },
  });
});

test('common options may stand before or after the command', async () => {
  const cwd = temporaryFolder();
  shop(cwd);
  const config = 'tenants: { table: organizations }\n';
  writeFileSync(join(cwd, 'c.yaml'), config);
  const before = await tenantDr(['--config', 'c.yaml', '--json', '--database', 'shop.db', 'tables'], { cwd });
  const after = await tenantDr(['tables', '--database', 'shop.db', '--json', '--config', 'c.yaml'], { cwd });
  expect(before.exit).toBe(0);
  expect(after.document).toEqual(before.document);
});

test('without a database the command says how to name one', async () => {
  const { exit, stderr } = await tenantDr(['tables'], { cwd: temporaryFolder() });
  expect(exit).toBe(2);
  expect(stderr).toContain('no database is named');
  expect(stderr).toContain('--database <url|path>');
});

test('warnings of the config are said once, on stderr', async () => {
  const cwd = temporaryFolder();
  shop(cwd);
  writeFileSync(join(cwd, 'tenant-dr.config.yaml'), 'tenants: { table: organizations }\n');
  const env = { BACKUP_FREQUENCY: 'hourly', DATABASE_PATH: 'shop.db' };
  const text = await tenantDr(['tables'], { cwd, env });
  expect(text.stderr.match(/BACKUP_FREQUENCY/g)).toHaveLength(1);
  const json = await tenantDr(['tables', '--json'], { cwd, env });
  expect(json.events).toEqual([expect.objectContaining({ event: 'warning' })]);
});

test('a reader that goes away does not make a command fail', async () => {
  const cwd = temporaryFolder();
  shop(cwd);
  const { exit } = await tenantDrProcess(['tables', '--database', 'shop.db'], {
    cwd,
    onStart: (child) => child.stdout?.destroy(),
  });
  expect(exit).not.toBe(null);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s stops a command that only reads: exit 130',
  async (signal) => {
    const cwd = temporaryFolder();
    shop(cwd);
    const { exit, document } = await tenantDrProcess(['tenants', '--json', '--database', 'shop.db'], {
      cwd,
      env: {
        NODE_OPTIONS: `--import ${new URL('./interrupt-when-ready.ts', import.meta.url).href}`,
        TEST_SIGNAL: signal,
      },
    });
    expect(exit).toBe(130);
    expect(document.error).toMatchObject({ code: 'interrupted', exit: 130, changed: false });
  },
);

test('help of a command may be asked for in words', async () => {
  const cwd = temporaryFolder();
  const words = await tenantDr(['help', 'tables'], { cwd });
  const option = await tenantDr(['tables', '--help'], { cwd });
  expect(words).toEqual(option);
  expect(words.exit).toBe(0);
});

test('a group of commands names what is in it', async () => {
  const cwd = temporaryFolder();
  const alone = await tenantDr(['runbook'], { cwd });
  expect([alone.exit, alone.stdout]).toEqual([2, '']);
  expect(alone.stderr).toContain('list');
  const wrong = await tenantDr(['runbook', 'lst'], { cwd });
  expect(wrong.stderr).toContain('did you mean list?');
});
