/**
 * How a command's arguments and options are declared. Each builder says what the value looks like on the
 * command line and, through `Value`, what type `run` receives.
 */
export interface Parameter<Value> {
  describe: string;
  kind: 'flag' | 'text' | 'list' | 'many';
  /** Name of the value in the help, such as `ref`. */
  placeholder: string;
  required: boolean;
  choices?: readonly string[];
  /** Turns the text into the value; throws TenantDrError('usage'). */
  parse?: (text: string) => Value;
}

export type Parameters = Record<string, Parameter<unknown>>;

/** What `run` receives for a set of parameters. */
export type Values<Of extends Parameters> = {
  [Name in keyof Of]: Of[Name] extends Parameter<infer Value> ? Value : never;
};

/** `--name`: true or false. */
export function flag(describe: string): Parameter<boolean> {
  return { describe, kind: 'flag', placeholder: '', required: false };
}

/** `--name <placeholder>`, or an argument that may be left out. */
export function text(placeholder: string, describe: string): Parameter<string | undefined> {
  return { describe, kind: 'text', placeholder, required: false };
}

/** `--name <placeholder>` or an argument that must be there. */
export function needed(placeholder: string, describe: string): Parameter<string> {
  return { describe, kind: 'text', placeholder, required: true };
}

/** One of a few words. */
export function choice<const Word extends string>(
  choices: readonly Word[],
  describe: string,
): Parameter<Word | undefined> {
  return { describe, kind: 'text', placeholder: choices.join('|'), required: false, choices };
}

/** `--name a,b`: several names in one text. */
export function list(placeholder: string, describe: string): Parameter<string[] | undefined> {
  return { describe, kind: 'list', placeholder, required: false };
}

/** The last argument of a command, any number of times (`required`: at least once); or a repeatable option. */
export function many(placeholder: string, describe: string, required = false): Parameter<string[]> {
  return { describe, kind: 'many', placeholder, required };
}

/** `--name <placeholder>`, read by `parse`, which throws TenantDrError('usage') for what it cannot read. */
export function parsed<Value>(
  placeholder: string,
  describe: string,
  parse: (text: string) => Value,
): Parameter<Value | undefined> {
  return { describe, kind: 'text', placeholder, required: false, parse };
}
