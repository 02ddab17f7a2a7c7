import { userInfo } from 'node:os';
import pg from 'pg';
import { parse, toClientConfig } from 'pg-connection-string';
import { rememberedPassword } from '../../config/passwords.ts';
import { TenantDrError } from '../../errors.ts';
import { connectFailure } from './errors.ts';
import { ident } from './identifiers.ts';
import { Sql } from './sql.ts';
import { readTls, type Tls } from './tls.ts';

/** Where a PostgreSQL database is and how to reach it. Holds the password: never print it whole. */
export interface Target {
  config: pg.ClientConfig;
  /** Schema the tables are in. */
  schema: string;
  /** host:port/database, for people. */
  location: string;
  host: string;
  port: number;
  database: string;
  user: string;
  tls: Tls;
}

/**
 * Reads a connection URL; whatever it leaves open comes from PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE,
 * PGSSLMODE and the passfile, as libpq does. `?schema=` (else PGSCHEMA, else public) names the schema.
 */
export function readTarget(url: string, env: NodeJS.ProcessEnv = process.env): Target {
  let options: ReturnType<typeof parse>;
  let schema: string;
  let tls: Tls;
  try {
    const parsed = new URL(
      url
        .replace(/^postgres(ql)?:\/\/\//, 'postgres://localhost-by-default/')
        .replace(/@\//, '@localhost-by-default/'),
    );
    refuseUnread(parsed.searchParams);
    schema = parsed.searchParams.get('schema') ?? env.PGSCHEMA ?? 'public';
    tls = readTls(parsed.searchParams, env);
    const rest = new URL(parsed);
    rest.searchParams.delete('schema');
    // What is encrypted only where the server likes is not worth checking, as libpq sees it.
    const mode = tls.sslmode === 'allow' ? 'prefer' : tls.sslmode;
    if (mode !== undefined) rest.searchParams.set('sslmode', mode);
    for (const [name, file] of Object.entries(tls.files)) rest.searchParams.set(name, file);
    options = parse(rest.toString(), { useLibpqCompat: true });
  } catch (error) {
    if (error instanceof TenantDrError) throw error;
    throw new TenantDrError('config-invalid', 'The PostgreSQL address cannot be read.', {
      hint: 'It looks like postgres://user@host:5432/database?schema=public; special characters in a password are written as %XX.',
      cause: error,
    });
  }
  if (options.host === 'localhost-by-default') options.host = null;
  const config = toClientConfig(options);
  config.host = config.host || env.PGHOST || 'localhost';
  config.port = config.port || Number(env.PGPORT ?? 5432);
  config.user = config.user || env.PGUSER || userInfo().username;
  config.database = config.database || env.PGDATABASE || config.user;
  // An address with a user and no password is parsed as one with an empty password.
  const password = config.password || (rememberedPassword(url) ?? env.PGPASSWORD);
  if (password) config.password = password;
  else delete config.password;
  const { host, port, user, database } = config as {
    host: string;
    port: number;
    user: string;
    database: string;
  };
  return { config, schema, location: `${host}:${port}/${database}`, host, port, database, user, tls };
}

/** Parameters of libpq that say where to find the rest: without them it would be looked for somewhere else. */
function refuseUnread(parameters: URLSearchParams): void {
  const unread = ['service', 'servicefile', 'passfile'].find((name) => parameters.has(name));
  if (unread === undefined) return;
  throw new TenantDrError('config-invalid', `The parameter ${unread}= of a PostgreSQL address is not read.`, {
    hint: 'Name host, port, user and database in the address, and the passfile in PGPASSFILE.',
  });
}

/** Environment for a child program (pg_dump, pg_restore, psql) that reaches the same database. */
export function childEnvironment(target: Target, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const child: NodeJS.ProcessEnv = {
    PATH: env.PATH,
    HOME: env.HOME,
    LANG: 'C.UTF-8',
    PGHOST: target.host,
    PGPORT: String(target.port),
    PGUSER: target.user,
    PGDATABASE: target.database,
    PGAPPNAME: 'tenant-dr',
  };
  if (env.PGPASSFILE) child.PGPASSFILE = env.PGPASSFILE;
  Object.assign(child, target.tls.environment);
  if (typeof target.config.password === 'string') child.PGPASSWORD = target.config.password;
  return child;
}

/**
 * Opens a connection with the session settings every comparison relies on: types print the same text on every
 * server, row-level security raises an error instead of hiding rows, commits are durable.
 */
export async function connect(target: Target, options: { busySeconds?: number } = {}): Promise<Sql> {
  const sql = await reach(target);
  try {
    // First: settings made through a pooler would stay on a server process of the application.
    await proveDirect(sql, target);
    await pinSession(sql, target, options.busySeconds ?? 30);
    return sql;
  } catch (error) {
    await sql.end();
    throw error;
  }
}

async function reach(target: Target): Promise<Sql> {
  const settings: pg.ClientConfig = {
    ...target.config,
    application_name: 'tenant-dr',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // Every value stays the text the server printed: 2^53 and beyond, dates and numerics arrive unchanged.
    types: { getTypeParser: () => (value: string) => value },
  };
  try {
    return new Sql(await dial(settings), target);
  } catch (error) {
    const plainAllowed = target.tls.sslmode === 'prefer' || target.tls.sslmode === 'allow';
    if (plainAllowed && error instanceof Error && /does not support SSL/.test(error.message)) {
      const plain = await dial({ ...settings, ssl: false }).catch((second: unknown) => {
        throw connectFailure(second, target.location);
      });
      return new Sql(plain, target);
    }
    throw connectFailure(error, target.location);
  }
}

async function dial(settings: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(settings);
  // A connection that breaks while idle is reported by the next statement; without a listener Node would exit.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Each would end a session that waits for a person, or a long change. Some servers do not know all of them. */
const timeLimits = `'statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout'`;

/**
 * How often a server looks whether its client still lives, from version 14 on, where the system can tell. Without it
 * the session of a process that was killed goes on waiting for locks, and holds those it has.
 */
const noticesDeath = `'client_connection_check_interval'`;

async function pinSession(sql: Sql, target: Target, busySeconds: number): Promise<void> {
  const [version] = await sql.rows(
    `SELECT current_setting('server_version_num') AS version, current_setting('search_path') AS path, to_regnamespace($1) AS found,
      (SELECT json_agg(DISTINCT nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE nspname <> 'pg_catalog') AS extensions`,
    [ident(target.schema)],
  );
  if (Number(version?.version) < 130000) {
    throw new TenantDrError(
      'database-error',
      `${target.location} runs PostgreSQL older than 13, which tenant-dr does not know.`,
    );
  }
  if (version?.found === null) {
    throw new TenantDrError(
      'database-missing',
      `Database ${target.location} has no schema "${target.schema}".`,
      {
        hint: 'Name the schema your tables are in: ?schema=… in DATABASE_URL, or PGSCHEMA.',
      },
    );
  }
  // A default of read-only transactions keeps applications out, not whoever comes to repair what they did.
  await sql.run(`
    SET client_encoding = 'UTF8'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres';
    SET extra_float_digits = 1; SET bytea_output = 'hex'; SET xmloption = 'content'; SET row_security = off;
    SET standard_conforming_strings = on; SET array_nulls = on; SET quote_all_identifiers = off;
    SET synchronous_commit = on; SET jit = off; SET client_min_messages = warning;
    SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN (${timeLimits});
    SELECT set_config(name, '2s', false) FROM pg_settings WHERE name = ${noticesDeath} AND version() LIKE '%linux%';
    SET lock_timeout = '${Math.round(busySeconds * 1000)}ms'; SET temp_buffers = '64MB'; SET work_mem = '32MB';
    SET default_transaction_read_only = off;
    SET search_path = ${searchPath(target.schema, version?.path ?? '', JSON.parse(version?.extensions ?? '[]') as string[])}`);
}

/**
 * The schema's tables first, then what the role sees anyway. Where types of extensions are out of sight, so are their
 * operators, and citext would be compared as text.
 */
function searchPath(schema: string, usual: string, extensions: string[]): string {
  // An empty path reads as "", which may not be set again.
  const seen = usual === '""' ? '' : usual;
  return [ident(schema), seen, ...extensions.map(ident), 'pg_temp'].filter((part) => part !== '').join(', ');
}

/**
 * Proves that statements reach one server process. A pooler in transaction mode hands out another one per
 * transaction and breaks temporary tables, locks and settings: such a session is refused.
 */
async function proveDirect(sql: Sql, target: Target): Promise<void> {
  const pid = await backend(sql);
  if (sql.announcedPid === pid) return;
  // The process id announced at login is not the server's: something sits in between. Does it hold the session?
  const other = await reach(target);
  try {
    await other.run('BEGIN');
    await backend(other);
    const pids = [await backend(sql), await backend(sql), await backend(sql)];
    if (pids.every((seen) => seen === pid)) return;
  } finally {
    await other.end();
  }
  throw new TenantDrError(
    'database-denied',
    `A connection pooler sits in front of ${target.location}: transactions reach different server processes. Nothing was changed.`,
    {
      hint: 'Connect to the server itself (its own port, not that of PgBouncer or the like), or to a pool in session mode.',
    },
  );
}

async function backend(sql: Sql): Promise<number> {
  return Number(await sql.value('SELECT pg_backend_pid()'));
}
