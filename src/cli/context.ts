import type { Config } from '../config/schema.ts';
import type { Database } from '../engine/port.ts';
import type { Output } from './output.ts';

/** The options every command has. */
export interface Flags {
  json: boolean;
  config: string | undefined;
  database: string | undefined;
  backups: string | undefined;
  state: string | undefined;
  as: string | undefined;
}

/** Who is at the keyboard, as the journal records it. */
export interface Operator {
  name: string;
  /** The name was taken from the login because nobody said `--as`. */
  assumed: boolean;
  host: string;
  /** Address an SSH session comes from; null at the machine itself. */
  origin: string | null;
}

/** Everything a command may reach outside itself. */
export interface Context {
  /** Name of the command, as in `backup verify`. */
  command: string;
  flags: Flags;
  output: Output;
  env: Record<string, string | undefined>;
  cwd: string;
  operator: Operator;
  /** Now. The only clock a command may ask. */
  clock: () => Date;
  /** Aborted by Ctrl-C, SIGTERM or SIGHUP: stop at the next safe point with TenantDrError('interrupted'). */
  signal: AbortSignal;
  /** A person can be asked: input and error output are a terminal, and nobody wants JSON. */
  interactive: boolean;
  /** Config file, environment and flags put together; read once, warnings shown once. */
  config(): Promise<Config>;
  /** The live database of `config()`, or of another config. Rejects with `usage` when nothing names one. Opens nothing yet. */
  openDatabase(config?: Config): Promise<Database>;
  /**
   * Asks for the confirmation phrase, or takes it from `--confirm`. Rejects with `confirmation-refused`
   * unless it is exactly the phrase, and without a terminal when `given` is undefined.
   * `stakes`: what is about to happen and in which database, shown before the question; worked out only then.
   */
  confirm(request: {
    phrase: string;
    given: string | undefined;
    stakes: () => string | Promise<string>;
  }): Promise<void>;
}
