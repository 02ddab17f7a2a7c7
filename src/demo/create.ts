import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { takeBackup } from '../backups/take.ts';
import { configFileName, loadConfig } from '../config/load.ts';
import type { DemoStore } from '../databases/demo/store.ts';
import { TenantDrError } from '../errors.ts';
import { buildDemo, type Demo } from './build.ts';
import type { Scenario } from './scenario.ts';
import { removeServer, startServer } from './server.ts';
import { demoConfig, demoContacts } from './settings.ts';

export interface CreateRequest {
  dir: string;
  scenario: Scenario;
  seed: number;
  now: Date;
  /** Throw away the demo that is there. */
  reset: boolean;
  /** On a PostgreSQL server of its own, which goes on running afterwards. */
  postgres: boolean;
  signal: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

export interface CreatedDemo extends Demo {
  /** The database file, or the address of the database. */
  database: string;
  config: string;
  complaintFile: string;
}

/** Says that everything in the folder is made up and may be thrown away. */
const marker = '.tenant-dr-demo';

/**
 * Makes the demo in a folder: database, two weeks of backups, config, contacts, and the complaint. Never touches a
 * folder that is not a demo. Rejects with usage (something else is there, or a demo without `reset`), interrupted,
 * and for PostgreSQL with tool-missing and tool-failed.
 */
export async function createDemo(request: CreateRequest): Promise<CreatedDemo> {
  const { dir } = request;
  const port = await makeRoom(dir, request.reset);
  const at = (...names: string[]) => join(dir, ...names);
  await mkdir(at('data', 'backups'), { recursive: true, mode: 0o700 });
  await write(at(marker), 'Made by "tenant-dr demo". Everything here is made up.\n');
  try {
    return await fill(request, port);
  } catch (error) {
    // A server nobody knows of would go on running, and half a demo would stand in the way of a whole one.
    await clear(dir);
    if ((await readdir(dir)).length === 1) await rm(at(marker));
    throw error;
  }
}

async function fill(request: CreateRequest, port: number | undefined): Promise<CreatedDemo> {
  const { dir, signal } = request;
  const at = (...names: string[]) => join(dir, ...names);
  const { database, shown, store } = await placeFor(request, port);
  await write(at(configFileName), demoConfig(database, request.postgres));
  await write(at('contacts.yaml'), demoContacts());
  // The environment of whoever tries the demo must not lead it to a real database.
  const config = await loadConfig({ flags: { config: at(configFileName) }, env: {}, cwd: dir });
  const demo = await buildDemo({
    store,
    scenario: request.scenario,
    seed: request.seed,
    now: request.now,
    backup: async (now) =>
      (await takeBackup({ config, compression: 'zstd', digests: true, now, signal })).path,
    onProgress: request.onProgress,
  });
  const complaintFile = at('complaint.txt');
  await write(complaintFile, `${demo.complaint}\n`);
  return { ...demo, database: shown, config: at(configFileName), complaintFile };
}

/** Where the demo's rows go: what the config says, what people are told, and the way there. */
async function placeFor(
  { dir, postgres }: CreateRequest,
  port: number | undefined,
): Promise<{ database: string; shown: string; store: DemoStore }> {
  if (postgres) {
    const { postgresDemo } = await import('../databases/postgres/demo/store.ts');
    const url = await startServer(dir, port);
    return { database: url, shown: url, store: await postgresDemo(url) };
  }
  const { sqliteDemo } = await import('../databases/sqlite/demo/store.ts');
  const path = join(dir, 'data', 'admin.db');
  return { database: 'sqlite:./data/admin.db', shown: path, store: await sqliteDemo(path) };
}

/** Resolves with the port that the former demo's server had. */
async function makeRoom(dir: string, reset: boolean): Promise<number | undefined> {
  if (!existsSync(dir) || (await readdir(dir)).length === 0) return undefined;
  if (!existsSync(join(dir, marker))) {
    throw new TenantDrError('usage', `${dir} holds something else than a demo. Nothing was touched.`, {
      hint: 'Name a folder that does not exist yet.',
    });
  }
  if (!reset) {
    throw new TenantDrError('usage', `There is a demo in ${dir} already. Nothing was touched.`, {
      hint: 'Add --reset to throw it away and make a new one, or go on working in it.',
    });
  }
  return clear(dir);
}

/** Throws away what a demo consists of, but for its marker; the port its server had. */
async function clear(dir: string): Promise<number | undefined> {
  const port = await removeServer(dir);
  for (const name of ['data', 'state', configFileName, 'contacts.yaml', 'complaint.txt']) {
    await rm(join(dir, name), { recursive: true, force: true });
  }
  return port;
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
}
