import { spawn } from 'node:child_process';
import { main } from '../built.ts';
import { runLine } from '../resident/resident.ts';

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
}

export interface ProcessOptions extends RunOptions {
  input?: string;
  /** Called with the process once it runs, to signal it. */
  onStart?: (process: ReturnType<typeof spawn>) => void;
}

/** Runs a command line of the built tenant-dr in `cwd`, with a bare environment. */
export async function tenantDr(args: string[], { cwd, env }: RunOptions): Promise<Ran> {
  return ran(args, await runLine({ args, cwd, env: bare(cwd, env) }));
}

/** The same in a process of its own. */
export function tenantDrProcess(args: string[], options: ProcessOptions): Promise<Ran> {
  const { cwd } = options;
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    env: bare(cwd, options.env),
    stdio: 'pipe',
  });
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
      resolve(ran(args, { exit, stdout, stderr }));
    });
  });
}

function bare(cwd: string, env: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '', HOME: cwd, LOGNAME: 'tester', ...env };
}

function ran(args: string[], ended: Pick<Ran, 'exit' | 'stdout' | 'stderr'>): Ran {
  const json = args.includes('--json');
  const lines = ended.stderr.split('\n').filter(Boolean);
  return {
    ...ended,
    document: json && ended.stdout !== '' ? JSON.parse(ended.stdout) : undefined,
    events: json ? lines.map((line) => JSON.parse(line)) : [],
  };
}
