import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from '@lydell/node-pty';
import Database from 'better-sqlite3';

/**
 * `node test/bench/first-frame.ts`
 * Time from start to the first frame: the built program with 10,000 tenants, against a bare Ink "hello" in the same
 * run, turn and turn about. At most twice as long. Then the time from a key in the tenant picker to its effect.
 */
const here = dirname(fileURLToPath(import.meta.url));
const rounds = 9;
const tenants = 10_000;
const home = mkdtempSync(join(tmpdir(), 'tenant-dr-frame-'));

const db = new Database(join(home, 'live.db'));
db.exec('CREATE TABLE tenants (id INTEGER PRIMARY KEY, slug TEXT, name TEXT, status TEXT, plan TEXT)');
const insert = db.prepare('INSERT INTO tenants VALUES (?, ?, ?, ?, ?)');
db.transaction(() => {
  for (let id = 1; id <= tenants; id++)
    insert.run(id, `tenant-${id}`, `Tenant number ${id}`, 'active', 'pro');
})();
db.close();
writeFileSync(
  join(home, 'tenant-dr.config.yaml'),
  'database: sqlite:./live.db\nbackups: ./backups\nstate: ./state\ntenants: { tier: { column: plan } }\n',
);
// The hello lies beside the packages it needs.
const hello = join(here, '../../node_modules/.tenant-dr-hello.mjs');
writeFileSync(
  hello,
  "import { render, Text } from 'ink';\nimport { createElement } from 'react';\nrender(createElement(Text, null, 'hello'));\n",
);

/** Milliseconds until something is drawn; then `onThere` may go on with the terminal. */
async function until(
  words: string[],
  drawn: string,
  onThere?: (type: (keys: string, effect: string) => Promise<number>) => Promise<void>,
): Promise<number> {
  const began = performance.now();
  const pty = spawn(process.execPath, words, {
    ...{ cols: 80, rows: 24, cwd: home },
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home,
      TERM: 'xterm-256color',
      LANG: 'C.UTF-8',
      NODE_ENV: 'production',
    },
  });
  let seen = '';
  let check = (): void => {};
  pty.onData((chunk) => {
    seen += chunk;
    check();
  });
  const shows = (text: string): Promise<number> =>
    new Promise((done, fail) => {
      const tooLate = setTimeout(() => fail(new Error(`never drawn: ${text}\n${seen.slice(-2000)}`)), 60_000);
      check = () => {
        if (!seen.includes(text)) return;
        check = () => {};
        clearTimeout(tooLate);
        done(performance.now());
      };
      check();
    });
  const first = (await shows(drawn)) - began;
  await onThere?.(async (keys, effect) => {
    seen = '';
    const typed = performance.now();
    pty.write(keys);
    return (await shows(effect)) - typed;
  });
  pty.kill('SIGKILL');
  return first;
}

const middle = (list: number[]): number =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
const ours: number[] = [];
const bare: number[] = [];
const keys: number[] = [];
try {
  for (let round = 0; round < rounds; round++) {
    bare.push(await until([hello], 'hello'));
    ours.push(await until([resolve(here, '../../dist/main.js')], 'tenant-dr'));
  }
  await until([resolve(here, '../../dist/main.js')], '10,000', async (type) => {
    await type('t', 'find');
    for (const [key, effect] of [
      ['9', 'of 10,000'],
      ['9', 'of 10,000'],
      ['8', 'of 10,000'],
      ['7', '1 of 10,000'],
    ] as const)
      keys.push(await type(key, effect));
  });
} finally {
  rmSync(hello);
  rmSync(home, { recursive: true, force: true });
}
const ratio = middle(ours) / middle(bare);
console.log(`bare Ink hello       median ${middle(bare).toFixed(0)} ms of ${rounds}`);
console.log(`first frame          median ${middle(ours).toFixed(0)} ms of ${rounds}, ${tenants} tenants`);
console.log(`ratio                ${ratio.toFixed(2)}  (at most 2)${ratio > 2 ? '  MISSED' : ''}`);
console.log(
  `key in the picker    median ${middle(keys).toFixed(0)} ms, max ${Math.max(...keys).toFixed(0)} ms`,
);
process.exitCode = ratio > 2 ? 1 : 0;
