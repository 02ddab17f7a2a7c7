import { join } from 'node:path';
import { lastingServer, removeLasting, restartLasting, stopLasting } from '../databases/postgres/lasting.ts';
import { TenantDrError } from '../errors.ts';

/** The PostgreSQL server of a demo in `dir`. It goes on running until it is stopped. */

const recordIn = (dir: string): string => join(dir, 'data', 'server.json');

/**
 * Starts it with an empty database and says its address, at `port` where one is given: screens that are open go on
 * at the same address. Rejects with tool-missing, tool-failed.
 */
export async function startServer(dir: string, port: number | undefined): Promise<string> {
  const { startDemoServer } = await import('../databases/postgres/demo/server.ts');
  return startDemoServer(recordIn(dir), join(dir, 'data', 'server'), port);
}

/** Stops it or starts it again. Rejects with usage where there is none. */
export async function switchServer(dir: string, action: 'start' | 'stop'): Promise<void> {
  const server = await lastingServer(recordIn(dir));
  if (!server) {
    throw new TenantDrError('usage', `There is no demo on PostgreSQL in ${dir}. Nothing was done.`, {
      hint: 'Name the folder it was made in, or make one: tenant-dr demo --postgres.',
    });
  }
  await (action === 'start' ? restartLasting(server) : stopLasting(server));
}

/** Stops it and throws it away, if there is one; the port it had. */
export async function removeServer(dir: string): Promise<number | undefined> {
  return (await removeLasting(recordIn(dir)))?.port;
}
