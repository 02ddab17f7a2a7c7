import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How a command line did. */
export interface Run {
  seconds: number;
  /** Highest resident memory of the process itself, bytes; 0 where the system does not tell. */
  memory: number;
  /** Longest time the event loop of a Node process stood still, milliseconds; null when not asked for. */
  gap: number | null;
  stdout: string;
}

export interface RunOptions {
  cwd: string;
  /** Empty the page cache of these folders first. */
  coldFolders?: string[];
  /** Watch the event loop: for commands that begin with `node`. Its children are not slowed down by it. */
  watchLoop?: boolean;
  /** Exit codes that count as success. */
  exits?: number[];
}

/** Runs a command to its end and measures it. Throws with what it said when it fails. */
export async function measure(command: string[], options: RunOptions): Promise<Run> {
  for (const folder of options.coldFolders ?? []) dropCache(folder);
  const gapFile = join(tmpdir(), `tenant-dr-gap-${process.pid}.txt`);
  const watcher = `--import=${new URL('watch-loop.mjs', import.meta.url).pathname}`;
  const env = options.watchLoop ? { ...process.env, GAP_FILE: gapFile } : process.env;
  const [program = '', ...words] = command;
  const began = performance.now();
  const child = spawn(program, options.watchLoop ? [watcher, ...words] : words, {
    cwd: options.cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk) => stdout.push(chunk));
  child.stderr.on('data', (chunk) => stderr.push(chunk));
  let memory = 0;
  const poll = setInterval(() => {
    memory = Math.max(memory, highWater(child.pid));
  }, 20);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearInterval(poll);
  const seconds = (performance.now() - began) / 1000;
  if (!(options.exits ?? [0]).includes(code ?? -1)) {
    throw new Error(`${command.join(' ')}\nexit ${code}\n${Buffer.concat(stderr)}${Buffer.concat(stdout)}`);
  }
  const gap = options.watchLoop ? Number(readFileSync(gapFile, 'utf8')) : null;
  rmSync(gapFile, { force: true });
  return { seconds, memory, gap, stdout: Buffer.concat(stdout).toString() };
}

function highWater(pid: number | undefined): number {
  try {
    const match = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match ? Number(match[1]) * 1024 : 0;
  } catch (error) {
    // Already gone, or a system without /proc.
    if (error instanceof Error) return 0;
    throw error;
  }
}

const drop = `
import os, sys
for root, _, names in os.walk(sys.argv[1]):
    for name in names:
        handle = os.open(os.path.join(root, name), os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)
`;

/** Writes a folder's files to disk and forgets them in memory. No database of it may be open. */
export function dropCache(folder: string): void {
  execFileSync('python3', ['-c', drop, folder]);
}

export function bytesUnder(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** The middle one of several measurements of the same thing. */
export function median(runs: Run[]): Run {
  const sorted = [...runs].sort((a, b) => a.seconds - b.seconds);
  return sorted[Math.floor(sorted.length / 2)] as Run;
}
