import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { takeBackup } from '../backups/take.ts';

import { configFileName, loadConfig } from '../config/load.ts';
import { TenantDrError } from '../errors.ts';
import { buildDemo, type Demo } from './build.ts';
import type { Scenario } from './scenario.ts';
import { demoConfig, demoContacts } from './settings.ts';

export interface CreateRequest {
  dir: string;
  scenario: Scenario;
  seed: number;
  now: Date;
  /** Throw away the demo that is there. */
  reset: boolean;
  signal: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

export interface CreatedDemo extends Demo {
  config: string;
  complaintFile: string;
}

/** Says that everything in the folder is made up and may be thrown away. */
const marker = '.tenant-dr-demo';

/**
 * Makes the demo in a folder: database, two weeks of backups, config, contacts, and the complaint. Never touches a
 * folder that is not a demo. Rejects with usage (something else is there, or a demo without `reset`), interrupted.
 */
export async function createDemo(request: CreateRequest): Promise<CreatedDemo> {
  const { dir, signal } = request;
  await makeRoom(dir, request.reset);
  const at = (...names: string[]) => join(dir, ...names);
  await mkdir(at('data', 'backups'), { recursive: true, mode: 0o700 });
  await write(at(marker), 'Made by "tenant-dr demo". Everything here is made up.\n');
  await write(at(configFileName), demoConfig());
  await write(at('contacts.yaml'), demoContacts());
  // The environment of whoever tries the demo must not lead it to a real database.
  const config = await loadConfig({ flags: { config: at(configFileName) }, env: {}, cwd: dir });
  const demo = await buildDemo({
    database: at('data', 'admin.db'),
    scenario: request.scenario,
    seed: request.seed,
    now: request.now,
    backup: async (now) =>
      (await takeBackup({ config, compression: 'zstd', digests: true, now, signal })).path,
    onProgress: request.onProgress,
  });
  const complaintFile = at('complaint.txt');
  await write(complaintFile, `${demo.complaint}\n`);
  return { ...demo, config: at(configFileName), complaintFile };
}

async function makeRoom(dir: string, reset: boolean): Promise<void> {
  if (!existsSync(dir) || (await readdir(dir)).length === 0) return;
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
  for (const name of ['data', 'state', configFileName, 'contacts.yaml', 'complaint.txt']) {
    await rm(join(dir, name), { recursive: true, force: true });
  }
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
}
