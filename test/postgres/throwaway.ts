import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type ClusterOptions, prepareCluster } from '../../src/databases/postgres/server-cluster.ts';
import { TenantDrError } from '../../src/errors.ts';

/** A PostgreSQL server of our own in a folder that may be thrown away. It ends with this process. */
export interface Throwaway {
  /** Address of a database on it, superuser `postgres`. */
  url(database: string): string;
  port: number;
  folder: string;
  binaries: string;
  version: string;
  /** Stops the server; the folder stays. */
  stop(): Promise<void>;
  /** Ends the server process at once, as a crash would. */
  kill(): Promise<void>;
}

export type ThrowawayOptions = ClusterOptions;

/** Starts a server in `folder`, creating its cluster on first use. Rejects with tool-missing, tool-failed. */
export async function startThrowaway(folder: string, options: ThrowawayOptions = {}): Promise<Throwaway> {
  const { data, binaries, account, port } = await prepareCluster(folder, options);
  const server = spawn(join(binaries, 'postgres'), ['-D', data], {
    ...account,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  server.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString('utf8')).slice(-4000);
  });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const url = (database: string): string => `postgres://postgres@127.0.0.1:${port}/${database}`;
  const version = await waitUntilReady(
    url('postgres'),
    () => server.exitCode !== null,
    () => log,
  );
  const finish = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode === null) server.kill(signal);
    await ended;
  };
  return {
    url,
    port,
    folder,
    binaries,
    version,
    stop: () => finish('SIGINT'),
    kill: () => finish('SIGQUIT'),
  };
}

/** Removes a stopped server's folder. */
export async function removeThrowaway(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

async function waitUntilReady(url: string, dead: () => boolean, log: () => string): Promise<string> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline && !dead(); ) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
      return rows[0]?.server_version ?? '';
    } catch {
      // Not up yet: asked again until the deadline, then reported with the server's own log.
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      await client.end();
    }
  }
  throw new TenantDrError(
    'tool-failed',
    `The throwaway PostgreSQL server did not start. Its log ends: ${log().slice(-500)}`,
  );
}
