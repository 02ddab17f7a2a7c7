import type { Operator } from '../../src/actions/operator.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { databaseAt } from '../../src/databases/open.ts';
import type { Scenario } from '../../src/demo/scenario.ts';
import type { Database } from '../../src/engine/port.ts';
import type { Tenant } from '../../src/engine/tenant.ts';
import type { Incident } from '../../src/incident/incident.ts';
import type { RunMode } from '../../src/incident/mode.ts';
import { resumeIncident, type Store } from '../../src/incident/store.ts';
import { systemClock } from '../../src/runbook/clock.ts';
import { parseRunbook } from '../../src/runbook/parse.ts';
import { Runner } from '../../src/runbook/runner.ts';
import { runbookOf, startIncident } from '../../src/runbook/start.ts';
import { folderOfTheFile } from '../afterwards.ts';
import { chatbot } from '../worlds/chatbot.ts';
import type { World } from '../worlds/world.ts';

/** What a scene needs of a world. */
export type Place = Pick<World, 'dir' | 'configPath' | 'statePath' | 'victim'>;

/** A damaged database, its config, and where its incidents go. */
export interface Scene<P extends Place = World> {
  world: P;
  config: Config;
  database: Database;
  tenant: Tenant;
  store: Store;
}

export async function scene(scenario: Scenario = 'deleted'): Promise<Scene> {
  return sceneOf(await chatbot(folderOfTheFile('world'), scenario));
}

export async function sceneOf<P extends Place>(world: P): Promise<Scene<P>> {
  const flags = { config: world.configPath, state: world.statePath, database: undefined, backups: undefined };
  const config = await loadConfig({
    flags: flags,
    env: {},
    cwd: world.dir,
  });
  const database = await databaseAt(config.database ?? '');
  const session = await database.open({ mode: 'read' });
  const tenant = (await session.tenants(config.tenants)).find((one) => one.slug === world.victim);
  await session.close();
  if (!tenant) throw new Error(`no ${world.victim}`);
  const store = { stateDir: world.statePath, actor: { name: 'alice', host: 'here' } };
  return { world, config, database, tenant, store };
}

/** The tenant's status as anybody would see it now. */
export async function statusOf({ database, config, tenant }: Scene<Place>): Promise<string | null> {
  const session = await database.open({ mode: 'read' });
  try {
    return (await session.tenants(config.tenants)).find((one) => one.slug === tenant.slug)?.status ?? null;
  } finally {
    await session.close();
  }
}

export interface StartOptions {
  mode?: RunMode;
  signal?: AbortSignal;
  input?: Record<string, Record<string, unknown>>;
  damagedAt?: Date;
}

/** Opens an incident with this runbook text and makes the runner for it. */
export async function start(
  scene: Scene<Place>,
  text: string,
  operator: Operator,
  options: StartOptions = {},
): Promise<{ incident: Incident; runner: Runner }> {
  const runbook = parseRunbook(text, 'test.yaml');
  const { config, database, tenant } = scene;
  const mode = options.mode ?? 'live';
  const facts = { kind: 'runbook', runbook, config, database, tenant, mode } as const;
  const times = { detectedAt: new Date(), damagedAt: options.damagedAt ?? null };
  const incident = await startIncident(scene.store, { ...facts, ...times });
  const runner = runnerFor(scene, incident, runbook, operator, options);
  return { incident, runner };
}

/** Goes on with an incident as another process would. */
export async function resume(
  scene: Scene<Place>,
  id: string,
  operator: Operator,
  options: StartOptions = {},
): Promise<{ incident: Incident; runner: Runner }> {
  const { incident } = await resumeIncident(scene.store, id);
  try {
    const runner = runnerFor(scene, incident, await runbookOf(incident), operator, options);
    return { incident, runner };
  } catch (error) {
    await incident.close();
    throw error;
  }
}

function runnerFor(
  scene: Scene<Place>,
  incident: Incident,
  runbook: ReturnType<typeof parseRunbook>,
  operator: Operator,
  options: StartOptions,
): Runner {
  const { config, database, tenant } = scene;
  const signal = options.signal ?? new AbortController().signal;
  const mode = options.mode ?? incident.state.opened.mode;
  const given = { runbook, incident, config, database, tenant, mode, operator, clock: systemClock, signal };
  return new Runner(options.input ? { ...given, input: options.input } : given);
}
