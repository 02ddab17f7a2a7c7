import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import { z } from '../zod.ts';

/** What tells one process from every other, also after its pid was given to somebody else. */
export const processIdentity = z.object({
  pid: z.number().int(),
  host: z.string(),
  /** The machine's boot and the process's own view of pids, where the system tells. */
  boot: z.string().nullable(),
  pids: z.string().nullable(),
  /** When the process started, in whatever form the system gives it; compared, never read. */
  started: z.string().nullable(),
});
export type ProcessIdentity = z.infer<typeof processIdentity>;

/** `elsewhere`: on another host or in another container, so nobody here can tell. */
export type Life = 'alive' | 'gone' | 'elsewhere';

const run = promisify(execFile);

export async function ownIdentity(): Promise<ProcessIdentity> {
  const [boot, pids, started] = await Promise.all([bootId(), pidNamespace(), startOf(process.pid)]);
  return { pid: process.pid, host: hostname(), boot, pids, started };
}

/** Is that process still running? */
export async function lifeOf(other: ProcessIdentity): Promise<Life> {
  if (other.host !== hostname()) return 'elsewhere';
  const [boot, pids] = await Promise.all([bootId(), pidNamespace()]);
  if (boot !== other.boot) return 'gone';
  if (pids !== other.pids) return 'elsewhere';
  const there = reach(other.pid);
  if (there === 'nobody') return 'gone';
  const started = await startOf(other.pid);
  // another user's process whose start we may not see: better to ask than to call it dead
  if (started === null && there === 'hidden') return 'elsewhere';
  return started === other.started ? 'alive' : 'gone';
}

function reach(pid: number): 'ours' | 'hidden' | 'nobody' {
  try {
    process.kill(pid, 0);
    return 'ours';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? 'hidden' : 'nobody';
  }
}

async function bootId(): Promise<string | null> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}

async function pidNamespace(): Promise<string | null> {
  return readlink('/proc/self/ns/pid').catch(() => null);
}

/** Field 22 of /proc/<pid>/stat (proc_pid_stat(5)); the name in field 2 may hold spaces and parentheses. */
async function startOf(pid: number): Promise<string | null> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
    // a zombie holds its pid but nothing else: state Z, X
    if (fields?.[0] === 'Z' || fields?.[0] === 'X') return null;
    return fields?.[19] ?? null;
  }
  const printed = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => null);
  return printed?.stdout.trim() || null;
}
