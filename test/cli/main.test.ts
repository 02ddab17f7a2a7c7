import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from './folder.ts';
import { tenantDrProcess } from './run.ts';

/** Makes a process believe in another Node, before tenant-dr starts. */
function pretending(version: string, cwd: string): Record<string, string> {
  const file = join(cwd, 'pretend.mjs');
  writeFileSync(
    file,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`,
  );
  return { NODE_OPTIONS: `--import ${pathToFileURL(file).href}` };
}

test.each(['18.20.0', '20.20.2', '22.14.9'])(
  'on Node %s it says what is needed and does nothing',
  async (version) => {
    const cwd = temporaryFolder();
    const { exit, stdout, stderr } = await tenantDrProcess(['--help'], {
      cwd,
      env: pretending(version, cwd),
    });
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toContain('needs Node 22.15 or newer');
    expect(stderr).toContain('hint:');
  },
);

test.each(['22.15.0', '23.0.0', '26.1.0'])('on Node %s it starts', async (version) => {
  const cwd = temporaryFolder();
  const { exit } = await tenantDrProcess(['--version'], { cwd, env: pretending(version, cwd) });
  expect(exit).toBe(0);
});
