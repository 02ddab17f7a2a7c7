import { Argument, CommanderError, Option, Command as Parser } from 'commander';
import { withoutPassword } from '../config/passwords.ts';
import { version } from '../config/version.ts';
import { TenantDrError } from '../errors.ts';
import type { Command, CommandEntry, Result } from './command.ts';
import { documentSchema } from './command.ts';
import { commands, opening } from './commands/index.ts';
import { connectContext } from './connect.ts';
import type { Flags } from './context.ts';
import { exitOf, exits } from './exits.ts';
import { failureDocument, hintOf, readableError } from './failure.ts';
import { unlessInterrupted, watchSignals } from './interrupt.ts';
import { Output } from './output.ts';
import type { Parameter, Parameters } from './parameters.ts';
import { drained, type Ended, ResultSink, withoutResult } from './stdout.ts';

/** What the command line asked for. */
interface Request {
  entry: CommandEntry;
  command: Command;
  flags: Flags;
  input: Record<string, unknown>;
}

/**
 * Runs one command line (without node and script) and returns the exit code. Writes the result to stdout and
 * everything else to stderr; never throws.
 */
export async function runProgram(args: string[]): Promise<number> {
  const stdout = new ResultSink(process.stdout);
  const output = new Output({
    stdout,
    stderr: process.stderr,
    json: asksForJson(args),
    env: process.env,
    now: () => performance.now(),
  });
  const ended = await runLine(args, stdout, output);
  const lost = await stdout.delivered();
  const exit = lost ? withoutResult(ended, lost, output) : ended.exit;
  await drained(process.stderr);
  return exit;
}

async function runLine(args: string[], stdout: ResultSink, output: Output): Promise<Ended> {
  let name = args.find((arg) => !arg.startsWith('-')) ?? '';
  let changed = false;
  try {
    const request = await readCommandLine(args, (entry) => {
      name = entry.name;
    });
    if (typeof request === 'string') {
      stdout.write(request);
      return { exit: exits.done, changed };
    }
    const result = await runCommand(request, output);
    changed = request.command.effect === 'write';
    return { exit: report(request, result, output), changed };
  } catch (thrown) {
    const error = readableError(thrown);
    output.error(error.message, hintOf(error));
    if (process.env.TENANT_DR_DEBUG) process.stderr.write(`${String(error.stack)}\n${String(error.cause)}\n`);
    const known = commands.some((entry) => entry.name === name) ? name : 'usage';
    if (output.json) output.result(failureDocument(documentSchema(known), error), '');
    return { exit: exitOf[error.code], changed };
  }
}

function report({ entry }: Request, { document, text, exit, failure }: Result, output: Output): number {
  const schema = documentSchema(entry.name);
  if (!failure) {
    output.result({ schema, ok: true, ...document }, text);
    return exit ?? exits.done;
  }
  output.result({ ...failureDocument(schema, failure), ...document }, text);
  output.error(failure.message, hintOf(failure));
  return exitOf[failure.code];
}

async function runCommand(request: Request, output: Output): Promise<Result> {
  const { signal, release } = watchSignals(output);
  const context = connectContext({ command: request.entry.name, flags: request.flags, output, signal });
  const work = request.command.run(context, request.input);
  // What was changed must also be said: from here on no signal ends the process before its document is written.
  if (request.command.effect !== 'read') return work;
  try {
    return await unlessInterrupted(signal, work);
  } finally {
    release();
  }
}

/** Needed before the command line is understood, so that a mistake in it is a document too. */
function asksForJson(args: string[]): boolean {
  const end = args.indexOf('--');
  return (end === -1 ? args : args.slice(0, end)).includes('--json');
}

/** Resolves with the request, or with the help or version text that was asked for. */
async function readCommandLine(
  args: string[],
  onEntry: (entry: CommandEntry) => void,
): Promise<Request | string> {
  let printed = '';
  let request: Request | undefined;
  const program: Parser = new Parser('tenant-dr')
    .description(
      'Puts one tenant of a shared database back in place, with proof that nobody else was touched.',
    )
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureHelp({
      showGlobalOptions: true,
      // Those of `backup` are not those of `backup verify`.
      visibleGlobalOptions: (parser) => (parser.parent ? [...program.options] : []),
    })
    .configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      writeErr: () => {},
    })
    .exitOverride();
  addGlobalOptions(program);

  const modules = new Map<Parser, CommandEntry>();
  const loadBeforeUse = async (_parent: Parser, parser: Parser) => {
    const entry = modules.get(parser);
    if (!entry) return;
    // A group with several commands calls this once for each of them.
    modules.delete(parser);
    onEntry(entry);
    const { default: command } = await entry.load();
    declare(parser, command, (input) => {
      request = { entry, command, flags: flagsOf(parser), input };
    });
  };
  program.hook('preSubcommand', loadBeforeUse);
  for (const entry of commands) {
    const parser = parserFor(program, entry, loadBeforeUse);
    modules.set(parser, entry);
  }

  describeGroups(program, modules);

  try {
    await program.parseAsync(withoutHelpWord(args), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return printed;
    if (error.code !== 'commander.help') throw error;
    // No command was named. `tenant-dr` alone opens the screens.
    if (program.args.length > 0 || !opening) throw commandMissing(program);
    const { default: command } = await opening.load();
    return { entry: opening, command, flags: flagsOf(program), input: {} };
  }
  if (!request) throw commandMissing(program);
  return request;
}

