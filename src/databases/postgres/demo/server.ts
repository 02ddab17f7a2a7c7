import { execa } from 'execa';
import { reasonOf, TenantDrError } from '../../../errors.ts';
import { connect, readTarget } from '../connect.ts';
import { type LastingServer, removeLasting, startLasting } from '../lasting.ts';
import { clientProgram, findBinaries } from '../server-programs.ts';

/** Name of the demo's database, and of the ordinary role that owns it. */
const name = 'chatbot';

/**
 * Starts the demo's server with an empty database on it, and says its address. Whatever is missing is found out
 * before: server programs, and a pg_dump that is not older. Rejects with tool-missing, tool-failed.
 */
export async function startDemoServer(
  record: string,
  folder: string,
  port: number | undefined,
): Promise<string> {
  const binaries = await findBinaries();
  await requireDump(binaries);
  const server = await startLasting(record, folder, {
    binaries,
    careless: true,
    ...(port === undefined ? {} : { port }),
  });
  try {
    await found(server);
  } catch (error) {
    await removeLasting(record);
    throw error;
  }
  return address(server, name, name);
}

/** Backups are taken with the pg_dump that is found on the path. */
async function requireDump(binaries: string): Promise<void> {
  const server = majorOf((await execa(`${binaries}/postgres`, ['--version'])).stdout);
  const hint = `Install postgresql-client-${server} (Debian: apt install postgresql-client), or make the demo on SQLite: leave out --postgres.`;
  let client: number;
  try {
    client = majorOf((await execa(clientProgram('pg_dump'), ['--version'])).stdout);
  } catch (cause) {
    throw new TenantDrError(
      'tool-missing',
      `The demo takes backups with pg_dump, which is not installed (${reasonOf(cause).split('\n')[0]}). Nothing was done.`,
      { hint, cause },
    );
  }
  if (client >= server) return;
  throw new TenantDrError(
    'tool-missing',
    `pg_dump ${client} cannot dump the server found here, version ${server} in ${binaries}. Nothing was done.`,
    { hint },
  );
}

function majorOf(version: string): number {
  return Number(/(\d+)(?:\.|\s|$|beta|rc)/.exec(version)?.[1] ?? 0);
}

/** A role that owns its tables and may keep triggers from running, as an application's operator would have it. */
async function found(server: LastingServer): Promise<void> {
  const sql = await connect(readTarget(address(server, 'postgres', 'postgres')));
  try {
    const version = Number(await sql.value('SHOW server_version_num'));
    await sql.run(`CREATE ROLE ${name} LOGIN${version < 150000 ? ' SUPERUSER' : ''}`);
    if (version >= 150000) await sql.run(`GRANT SET ON PARAMETER session_replication_role TO ${name}`);
    await sql.run(`CREATE DATABASE ${name} OWNER ${name}`);
  } finally {
    await sql.end();
  }
}

function address({ port }: LastingServer, role: string, database: string): string {
  return `postgres://${role}@127.0.0.1:${port}/${database}`;
}
