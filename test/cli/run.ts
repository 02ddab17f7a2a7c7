import { spawn } from 'node:child_process';
import { main } from '../built.ts';

export interface Ran {
  exit: number | null;
  stdout: string;
  stderr: string;
  /** The one JSON document of a run with --json. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into documents of every command
  document: any;
  /** JSON lines of stderr. */
  events: Record<string, unknown>[];
}

export interface RunOptions {
  cwd: string;
  env?: Record<string, string>;
  input?: string;
  /** Called with the process once it runs, to signal it. */
  onStart?: (process: ReturnType<typeof spawn>) => void;
}

/** Runs the built tenant-dr as a process of its own, in `cwd`, with a bare environment. */
export function tenantDr(args: string[], options: RunOptions): Promise<Ran> {
  const env = { PATH: process.env.PATH ?? '', HOME: options.cwd, LOGNAME: 'tester', ...options.env };
  const child = spawn(process.execPath, [main, ...args], { cwd: options.cwd, env, stdio: 'pipe' });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.end(options.input ?? '');
  options.onStart?.(child);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit) => {
      const stdout = Buffer.concat(out).toString();
      const stderr = Buffer.concat(err).toString();
      const json = args.includes('--json');
      resolve({
        exit,
        stdout,
        stderr,
        document: json && stdout !== '' ? JSON.parse(stdout) : undefined,
        events: json
          ? stderr
              .split('\n')
              .filter(Boolean)
              .map((line) => JSON.parse(line))
          : [],
      });
    });
  });
}
