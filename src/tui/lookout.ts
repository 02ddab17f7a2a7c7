import type { BackupEntry } from '../backups/catalogue.ts';
import type { Context } from '../cli/context.ts';
import type { Tenant } from '../engine/tenant.ts';
import { reasonOf, TenantDrError } from '../errors.ts';
import { tiers } from '../policy/tiers.ts';
import { createStore, type Store } from './store.ts';
import type { HomeModel, IncidentSummary, Loaded, ScenarioSummary } from './view/home.ts';
import { reading } from './view/home.ts';
import { summarize } from './view/summary.ts';
import { indexTenants, type TenantEntry, type TenantIndex } from './view/tenants.ts';

/** What the home screen knows, read in the background so that the first frame waits for nothing. */
export interface Sights {
  incidents: Loaded<IncidentSummary[]>;
  scenarios: Loaded<ScenarioSummary[]>;
  tenants: Loaded<{ index: TenantIndex; live: Tenant[] }>;
  backups: Loaded<BackupEntry[]>;
}

export interface Lookout {
  sights: Store<Sights>;
  /** Reads everything again, for coming back from an incident. */
  look: () => Promise<void>;
}

async function loaded<T>(work: () => Promise<T>): Promise<Loaded<T>> {
  try {
    return { state: 'ready', value: await work() };
  } catch (error) {
    const hint = error instanceof TenantDrError ? error.hint : undefined;
    return { state: 'failed', message: reasonOf(error), ...(hint ? { hint } : {}) };
  }
}

export function openLookout(context: Context): Lookout {
  const sights = createStore<Sights>({
    incidents: reading,
    scenarios: reading,
    tenants: reading,
    backups: reading,
  });
  const show = <K extends keyof Sights>(key: K, value: Sights[K]): void =>
    sights.flush((now) => ({ ...now, [key]: value }));

  const look = async (): Promise<void> => {
    const config = await context.config();
    const incidents = loaded(async () => {
      const { listIncidents } = await import('../incident/list.ts');
      // One state folder may serve several databases; what is open in another one is not resumed from here.
      const here = config.database ? await context.openDatabase(config) : null;
      const all = await listIncidents(config.state, {
        about: ({ database }) => here === null || database.location === here.location,
      });
      return all.flatMap((one) => summarize(one, context.clock()) ?? []);
    }).then((value) => show('incidents', value));
    const scenarios = loaded(async (): Promise<ScenarioSummary[]> => {
      const { listRunbooks } = await import('../runbook/load.ts');
      const listed = await listRunbooks(config.runbooks);
      return listed.map(({ id, origin, runbook, error }) => ({
        id,
        title: runbook?.title ?? id,
        origin,
        symptoms: runbook?.symptoms ?? [],
        impact: runbook?.impact ?? [],
        steps: runbook?.steps.map((step) => step.title) ?? [],
        estimateSeconds: runbook?.steps.reduce((sum, step) => sum + step.estimateSeconds, 0) ?? 0,
        problem: error,
      }));
    }).then((value) => show('scenarios', value));
    const backups = await loaded(async () => {
      const { listBackups } = await import('../backups/catalogue.ts');
      return listBackups(config);
    });
    show('backups', backups);
    show('tenants', await loaded(() => readTenants(context, backups.state === 'ready' ? backups.value : [])));
    await Promise.all([incidents, scenarios]);
  };
  return { sights, look };
}

async function readTenants(
  context: Context,
  backups: BackupEntry[],
): Promise<{ index: TenantIndex; live: Tenant[] }> {
  const config = await context.config();
  const [{ listTenants }, { effectivePolicy }] = await Promise.all([
    import('../cli/tenant-list.ts'),
    import('../policy/policy.ts'),
  ]);
  const database = await context.openDatabase();
  const session = await database.open({ mode: 'read' });
  try {
    const live = await session.tenants(config.tenants);
    const listed = listTenants({
      tenants: live,
      counts: null,
      hits: [],
      backups,
      policy: effectivePolicy(config.policy),
      now: context.clock(),
    });
    const entries = listed.map(
      (tenant): TenantEntry => ({
        id: tenant.id.text,
        slug: tenant.slug,
        name: tenant.name,
        tier: tenant.tier,
        status: tenant.status,
        backupAgeSeconds: tenant.rpo.ageSeconds,
        rpoMet: tenant.rpo.met,
        rpoSeconds: tenant.rpo.limitSeconds,
        gone: !tenant.live,
      }),
    );
    return { index: indexTenants(entries), live };
  } finally {
    await session.close();
  }
}

/** The home screen's model, from what was seen. */
export function homeModel(sights: Sights, story: string, now: Date): HomeModel {
  const { tenants, backups } = sights;
  return {
    incidents: sights.incidents,
    scenarios: sights.scenarios,
    tenants:
      tenants.state === 'ready'
        ? {
            state: 'ready',
            value: {
              total: tenants.value.index.entries.length,
              health: tiers.map((tier) => {
                const ofTier = tenants.value.index.entries.filter((entry) => entry.tier === tier);
                return {
                  tier,
                  tenants: ofTier.length,
                  withinRpo: ofTier.filter((entry) => entry.rpoMet === true).length,
                };
              }),
            },
          }
        : tenants,
    backups:
      backups.state === 'ready'
        ? {
            state: 'ready',
            value: {
              total: backups.value.length,
              newest: backups.value[0]
                ? { takenAt: backups.value[0].takenAt.toISOString(), verified: backups.value[0].verified }
                : null,
            },
          }
        : backups,
    story,
    now: now.toISOString(),
  };
}
