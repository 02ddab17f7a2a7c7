import type { TenantDrError } from '../errors.ts';
import type { Context } from './context.ts';
import type { Exit } from './exits.ts';
import type { Parameters, Values } from './parameters.ts';

/** What a command has to say when it is done. A failure is thrown as TenantDrError instead. */
export interface Result {
  /** The JSON document without `schema` and `ok`, which are added. */
  document: Record<string, unknown>;
  /** The same for a person: lines already made printable. */
  text: string;
  /** Default 0. */
  exit?: Exit;
  /**
   * There is a result and yet it failed (several tenants of which some failed, a doctor who found errors): the
   * document is kept and gets `ok: false` and `error`, the exit is the error's.
   */
  failure?: TenantDrError;
}

type Effect = 'read' | 'tidy' | 'write';

export interface Command {
  /**
   * `read` changes nothing and may be interrupted at once. `write` is never torn down: it watches
   * `context.signal` and throws TenantDrError('interrupted') where it is safe to stop. `tidy` is never torn down
   * either, although nothing stays changed: it has to clear away what it made to look.
   */
  effect: Effect;
  /** In the order they are given; keys become names. */
  arguments: Parameters;
  /** Keys in camelCase become `--kebab-case`. */
  options: Parameters;
  /** Lines shown below the help: examples. */
  examples: string[];
  run(context: Context, input: Record<string, unknown>): Promise<Result>;
}

export interface CommandDeclaration<Arguments extends Parameters, Options extends Parameters> {
  effect: Effect;
  arguments?: Arguments;
  options?: Options;
  examples?: string[];
  run(context: Context, input: Values<Arguments> & Values<Options>): Promise<Result>;
}

// biome-ignore lint/complexity/noBannedTypes: no parameters at all is the empty record
type None = {};

/** Declares one command; `run` gets arguments and options under their keys, typed by their builders. */
export function command<Arguments extends Parameters = None, Options extends Parameters = None>(
  declaration: CommandDeclaration<Arguments, Options>,
): Command {
  return {
    effect: declaration.effect,
    arguments: declaration.arguments ?? {},
    options: declaration.options ?? {},
    examples: declaration.examples ?? [],
    // The parser builds `input` from the very declarations it is typed by.
    run: (context, input) => declaration.run(context, input as Values<Arguments> & Values<Options>),
  };
}

/** One line of commands/index.ts: enough for `--help`; the module is loaded when the command is used. */
export interface CommandEntry {
  /** `backup`, or `backup verify` for a command below another. */
  name: string;
  summary: string;
  load: () => Promise<{ default: Command }>;
}

/** Name of a command's JSON document: `tenant-dr/backup-verify/1`. */
export function documentSchema(name: string): string {
  return `tenant-dr/${name.replaceAll(' ', '-') || 'tenant-dr'}/1`;
}
