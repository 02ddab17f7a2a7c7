import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { sqliteDatabase } from '../../src/databases/sqlite/database.ts';
import type { Ground } from '../../src/engine/ground.ts';
import { stageSource, survey } from '../../src/engine/ground.ts';
import type { RestoreMode } from '../../src/engine/plan.ts';
import type { Plan, PlanRequest } from '../../src/engine/planning.ts';
import { makePlan } from '../../src/engine/planning.ts';
import type { OpenOptions, StagedSource } from '../../src/engine/port.ts';
import type { Execution, Recorder } from '../../src/engine/restore.ts';
import { execute } from '../../src/engine/restore.ts';
import { resolveTenant } from '../../src/engine/tenants.ts';
import { folderOfTheFile } from '../afterwards.ts';

/** Drives the engine on a world without incidents or backups in between. */
export interface Drive {
  ground: Ground;
  folder: string;
  plan(tenant: string, options?: Partial<PlanRequest> & { mode?: RestoreMode }): Promise<Plan>;
  run(
    plan: Plan,
    options?: { recorder?: Recorder; beforeChange?: () => void | Promise<void> },
  ): Promise<Execution>;
  close(): Promise<void>;
}

export const silentRecorder: Recorder = {
  intended: async () => {},
  finished: async () => {},
  rolledBack: async () => {},
  unknown: async () => {},
};

export async function configOf(path: string): Promise<Config> {
  return loadConfig({ flags: { config: path }, env: {}, cwd: '/' });
}

let serial = 0;

export async function drive(
  config: Config,
  backup: string,
  options: { whole?: boolean; mode?: OpenOptions['mode'] } = {},
): Promise<Drive> {
  const path = (config.database as string).replace(/^sqlite:/, '');
  const session = await sqliteDatabase(path).open({ mode: options.mode ?? 'write' });
  const ground = await survey(session, config);
  const source: StagedSource = { form: 'database-file', path: backup, whole: options.whole ?? false };
  const staged = await stageSource(ground, source, []);
  const folder = folderOfTheFile('drive');
  return {
    ground,
    folder,
    plan: (tenant, request) =>
      makePlan(ground, {
        mode: 'exact',
        ...request,
        tenant: resolveTenant(tenant, ground.tenants, staged.tenants),
        staged,
        whole: options.whole ?? false,
      }),
    run: (plan, given) => {
      serial++;
      return execute(ground, plan, {
        safetyPath: join(folder, `safety-${serial}.db`),
        effectsPath: join(folder, `effects-${serial}.jsonl`),
        recorder: given?.recorder ?? silentRecorder,
        ...(given?.beforeChange ? { beforeChange: given.beforeChange } : {}),
      });
    },
    close: () => session.close(),
  };
}