/** A group that is no command itself is described by what is in it. */
function describeGroups(program: Parser, modules: Map<Parser, CommandEntry>): void {
  for (const group of program.commands.filter((one) => !modules.has(one))) {
    group.summary(group.commands.map((one) => one.name()).join(', '));
  }
}

/** `help plan` is `plan --help`. */
function withoutHelpWord(args: string[]): string[] {
  return args[0] === 'help' ? [...args.slice(1), '--help'] : args;
}

function commandMissing(program: Parser): TenantDrError {
  const below = program.commands.find((one) => one.name() === program.args[0]) ?? program;
  const names = below.commands.map((one) => one.name()).join(', ');
  return new TenantDrError('usage', 'name a command', { hint: `one of: ${names}; see tenant-dr --help` });
}

function addGlobalOptions(program: Parser): void {
  program
    .option('--json', 'one JSON document on stdout, events as JSON lines on stderr')
    .option('--config <file>', 'config file (default: tenant-dr.config.yaml here)')
    .option('--database <url|path>', 'the live database')
    .option('--backups <dir>', 'folder with the backups')
    .option('--state <dir>', 'folder for incidents and safety copies')
    .option('--as <name>', 'who you are, for the record');
}

function flagsOf(parser: Parser): Flags {
  const given = parser.optsWithGlobals<Partial<Flags>>();
  return {
    json: given.json ?? false,
    config: given.config,
    database: given.database,
    backups: given.backups,
    state: given.state,
    as: given.as,
  };
}

/** The parser of an entry; the words before its last one become a group. */
function parserFor(
  program: Parser,
  entry: CommandEntry,
  hook: (parent: Parser, parser: Parser) => Promise<void>,
): Parser {
  let parent = program;
  const words = entry.name.split(' ');
  const last = words.pop() ?? '';
  for (const word of words) {
    parent = parent.commands.find((one) => one.name() === word) ?? parent.command(word);
    parent.hook('preSubcommand', hook);
  }
  const parser = parent.commands.find((one) => one.name() === last) ?? parent.command(last);
  return parser.summary(entry.summary).description(entry.summary);
}

function declare(parser: Parser, command: Command, onRun: (input: Record<string, unknown>) => void): void {
  const names = Object.keys(command.arguments);
  for (const [name, parameter] of Object.entries(command.arguments)) {
    const dots = parameter.kind === 'many' ? '...' : '';
    const label = `${parameter.placeholder || name}${dots}`;
    const argument = new Argument(parameter.required ? `<${label}>` : `[${label}]`, parameter.describe);
    if (parameter.choices) argument.choices(parameter.choices);
    parser.addArgument(argument);
  }
  for (const [name, parameter] of Object.entries(command.options))
    parser.addOption(optionFor(name, parameter));
  if (command.examples.length > 0) {
    parser.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  ${line}`).join('\n')}`);
  }
  parser.action((...given: unknown[]) => {
    requireOwnOptions(parser);
    const options = parser.opts<Record<string, unknown>>();
    onRun({
      ...valuesOf(command.arguments, Object.fromEntries(names.map((name, index) => [name, given[index]]))),
      ...valuesOf(command.options, options),
    });
  });
}

/** An option of `backup` means nothing to `backup verify`, although the parser takes it there. */
function requireOwnOptions(parser: Parser): void {
  const group = parser.parent?.parent ? parser.parent : null;
  const foreign = group?.options.find((one) => group.getOptionValueSource(one.attributeName()) === 'cli');
  if (!foreign) return;
  throw new TenantDrError('usage', `unknown option '${foreign.long}'`, {
    hint: `it is one of ${group?.name()}, not of ${group?.name()} ${parser.name()}`,
  });
}

function optionFor(name: string, parameter: Parameter<unknown>): Option {
  const dashed = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (parameter.kind === 'flag') return new Option(dashed, parameter.describe);
  const dots = parameter.kind === 'many' ? '...' : '';
  const option = new Option(`${dashed} <${parameter.placeholder}${dots}>`, parameter.describe);
  if (parameter.required) option.makeOptionMandatory();
  if (parameter.choices) option.choices(parameter.choices);
  // Said twice, a list is longer: nothing that was said is dropped.
  if (parameter.kind === 'list')
    option.argParser((value, earlier: string | undefined) => (earlier ? `${earlier},${value}` : value));
  return option;
}

/** The parser takes `--no-digests` for the opposite of `--digests` and stores it under that name. */
function isNegated(name: string, given: Record<string, unknown>): boolean {
  const [, first = '', rest = ''] = /^no([A-Z])(.*)$/.exec(name) ?? [];
  return first !== '' && given[first.toLowerCase() + rest] === false;
}

function valuesOf(parameters: Parameters, given: Record<string, unknown>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const value = given[name];
    if (parameter.kind === 'flag') values[name] = value === true || isNegated(name, given);
    else if (parameter.kind === 'many') values[name] = value ?? [];
    else if (typeof value !== 'string') values[name] = undefined;
    else if (parameter.kind === 'list') values[name] = value.split(',').map((one) => one.trim());
    else values[name] = parameter.parse ? parameter.parse(value) : withoutPassword(value);
  }
  return values;
}
