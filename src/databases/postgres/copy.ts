import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../engine/durable.ts';
import type { OnProgress } from '../../engine/port.ts';
import { TenantDrError } from '../../errors.ts';
import { z } from '../../zod.ts';
import { connect, readTarget } from './connect.ts';
import { transfer } from './copy-transfer.ts';
import { ident, literal } from './identifiers.ts';
import { lastingServer, removeLasting, restartLasting, startLasting } from './lasting.ts';
import type { Sql } from './sql.ts';
import { mayReplicate } from './triggers.ts';

export interface CopyOptions {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/** Where a copy is: a database beside the live one, or on a server of its own (then with that server's password). */
const recordSchema = z.object({
  database: z.string(),
  password: z.string().nullable(),
  complete: z.boolean(),
});
type CopyRecord = z.output<typeof recordSchema>;

const recordIn = (folder: string): string => join(folder, 'copy.json');
const serverIn = (folder: string): string => join(folder, 'server.json');

/**
 * Makes a private copy of a database that may be written to, and says its address. It is made from one snapshot by
 * pg_dump, which only reads: beside the live database where the role may create databases, else on a throwaway
 * server of this machine. What it takes to drop it stands in `folder` before anything is made.
 * Rejects with tool-missing, tool-failed, hidden-rows, interrupted; nothing is left of it then.
 */
export async function copyDatabase(
  url: string,
  folder: string,
  name: string,
  options: CopyOptions = {},
): Promise<string> {
  await dropDatabaseCopy(url, folder);
  const facts = await liveFacts(url);
  const record = await make(url, folder, name, facts, facts.mayCreate);
  try {
    const address = await addressOf(url, folder, record);
    await transfer(readTarget(url), readTarget(address), options);
    await remember(folder, { ...record, complete: true });
    return address;
  } catch (error) {
    await dropDatabaseCopy(url, folder);
    throw error;
  }
}

/**
 * Makes an empty private database to bring a dump back to, and says its address: on a throwaway server of this machine,
 * else beside the live database where the role may create databases. `dropDatabaseCopy` drops it.
 */
export async function emptyDatabase(url: string, folder: string, name: string): Promise<string> {
  await dropDatabaseCopy(url, folder);
  const facts = await liveFacts(url);
  const record = await make(url, folder, name, facts, false).catch((error: unknown) => {
    const noServer = error instanceof TenantDrError && error.code === 'tool-missing';
    if (!noServer || !facts.mayCreate) throw error;
    return make(url, folder, name, facts, true);
  });
  return addressOf(url, folder, record);
}

/** An empty database; nothing is left of it when it cannot be made. */
async function make(
  url: string,
  folder: string,
  name: string,
  facts: LiveFacts,
  beside: boolean,
): Promise<CopyRecord> {
  const password = beside ? null : randomBytes(24).toString('hex');
  const record: CopyRecord = { database: name, password, complete: false };
  await remember(folder, record);
  try {
    if (password === null) await createBeside(url, name, facts);
    else await createElsewhere(folder, name, facts, password);
    return record;
  } catch (error) {
    await dropDatabaseCopy(url, folder);
    throw error;
  }
}

/** Address of the copy that was made in `folder`; null when there is none, or not a whole one. */
export async function databaseCopy(url: string, folder: string): Promise<string | null> {
  const record = await recall(folder);
  if (!record?.complete) return null;
  if (record.password !== null && !(await startedAgain(folder))) return null;
  return addressOf(url, folder, record);
}

/** A server of the copy's own may have ended with the machine; false when its data did, too. */
async function startedAgain(folder: string): Promise<boolean> {
  const server = await lastingServer(serverIn(folder));
  if (!server || !existsSync(server.folder)) return false;
  await restartLasting(server);
  return true;
}

/** Drops the copy, whatever is left of it. Harmless when there is none. */
export async function dropDatabaseCopy(url: string, folder: string): Promise<void> {
  const record = await recall(folder);
  if (!record) return;
  if (record.password !== null) await removeLasting(serverIn(folder));
  else await onLive(url, (sql) => sql.run(`DROP DATABASE IF EXISTS ${ident(record.database)} WITH (FORCE)`));
  await rm(recordIn(folder), { force: true });
}

async function remember(folder: string, record: CopyRecord): Promise<void> {
  await writeDurably(recordIn(folder), `${JSON.stringify(record)}\n`);
}

async function recall(folder: string): Promise<CopyRecord | null> {
  if (!existsSync(recordIn(folder))) return null;
  return recordSchema.parse(JSON.parse(await readFile(recordIn(folder), 'utf8')));
}

async function addressOf(url: string, folder: string, record: CopyRecord): Promise<string> {
  const address = new URL(url);
  address.pathname = `/${encodeURIComponent(record.database)}`;
  if (record.password === null) return address.toString();
  const { port } = JSON.parse(await readFile(serverIn(folder), 'utf8')) as { port: number };
  const { user, schema } = readTarget(url);
  const credentials = `${encodeURIComponent(user)}:${record.password}`;
  return `postgres://${credentials}@127.0.0.1:${port}${address.pathname}?schema=${encodeURIComponent(schema)}&sslmode=disable`;
}

/** What a copy has to be like to behave as the live database does. */
interface LiveFacts {
  role: string;
  superuser: boolean;
  mayCreate: boolean;
  /** The role may keep triggers from running. */
  replica: boolean;
  extensions: string[];
  /** What follows CREATE DATABASE: encoding and collation. */
  form: string;
  /** `search_path` the database sets for everybody; null when it sets none. */
  searchPath: string | null;
}

async function liveFacts(url: string): Promise<LiveFacts> {
  return onLive(url, async (sql) => {
    await sql.run('BEGIN');
    const replica = await mayReplicate(sql);
    await sql.run('ROLLBACK');
    const [row] = await sql.rows(
      `SELECT rolname, rolsuper, rolcreatedb OR rolsuper AS may, pg_encoding_to_char(d.encoding) AS encoding, d.datcollate, d.datctype,
        to_jsonb(d) ->> 'datlocprovider' AS provider, coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale,
        (SELECT split_part(c, '=', 2) FROM pg_db_role_setting s, unnest(s.setconfig) c
          WHERE s.setdatabase = d.oid AND s.setrole = 0 AND c LIKE 'search\\_path=%') AS path
       FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()`,
    );
    const extensions = await sql.rows(
      `SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1`,
    );
    const collation = `LC_COLLATE ${literal(row?.datcollate ?? 'C')} LC_CTYPE ${literal(row?.datctype ?? 'C')}`;
    const providers: Record<string, string> = { i: 'icu ICU_LOCALE', b: 'builtin BUILTIN_LOCALE' };
    const provider = row?.provider ? providers[row.provider] : undefined;
    return {
      role: row?.rolname ?? '',
      superuser: row?.rolsuper === 't',
      mayCreate: row?.may === 't',
      replica,
      extensions: extensions.map(({ extname }) => extname ?? ''),
      form: `TEMPLATE template0 ENCODING ${literal(row?.encoding ?? 'UTF8')} ${collation}${provider ? ` LOCALE_PROVIDER ${provider} ${literal(row?.locale ?? '')}` : ''}`,
      searchPath: row?.path ?? null,
    };
  });
}

async function onLive<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = await connect(readTarget(url));
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

/** On the live server; nobody else may connect to it. */
async function createBeside(url: string, name: string, facts: LiveFacts): Promise<void> {
  await onLive(url, async (sql) => {
    await sql.run(`CREATE DATABASE ${ident(name)} ${facts.form}`);
    await sql.run(`REVOKE ALL ON DATABASE ${ident(name)} FROM PUBLIC`);
    await setPath(sql, name, facts);
  });
}

/** On a server of its own, under a role of the same name that may do there what it may do live. */
async function createElsewhere(
  folder: string,
  name: string,
  facts: LiveFacts,
  password: string,
): Promise<void> {
  const { port } = await startLasting(serverIn(folder), join(folder, 'server'), {
    careless: true,
    password,
    // A dump is brought back in one transaction, which locks every table it makes.
    settings: { max_locks_per_transaction: '1024' },
  });
  const root = `postgres://postgres:${password}@127.0.0.1:${port}`;
  await onLive(`${root}/postgres?schema=public&sslmode=disable`, async (sql) => {
    const version = Number(await sql.value('SHOW server_version_num'));
    const rights = facts.superuser || (facts.replica && version < 150000) ? 'SUPERUSER' : 'NOSUPERUSER';
    if (facts.role !== 'postgres')
      await sql.run(`CREATE ROLE ${ident(facts.role)} LOGIN ${rights} PASSWORD ${literal(password)}`);
    if (facts.replica && version >= 150000)
      await sql.run(`GRANT SET ON PARAMETER session_replication_role TO ${ident(facts.role)}`);
    await sql.run(`CREATE DATABASE ${ident(name)} OWNER ${ident(facts.role)} TEMPLATE template0`);
    await setPath(sql, name, facts);
  });
  await onLive(`${root}/${encodeURIComponent(name)}?schema=public&sslmode=disable`, async (sql) => {
    // What an ordinary role may not install is there already when the dump asks for it.
    for (const extension of facts.extensions) {
      const known = `SELECT 1 FROM pg_available_extensions WHERE name = ${literal(extension)}`;
      if ((await sql.value(known)) === '1')
        await sql.run(`CREATE EXTENSION IF NOT EXISTS ${ident(extension)}`);
    }
  });
}

async function setPath(sql: Sql, name: string, { searchPath }: LiveFacts): Promise<void> {
  // The server keeps the list as it is written in SQL, quotes included.
  if (searchPath) await sql.run(`ALTER DATABASE ${ident(name)} SET search_path = ${searchPath}`);
}
