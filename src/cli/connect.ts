import type { Config } from '../config/schema.ts';
import { printable } from '../engine/printable.ts';
import { TenantDrError } from '../errors.ts';
import type { Context, Flags } from './context.ts';
import { operatorOf } from './operator.ts';
import type { Output } from './output.ts';

/** The context of a real run. What is slow to load (config schema, databases) is loaded when first asked for. */
export function connectContext(base: {
  command: string;
  flags: Flags;
  output: Output;
  signal: AbortSignal;
}): Context {
  const { flags, output, signal } = base;
  const env = process.env;
  const cwd = process.cwd();
  const interactive = process.stdin.isTTY === true && process.stderr.isTTY === true && !flags.json;
  let config: Promise<Config> | undefined;

  const readConfig = async (): Promise<Config> => {
    const { loadConfig } = await import('../config/load.ts');
    const loaded = await loadConfig({ flags, env, cwd });
    for (const warning of loaded.warnings) output.warn(warning);
    return loaded;
  };
  const context: Context = {
    ...base,
    env,
    cwd,
    interactive,
    operator: operatorOf(flags.as, env),
    clock: () => new Date(),
    config: () => {
      config ??= readConfig();
      return config;
    },
    openDatabase: async (of) => {
      const { database } = of ?? (await context.config());
      if (!database) {
        throw new TenantDrError('usage', 'no database is named', {
          hint: 'give --database <url|path>, or set database: in tenant-dr.config.yaml',
        });
      }
      const { databaseAt } = await import('../databases/open.ts');
      return databaseAt(database);
    },
    confirm: async (request) => {
      const { askPhrase, checkPhrase } = await import('./confirm.ts');
      if (request.given !== undefined) return checkPhrase(request.phrase, request.given);
      if (!interactive) {
        throw new TenantDrError(
          'confirmation-refused',
          'this needs a typed confirmation and there is no terminal to type at; nothing was changed',
          {
            hint: `run it in a terminal, or say --confirm '${printable(request.phrase)}' after reading what is at stake`,
          },
        );
      }
      const stakes = await request.stakes();
      // The backup is still being read; nothing of that may be written over the question.
      const release = output.hold();
      try {
        const terminal = { input: process.stdin, output: process.stderr, signal };
        await askPhrase({ phrase: request.phrase, stakes }, terminal);
      } finally {
        release();
      }
    },
  };
  return context;
}
