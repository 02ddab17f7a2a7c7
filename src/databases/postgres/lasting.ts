import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { writeDurably } from '../../engine/durable.ts';
import { TenantDrError } from '../../errors.ts';
import { z } from '../../zod.ts';
import { type ClusterOptions, freePort, prepareCluster } from './server-cluster.ts';
import { findBinaries, serverAccount } from './server-programs.ts';

/**
 * Servers of our own that go on when this process ends: a demo is played with afterwards, a rehearsal may be
 * resumed. What is needed to stop one stands in a record file beside what it is for.
 */
const recordSchema = z.object({ folder: z.string(), binaries: z.string(), port: z.number() });
export type LastingServer = z.output<typeof recordSchema>;

/**
 * Makes and starts a server, in `folder` unless the account it has to run under cannot get there: then in the
 * machine's temporary folder. Rejects with tool-missing, tool-failed.
 */
export async function startLasting(
  record: string,
  folder: string,
  options: ClusterOptions,
): Promise<LastingServer> {
  const place = (await reachable(dirname(folder)))
    ? folder
    : await mkdtemp(join(tmpdir(), 'tenant-dr-server-'));
  const binaries = options.binaries ?? (await findBinaries());
  const port = options.port ?? (await freePort());
  const server = { folder: place, binaries, port };
  // Known before it is made: what dies meanwhile is removed by the next one.
  await writeDurably(record, `${JSON.stringify(server)}\n`);
  try {
    await prepareCluster(place, { ...options, binaries, port });
    await control(server, 'start');
    return server;
  } catch (error) {
    await removeLasting(record);
    throw error;
  }
}

/** The server of a record; null when there is no such record. */
export async function lastingServer(record: string): Promise<LastingServer | null> {
  if (!existsSync(record)) return null;
  return recordSchema.parse(JSON.parse(await readFile(record, 'utf8')));
}

/** Starts a server again that was stopped, or that ended with the machine. Harmless while it runs. */
export async function restartLasting(server: LastingServer): Promise<void> {
  if (!(await runs(server))) await control(server, 'start');
}

/** Stops a server; its data stays. Harmless when it does not run. */
export async function stopLasting(server: LastingServer): Promise<void> {
  if (await runs(server)) await control(server, 'stop');
}

/** Stops the server of a record, if there is one, removes its data and the record, and says which it was. */
export async function removeLasting(record: string): Promise<LastingServer | null> {
  const server = await lastingServer(record);
  if (!server) return null;
  if (existsSync(server.folder)) await stopLasting(server);
  await rm(server.folder, { recursive: true, force: true });
  await rm(record, { force: true });
  return server;
}

/** Rejects with tool-missing when nothing can tell: the programs it was started with may be gone while it runs. */
export async function runs(server: LastingServer): Promise<boolean> {
  const { exitCode } = await pgCtl(server, ['status']);
  const pid = join(server.folder, 'data', 'postmaster.pid');
  if (exitCode !== undefined || !existsSync(pid)) return exitCode === 0;
  throw new TenantDrError(
    'tool-missing',
    `Whether the PostgreSQL server in ${server.folder} runs cannot be told: ${server.binaries}/pg_ctl is gone. Nothing was done.`,
    { hint: `Install that version again, or end the process named in the first line of ${pid}.` },
  );
}

async function control(server: LastingServer, action: 'start' | 'stop'): Promise<void> {
  const log = join(server.folder, 'data', 'server.log');
  const args = action === 'start' ? ['-l', log, '-t', '60'] : ['-m', 'fast'];
  const { exitCode } = await pgCtl(server, [action, '-w', ...args]);
  if (exitCode === 0) return;
  const said = await readFile(log, 'utf8').catch(() => 'nothing');
  throw new TenantDrError(
    'tool-failed',
    `The PostgreSQL server in ${server.folder} could not ${action}. Its log ends: ${said.slice(-500).trim()}`,
    { hint: `pg_ctl -D ${join(server.folder, 'data')} ${action} says more.` },
  );
}

async function pgCtl({ binaries, folder }: LastingServer, args: string[]): Promise<{ exitCode?: number }> {
  const account = await serverAccount();
  // The server inherits what pg_ctl was given: nothing that somebody waits for to be closed.
  return execa(join(binaries, 'pg_ctl'), ['-D', join(folder, 'data'), ...args], {
    ...account,
    cwd: folder,
    stdio: 'ignore',
    reject: false,
  });
}

/** Whether the server's account may pass through the folder and all above it. */
async function reachable(folder: string): Promise<boolean> {
  const { uid } = await serverAccount();
  if (uid === undefined) return true;
  for (let at = folder; ; at = dirname(at)) {
    const { mode } = await stat(at);
    if ((mode & 0o001) === 0) return false;
    if (dirname(at) === at) return true;
  }
}
