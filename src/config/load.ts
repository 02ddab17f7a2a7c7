import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { databaseUrl, hasPassword, isPostgres, shownDatabase } from './database-url.ts';
import type { Environment, FromEnvironment } from './environment.ts';
import { environmentWithDotEnv, readEnvironment, withLibpqNames } from './environment.ts';
import { parseConfig, readConfigFile } from './file.ts';
import type { Config, ConfigFile } from './schema.ts';

export const configFileName = 'tenant-dr.config.yaml';

export interface ConfigFlags {
  config?: string | undefined;
  database?: string | undefined;
  backups?: string | undefined;
  state?: string | undefined;
}

/**
 * The config: flags over environment names over `.env` over the file. Paths become absolute: those of the file
 * and of `.env` count from their folder, those of flags and environment from `cwd`. Where the environment
 * overrides the file a warning says so, because it decides which database is worked on.
 * Rejects with config-invalid, file-missing, usage.
 */
export async function loadConfig(request: {
  flags: ConfigFlags;
  env: Environment;
  cwd: string;
  /** `ignore`: as if there were no config file, for the command that writes one. */
  file?: 'ignore';
}): Promise<Config> {
  const { flags, cwd } = request;
  const path = flags.config === undefined ? join(cwd, configFileName) : resolve(cwd, flags.config);
  const present = request.file !== 'ignore' && (flags.config !== undefined || existsSync(path));
  const read = present ? await readConfigFile(path) : parseConfig('', configFileName);
  const folder = present ? dirname(path) : cwd;
  const env = environmentWithDotEnv(request.env, cwd, folder);
  return combine({ file: absolutePaths(read, folder), path: present ? path : undefined, flags, cwd, env });
}

interface Sources {
  file: ConfigFile;
  path: string | undefined;
  flags: ConfigFlags;
  cwd: string;
  /** The process environment over `.env`. */
  env: Environment;
}

function combine({ file, path, flags, cwd, env }: Sources): Config {
  const named = readEnvironment(env, file.database === undefined);
  const backups = flags.backups === undefined ? named.backups : resolve(cwd, flags.backups);
  const state = flags.state === undefined ? named.state : resolve(cwd, flags.state);
  const given = flags.database === undefined ? undefined : databaseUrl(flags.database, cwd);
  const database = given ?? named.database?.url ?? file.database;
  return {
    ...file,
    database: database === undefined ? undefined : withLibpqNames(database, env),
    environment: file.environment ?? 'unlabelled',
    backups: backups === undefined ? file.backups : { path: backups, timezone: file.backups?.timezone },
    state: state ?? file.state ?? defaultState(env),
    file: path,
    warnings: [
      ...named.warnings,
      ...databaseWarnings(given, named.database, file.database),
      ...serviceWarnings(database, env),
    ],
  };
}

function databaseWarnings(
  given: string | undefined,
  named: FromEnvironment['database'],
  inFile: string | undefined,
): string[] {
  if (given !== undefined) {
    if (!hasPassword(given)) return [];
    return ['a password on the command line is visible to other users here; use PGPASSWORD or ~/.pgpass'];
  }
  if (!named || !inFile || shownDatabase(named.url) === shownDatabase(inFile)) return [];
  return [`${named.name} overrides the config file: the database is ${shownDatabase(named.url)}`];
}

/** Service files are not read: whoever relies on one would be at another database, or at none. */
function serviceWarnings(database: string | undefined, env: Environment): string[] {
  if (!env.PGSERVICE || (database !== undefined && !isPostgres(database))) return [];
  return ['PGSERVICE is not read: name the database in DATABASE_URL, or by PGHOST, PGUSER and PGDATABASE'];
}

/** $XDG_STATE_HOME/tenant-dr, else ~/.local/state/tenant-dr. The XDG specification ignores relative paths. */
function defaultState(env: Environment): string {
  const xdg = env.XDG_STATE_HOME;
  const root = xdg?.startsWith('/') ? xdg : join(env.HOME ?? homedir(), '.local', 'state');
  return join(root, 'tenant-dr');
}

function absolutePaths(file: ConfigFile, folder: string): ConfigFile {
  const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(folder, path));
  return {
    ...file,
    database: file.database === undefined ? undefined : databaseUrl(file.database, folder),
    backups: file.backups && { ...file.backups, path: resolve(folder, file.backups.path) },
    state: absolute(file.state),
    mirror: absolute(file.mirror),
    contacts: absolute(file.contacts),
    runbooks: absolute(file.runbooks),
  };
}
