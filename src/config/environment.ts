import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { reasonOf, TenantDrError } from '../errors.ts';
import { databaseUrl } from './database-url.ts';

export type Environment = Record<string, string | undefined>;

/** What the environment says, with the name that said it. Paths are absolute. */
export interface FromEnvironment {
  database?: { url: string; name: string };
  backups?: string;
  state?: string;
  warnings: string[];
}

/** Names of the source document whose features are not there yet: a warning, never silence. */
const notObeyed = /^BACKUP_(FREQUENCY|TENANT_ISOLATION|TIER_AWARE|RETENTION(_[A-Z]+)?)$/;

/** Names whose value may be a relative path. */
const pathNames = ['DATABASE_URL', 'DATABASE_PATH', 'ADMIN_DB_PATH', 'BACKUP_DIR', 'TENANT_DR_STATE'];

/**
 * The process environment over what `.env` in `folder` says. An empty value counts as unset. Relative paths
 * become absolute: those of the process count from `cwd`, those of `.env` from its folder.
 */
export function environmentWithDotEnv(env: Environment, cwd: string, folder: string): Environment {
  return { ...absolutePaths(readDotEnv(join(folder, '.env')), folder), ...absolutePaths(env, cwd) };
}

function absolutePaths(env: Environment, base: string): Environment {
  const set = Object.entries(env).filter(([, value]) => value);
  return Object.fromEntries(
    set.map(([name, value = '']) => [
      name,
      pathNames.includes(name) ? absolutePath(name, value, base) : value,
    ]),
  );
}

function absolutePath(name: string, value: string, base: string): string {
  return name === 'DATABASE_URL'
    ? databaseUrl(value, base)
    : resolve(base, value.replace(/^(sqlite|file):/, ''));
}

function readDotEnv(path: string): Environment {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EISDIR'))
      return {};
    throw new TenantDrError('permission-denied', `cannot read ${path}: ${reasonOf(error)}`, {
      hint: 'check owner and mode of the file, or run from another folder',
      cause: error,
    });
  }
}

/**
 * Reads the environment names of the source document. The PG… names count when ADMIN_DB_TYPE says postgres or
 * nothing else names a database (`fallback`): many machines have them set for other reasons.
 */
export function readEnvironment(env: Environment, fallback: boolean): FromEnvironment {
  const found: FromEnvironment = { warnings: [] };
  const database = namedDatabase(env, fallback);
  if (database) found.database = database;
  if (env.BACKUP_DIR) found.backups = env.BACKUP_DIR;
  if (env.TENANT_DR_STATE) found.state = env.TENANT_DR_STATE;
  const ignored = Object.keys(env)
    .filter((name) => notObeyed.test(name))
    .sort();
  if (ignored.length > 0) {
    found.warnings.push(
      `not obeyed yet: ${ignored.join(', ')} (retention and schedule are not managed by tenant-dr)`,
    );
  }
  return found;
}

function namedDatabase(env: Environment, fallback: boolean): FromEnvironment['database'] {
  const type = adminType(env);
  const path = env.DATABASE_PATH ? 'DATABASE_PATH' : env.ADMIN_DB_PATH ? 'ADMIN_DB_PATH' : undefined;
  if (type !== 'postgres' && path && !(type === undefined && env.DATABASE_URL)) {
    return { url: `sqlite:${env[path]}`, name: path };
  }
  if (env.DATABASE_URL) {
    const url = env.DATABASE_URL;
    const fits = type === undefined || url.startsWith(`${type}:`);
    if (fits) return { url: withLibpqNames(url, env), name: 'DATABASE_URL' };
  }
  if (type === 'postgres' || (fallback && type === undefined && env.PGDATABASE)) {
    const name = env.PGDATABASE ? 'PGDATABASE' : 'ADMIN_DB_TYPE';
    return { url: withLibpqNames('postgres://', env), name };
  }
  return undefined;
}

function adminType(env: Environment): 'sqlite' | 'postgres' | undefined {
  const type = env.ADMIN_DB_TYPE?.trim().toLowerCase();
  if (!type) return undefined;
  if (type === 'sqlite' || type === 'sqlite3') return 'sqlite';
  if (type === 'postgres' || type === 'postgresql') return 'postgres';
  throw new TenantDrError('usage', 'ADMIN_DB_TYPE must be sqlite or postgres', {
    hint: 'correct it, or unset it',
  });
}

/** Fills what a PostgreSQL URL leaves open from PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE and PGSCHEMA. */
export function withLibpqNames(url: string, env: Environment): string {
  if (!url.startsWith('postgres:')) return url;
  const bare = /^postgres:\/\/(\/|$)/.test(url);
  const host = env.PGHOST ?? 'localhost';
  // A folder is a Unix socket: it goes into the query, where URLs can carry it.
  const socket = bare && host.startsWith('/');
  // Encoded by hand: a URL takes a % in them for the beginning of one that is encoded already.
  const full = new URL(bare ? url.replace('postgres://', `postgres://${socket ? 'localhost' : host}`) : url);
  if (socket) full.searchParams.set('host', host);
  if (full.port === '' && env.PGPORT) full.port = env.PGPORT;
  if (full.username === '' && env.PGUSER) full.username = encodeURIComponent(env.PGUSER);
  if (full.password === '' && env.PGPASSWORD) full.password = encodeURIComponent(env.PGPASSWORD);
  if (full.pathname.length <= 1 && env.PGDATABASE) full.pathname = `/${encodeURIComponent(env.PGDATABASE)}`;
  if (!full.searchParams.has('schema') && env.PGSCHEMA) full.searchParams.set('schema', env.PGSCHEMA);
  return full.toString();
}
