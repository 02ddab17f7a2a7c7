import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/config/schema.ts';
import { configSchema } from '../../src/config/schema.ts';
import { postgresDatabase } from '../../src/databases/postgres/database.ts';
import type { Ground } from '../../src/engine/ground.ts';
import { stageSource, survey } from '../../src/engine/ground.ts';
import type { Plan, PlanRequest } from '../../src/engine/planning.ts';
import { makePlan, requireApplicable } from '../../src/engine/planning.ts';
import type { OpenOptions, Session, StagedSource } from '../../src/engine/port.ts';
import type { ExecuteOptions, Execution, Intention } from '../../src/engine/restore.ts';
import { execute } from '../../src/engine/restore.ts';
import { folderOfTheFile } from '../afterwards.ts';

export function configFor(url: string, extra: Record<string, unknown> = {}): Config {
  const shared = { ownership: { tables: { plans: 'shared' } } };
  return {
    ...configSchema.parse({ database: url, ...shared, ...extra }),
    database: url,
    environment: 'test',
    state: tmpdir(),
    file: undefined,
    warnings: [],
  };
}

export async function openGround(
  url: string,
  extra: Record<string, unknown> = {},
  options: OpenOptions = { mode: 'write' },
): Promise<Ground> {
  const session = await postgresDatabase(url).open(options);
  return survey(session, configFor(url, extra));
}

export interface Staging {
  ground: Ground;
  session: Session;
  plan(slug: string, options?: Partial<PlanRequest>): Promise<Plan>;
  execute(
    plan: Plan,
    options?: Partial<ExecuteOptions>,
  ): Promise<Execution & { intention: Intention; safetyPath: string; effectsPath: string }>;
  close(): Promise<void>;
}

/** Stages a source for the tenants named by slug and hands back what tests do with it. */
export async function staged(
  url: string,
  source: StagedSource,
  slugs: string[],
  extra: Record<string, unknown> = {},
  options: OpenOptions = { mode: 'write' },
): Promise<Staging> {
  const ground = await openGround(url, extra, options);
  const whole = source.form === 'dump' && source.whole;
  const ids = ground.tenants.filter((tenant) => slugs.includes(tenant.slug)).map((tenant) => tenant.id);
  // A tenant that is gone live is asked for by its number.
  for (const slug of slugs) if (/^\d+$/.test(slug)) ids.push({ type: 'integer', text: slug });
  const found = await stageSource(ground, source, ids);
  const folder = folderOfTheFile('state');
  let counter = 0;
  return {
    ground,
    session: ground.session,
    plan(slug, more = {}) {
      const live = ground.tenants.find((tenant) => tenant.slug === slug || tenant.id.text === slug);
      const backup = found.tenants.find((tenant) => tenant.slug === slug || tenant.id.text === slug);
      const tenant = live ?? backup;
      if (!tenant) throw new Error(`no tenant ${slug}`);
      return makePlan(ground, {
        tenant: { ...tenant, live: live !== undefined, inBackup: backup !== undefined },
        staged: found,
        whole,
        mode: 'exact',
        ...more,
      });
    },
    async execute(plan, more = {}) {
      requireApplicable(plan);
      let intention: Intention | undefined;
      const safetyPath = join(folder, `safety-${counter}.sql`);
      const effectsPath = join(folder, `effects-${counter++}.jsonl`);
      const recorder: ExecuteOptions['recorder'] = {
        intended: async (what) => {
          intention = what;
        },
        finished: async () => undefined,
        rolledBack: async () => undefined,
        unknown: async () => undefined,
      };
      const done = await execute(ground, plan, { safetyPath, effectsPath, recorder, ...more });
      return { ...done, intention: intention as Intention, safetyPath, effectsPath };
    },
    close: () => ground.session.close(),
  };
}
