import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type IPty, spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { scales, slugsOf } from './generate.ts';
import { dropCache } from './measure.ts';
import { Stage } from './stage.ts';

/**
 * `node test/bench/terminal.ts [--small] [--dir folder]`
 * Walks the corruption runbook on the benchmark's 1 GB database with keys, in a real pseudo-terminal, and measures
 * while the program works: the time between two ticks of the screen, how far the seconds of the RTO clock are from
 * a second apart, and the time between a key and its effect. Every gap is to stay under 100 ms.
 */
const limit = 100;
const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    dir: { type: 'string', default: join(tmpdir(), 'tenant-dr-bench') },
  },
});

const spinner = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/;
const clock = /(\d+:\d\d) (?:used|since)/;

interface Gaps {
  ticks: number[];
  seconds: number[];
  keys: number[];
}

/** A program in a terminal. Ticks and effects are read from what it writes, the clock from what that draws. */
class Listener {
  readonly #pty: IPty;
  readonly #waiting = new Set<(chunk: string) => void>();
  readonly #screen = new xterm.Terminal({ cols: 80, rows: 24, allowProposedApi: true });
  #seen = '';

  constructor(words: string[], cwd: string) {
    this.#pty = spawn(process.execPath, [resolve(here, '../../dist/main.js'), ...words], {
      ...{ cols: 80, rows: 24, cwd },
      env: { PATH: process.env.PATH ?? '', HOME: cwd, TERM: 'xterm-256color', LANG: 'C.UTF-8' },
    });
    this.#pty.onData((chunk) => {
      this.#seen += chunk;
      const arrived = performance.now();
      this.#screen.write(chunk, () => this.onDrawn(arrived));
      for (const hear of this.#waiting) hear(chunk);
    });
    this.#pty.onExit(({ exitCode }) => this.#ended(exitCode));
  }

  #ended = (exit: number): void => {
    if (this.#waiting.size === 0) return;
    console.error(this.#seen.slice(-3000));
    throw new Error(`the program ended with ${exit} before the walk was over`);
  };

  /** Resolves when something is drawn that was not before. */
  drawn(wanted: string | RegExp): Promise<void> {
    this.#seen = '';
    return new Promise((resolve, reject) => {
      const tooLate = setTimeout(() => {
        this.#waiting.delete(hear);
        reject(new Error(`never drawn: ${wanted}\n${this.#seen.slice(-3000)}`));
      }, 170_000);
      const hear = (): void => {
        const there = typeof wanted === 'string' ? this.#seen.includes(wanted) : wanted.test(this.#seen);
        if (!there) return;
        clearTimeout(tooLate);
        this.#waiting.delete(hear);
        resolve();
      };
      this.#waiting.add(hear);
    });
  }

  hear(listener: (chunk: string) => void): () => void {
    this.#waiting.add(listener);
    return () => this.#waiting.delete(listener);
  }

  /** Called once a chunk is on the screen, with the time it arrived. */
  onDrawn: (arrived: number) => void = () => {};

  /** The seconds of the clock as they stand on the screen. */
  get clock(): string | undefined {
    const { active } = this.#screen.buffer;
    return clock.exec(active.getLine(active.baseY + 2)?.translateToString(true) ?? '')?.[1];
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  end(): void {
    this.#waiting.clear();
    this.#pty.kill('SIGKILL');
  }
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Measures until something is drawn: opens the help and closes it again all the while. */
async function whileWorking(listener: Listener, gaps: Gaps, until: string): Promise<void> {
  let lastTick: number | null = null;
  let lastSecond: { text: string; at: number | null } | null = null;
  let over = false;
  listener.onDrawn = (arrived) => {
    const second = listener.clock;
    if (second === undefined || second === lastSecond?.text) return;
    // The first second was seen somewhere in its middle.
    if (lastSecond?.at != null) gaps.seconds.push(Math.abs(arrived - lastSecond.at - 1000));
    lastSecond = { text: second, at: lastSecond === null ? null : arrived };
  };
  const stop = listener.hear((chunk) => {
    const now = performance.now();
    if (!spinner.test(chunk)) return;
    if (lastTick !== null) gaps.ticks.push(now - lastTick);
    lastTick = now;
  });
  const there = listener.drawn(until).then(() => {
    over = true;
  });
  while (!over) {
    await Promise.race([pause(500), there]);
    if (over) break;
    for (const [key, effect] of [
      ['?', 'goes back'],
      [' ', 'step '],
    ] as const) {
      const began = performance.now();
      const seen = new Promise<boolean>((done) => {
        const unhear = listener.hear((chunk) => {
          if (!chunk.includes(effect)) return;
          unhear();
          done(true);
        });
      });
      listener.type(key);
      // Where the work ended just then, another screen stands there and the key meant nothing.
      if (await Promise.race([seen, there.then(() => false)])) gaps.keys.push(performance.now() - began);
      // Behind the help the screen does not tick.
      lastTick = null;
    }
  }
  stop();
  listener.onDrawn = () => {};
}

const down = '\u001b[B';
const stage = new Stage(values.dir, values.small ? scales.small : scales.full);
const { l: slug } = slugsOf(stage.scale);
const home = mkdtempSync(join(values.dir, 'terminal-'));
mkdirSync(join(home, 'backups'));
copyFileSync(stage.plain, join(home, 'live.db'));
copyFileSync(join(stage.home, 'tenant-dr.config.yaml'), join(home, 'tenant-dr.config.yaml'));
for (const name of readdirSync(join(stage.home, 'backups')))
  if (name.startsWith('bench_sqlite_'))
    copyFileSync(join(stage.home, 'backups', name), join(home, 'backups', name));
execFileSync(process.execPath, [
  join(here, 'damage.mjs'),
  join(home, 'live.db'),
  slug.replace('tenant-', ''),
]);
dropCache(home);

const phases: [string, Gaps][] = [];
async function measured(name: string, until: string): Promise<void> {
  const gaps: Gaps = { ticks: [], seconds: [], keys: [] };
  const began = performance.now();
  await whileWorking(listener, gaps, until);
  console.error(`  ${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  phases.push([name, gaps]);
  await pause(500);
}

const listener = new Listener(
  [
    'run',
    'single-tenant-corruption',
    '--tenant',
    slug,
    '--damaged-at',
    '2026-11-01T03:00:00Z',
    '--as',
    'bench',
  ],
  home,
);
try {
  await listener.drawn('what is at stake comes first');
  await pause(500);
  listener.type('\r');
  await listener.drawn(`Type `);
  await pause(500);
  listener.type(`${slug}\r`);
  await listener.drawn('working on it');
  await pause(500);
  listener.type(`${down}\r`);
  await measured('scope', 'Which backup shall');
  listener.type(`${down}\r`);
  await measured('plans', 'How shall the rows');
  listener.type(`${down}\r`);
  await listener.drawn('This is what the restore');
  await pause(500);
  listener.type('a');
  await listener.drawn('Type ');
  await pause(500);
  listener.type(`${slug}\r`);
  await measured('restore and verification', 'what is at stake comes first');
} finally {
  listener.end();
  rmSync(home, { recursive: true, force: true });
}

let missed = false;
console.log(
  `${'phase'.padEnd(26)}${'what'.padEnd(34)}${'n'.padStart(6)}${'median'.padStart(9)}${'max'.padStart(9)}`,
);
for (const [name, gaps] of phases) {
  for (const [what, list] of [
    ['between two ticks', gaps.ticks],
    ['clock: off a second by', gaps.seconds],
    ['from key to effect', gaps.keys],
  ] as const) {
    const sorted = [...list].sort((a, b) => a - b);
    const middle = sorted[Math.floor(sorted.length / 2)];
    const most = sorted.at(-1);
    if ((most ?? 0) > limit) missed = true;
    const shown = (value: number | undefined) => (value === undefined ? '-' : `${value.toFixed(0)} ms`);
    console.log(
      `${name.padEnd(26)}${what.padEnd(34)}${String(sorted.length).padStart(6)}${shown(middle).padStart(9)}${shown(most).padStart(9)}${(most ?? 0) > limit ? '  MISSED' : ''}`,
    );
  }
}
process.exitCode = missed ? 1 : 0;
