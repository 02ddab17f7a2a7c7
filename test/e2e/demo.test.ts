import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { removeServer } from '../../src/demo/server.ts';
import { Pty } from '../tui/pty.ts';

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) {
    await removeServer(folder);
    rmSync(folder, { recursive: true, force: true });
  }
});

it('the guided demo on PostgreSQL opens the screens on the folder that was named, and its server ends with them', async () => {
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), 'tenant-dr-play-')));
  folders.push(cwd);
  // As root the server runs under an account of its own, which has to get there.
  chmodSync(cwd, 0o711);
  const terminal = new Pty(['demo', 'training', '--play', '--postgres', '--seed', '3', '--as', 'alice'], {
    cwd,
    env: { TMPDIR: cwd },
  });
  await terminal.shows('demo · chatbot @ 127.0.0.1');
  await terminal.shows('Tenants · 40');
  folders.push(join(cwd, 'training'));
  const { port } = JSON.parse(readFileSync(join(cwd, 'training', 'data', 'server.json'), 'utf8'));
  const ask = () =>
    execFileSync(
      'psql',
      ['-XAtc', 'SELECT count(*) FROM tenants', `postgres://chatbot@127.0.0.1:${port}/chatbot`],
      { encoding: 'utf8', stdio: 'pipe' },
    );
  expect(ask().trim()).toBe('40');
  terminal.type('q');
  expect(await terminal.ends()).toMatchObject({ exit: 0 });
  expect(terminal.text()).toContain('starts it again');
  expect(ask).toThrow();
});
