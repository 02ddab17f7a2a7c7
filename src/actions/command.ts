import type { Options } from 'execa';
import { printable } from '../engine/printable.ts';
import type { ErrorCode } from '../errors.ts';
import { TenantDrError } from '../errors.ts';
import type { ActionContext } from './action.ts';

export interface CommandRequest {
  /** Program and arguments, or one line for a shell that was asked for. */
  command: readonly string[] | string;
  timeoutSeconds: number;
  /** How a failure is reported: as a tool, or as a hook of the application. */
  code: Extract<ErrorCode, 'tool-failed' | 'hook-failed'>;
  /** What runs, for messages: "the hook before suspending". */
  name: string;
  /** Ends the command when the run is to stop. Without it the command is waited for. */
  signal?: AbortSignal;
}

/** The last part of what a command printed, for the journal. */
const keptCharacters = 4000;

/**
 * Runs a command without a shell, its output streamed to the screen and its end kept. Facts of the incident come
 * as TENANT_DR_… variables, never as text in the command. It gets a process group of its own: Ctrl-C at the
 * terminal does not tear it, and whatever it started ends with it. Rejects with `tool-missing`, `tool-failed`,
 * `hook-failed` or `interrupted`.
 */
export async function runCommand(
  context: ActionContext,
  request: CommandRequest,
): Promise<{ output: string }> {
  const { command, timeoutSeconds, signal } = request;
  // Loaded when first used: a restore without hooks starts noticeably faster without it.
  const { execa } = await import('execa');
  const options = {
    env: facts(context),
    detached: true,
    stdin: 'ignore',
    all: true,
    reject: false,
    maxBuffer: 1_000_000,
  } as const satisfies Options;
  const child =
    typeof command === 'string'
      ? execa(command, { ...options, shell: true })
      : execa(command[0] ?? '', command.slice(1), options);
  let ended: 'timeout' | 'stop' | null = null;
  const end = (why: 'timeout' | 'stop') => {
    ended ??= why;
    endGroup(child.pid);
  };
  const stop = () => end('stop');
  const timer = setTimeout(() => end('timeout'), timeoutSeconds * 1000);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const line of child.iterable({ from: 'all' })) context.output(printable(String(line)));
    const result = await child;
    const output = String(result.all ?? '').slice(-keptCharacters);
    if (!result.failed) return { output };
    const how =
      ended === 'timeout' ? `did not end within ${timeoutSeconds} s and was ended` : howItEnded(result);
    throw failure(request, ended === 'stop', result.code === 'ENOENT', how, output);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

const patienceMilliseconds = 2000;

/** Asks every process of the group to end, and ends by force what has not after two seconds. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  const send = (signal: NodeJS.Signals) => {
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  };
  send('SIGTERM');
  setTimeout(() => send('SIGKILL'), patienceMilliseconds).unref();
}

function howItEnded(result: { exitCode?: number; signal?: string; shortMessage?: string }): string {
  if (result.exitCode !== undefined) return `ended with exit code ${result.exitCode}`;
  return result.signal
    ? `was ended by ${result.signal}`
    : `could not run: ${result.shortMessage ?? 'unknown reason'}`;
}

function failure(
  request: CommandRequest,
  stopped: boolean,
  missing: boolean,
  how: string,
  output: string,
): TenantDrError {
  const name = sentenceCase(request.name);
  if (stopped) return new TenantDrError('interrupted', `${name} was ended because the run stops.`);
  if (missing) {
    const program = typeof request.command === 'string' ? 'the shell' : (request.command[0] ?? '');
    return new TenantDrError('tool-missing', `${name}: there is no program "${program}".`, {
      hint: 'Install it, or correct the command in the configuration or runbook.',
    });
  }
  return new TenantDrError(request.code, `${name} ${how}.`, { hint: lastLine(output) });
}

function facts(context: ActionContext): Record<string, string> {
  const { incident, tenant, mode, database } = context;
  return {
    TENANT_DR_INCIDENT: incident.id,
    TENANT_DR_MODE: mode,
    TENANT_DR_DATABASE: database.location,
    ...(tenant
      ? {
          TENANT_DR_TENANT_ID: tenant.id.text,
          TENANT_DR_TENANT_SLUG: tenant.slug,
          TENANT_DR_TENANT_NAME: tenant.name,
        }
      : {}),
  };
}

function lastLine(output: string): string {
  const line = output.trim().split('\n').at(-1) ?? '';
  return line === '' ? 'It printed nothing.' : `Its last line: ${printable(line)}`;
}

function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A command as one shell line a person can copy. */
export function shellLine(command: readonly string[] | string): string {
  if (typeof command === 'string') return command;
  return command
    .map((part) => (/^[\w@%+=:,./<>-]+$/.test(part) ? part : `'${part.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}
