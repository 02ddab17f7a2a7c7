import { execa, type Options } from 'execa';
import { printable } from '../engine/printable.ts';
import type { ErrorCode } from '../errors.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
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
 * as TENANT_DR_… variables, never as text in the command. Rejects with `tool-missing`, `tool-failed` or `hook-failed`.
 */
export async function runCommand(
  context: ActionContext,
  request: CommandRequest,
): Promise<{ output: string }> {
  const options = {
    env: facts(context),
    timeout: request.timeoutSeconds * 1000,
    forceKillAfterDelay: 2000,
    stdin: 'ignore',
    all: true,
    reject: false,
    maxBuffer: 1_000_000,
    ...(request.signal ? { cancelSignal: request.signal } : {}),
  } as const satisfies Options;
  const child =
    typeof request.command === 'string'
      ? execa(request.command, { ...options, shell: true })
      : execa(request.command[0] ?? '', request.command.slice(1), options);
  for await (const line of child.iterable({ from: 'all' })) context.output(printable(String(line)));
  const result = await child;
  const output = String(result.all ?? '').slice(-keptCharacters);
  if (!result.failed) return { output };
  const program = typeof request.command === 'string' ? 'the shell' : (request.command[0] ?? '');
  if (result.code === 'ENOENT') {
    throw new TenantDrError(
      'tool-missing',
      `${sentenceCase(request.name)}: there is no program "${program}".`,
      {
        hint: 'Install it, or correct the command in the configuration or runbook.',
      },
    );
  }
  if (result.isCanceled)
    throw new TenantDrError('interrupted', `${sentenceCase(request.name)} was ended because the run stops.`);
  const how = result.timedOut
    ? `did not end within ${request.timeoutSeconds} s and was ended`
    : result.exitCode === undefined
      ? `could not run: ${result.shortMessage ?? reasonOf(result.cause)}`
      : `ended with exit code ${result.exitCode}`;
  throw new TenantDrError(request.code, `${sentenceCase(request.name)} ${how}.`, {
    hint: lastLine(output),
    facts: { exitCode: result.exitCode ?? null },
  });
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
