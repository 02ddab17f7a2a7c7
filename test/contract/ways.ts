import { join } from 'node:path';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { configSchema } from '../../src/config/schema.ts';
import { postgresDatabase } from '../../src/databases/postgres/database.ts';
import { sqliteDatabase } from '../../src/databases/sqlite/database.ts';
import { stageSource, survey } from '../../src/engine/ground.ts';
import type { Plan } from '../../src/engine/planning.ts';
import { makePlan } from '../../src/engine/planning.ts';
import type { Database as Port, StagedSource } from '../../src/engine/port.ts';
import { resolveTenant } from '../../src/engine/tenants.ts';
import { temporaryFolder } from '../cli/folder.ts';
import { testCluster, testDatabase } from '../postgres/cluster.ts';

/** A database with a backup of it, made by one script that both databases understand. */
export interface Pair {
  database: Port;
  /** Its address, as a config says it. */
  address: string;
  backup: StagedSource;
  /** Damages the live database. */
  change(script: string): Promise<void>;
}

/** Every kind of source that holds all tenants, on both databases. */
export const ways: Record<string, (script: string) => Promise<Pair>> = {
  'a SQLite file': async (script) => {
    const folder = temporaryFolder();
    const [live, backup] = [join(folder, 'live.db'), join(folder, 'backup.db')];
    for (const path of [live, backup]) onSqlite(path, script);
    return {
      database: sqliteDatabase(live),
      address: `sqlite:${live}`,
      backup: { form: 'database-file', path: backup, whole: false },
      change: async (text) => onSqlite(live, text),
    };
  },
  'plain SQL': (script) =>
    postgres(script, async (url, folder) => {
      const path = join(folder, 'a.sql.gz');
      // Times of a dump are in whatever zone it was taken in.
      await execa('pg_dump', ['-Z1', '--file', path, url], { env: { PGTZ: 'America/Sao_Paulo' } });
      return { form: 'dump', path, format: 'plain', compression: 'gzip', whole: false };
    }),
  'a custom archive': (script) =>
    postgres(script, async (url, folder) => {
      const path = join(folder, 'a.dump');
      await execa('pg_dump', ['-Fc', '--file', path, url]);
      return { form: 'dump', path, format: 'custom', compression: 'none', whole: false };
    }),
  'a directory archive': (script) =>
    postgres(script, async (url, folder) => {
      const path = join(folder, 'dir');
      await execa('pg_dump', ['-Fd', '--file', path, url]);
      return { form: 'dump', path, format: 'directory', compression: 'none', whole: false };
    }),
  'a live server': (script) => postgres(script, async (url) => ({ form: 'live', url })),
};

function onSqlite(path: string, script: string): void {
  const database = new Database(path);
  database.exec(script);
  database.close();
}

let server: ReturnType<typeof testCluster> | undefined;

async function postgres(
  script: string,
  back: (url: string, folder: string) => Promise<StagedSource>,
): Promise<Pair> {
  server ??= testCluster();
  const then = await testDatabase(await server, script);
  const live = await testDatabase(await server, '', then.name);
  return {
    database: postgresDatabase(live.url),
    address: live.url,
    backup: await back(then.url, temporaryFolder()),
    change: (text) => live.sql(text),
  };
}

/** Plans of an exact restore of these tenants, all of them staged together. */
export async function plansOf(pair: Pair, tenants: string[]): Promise<Plan[]> {
  const session = await pair.database.open({ mode: 'read' });
  try {
    const known = configSchema.parse({ database: pair.database.location });
    const facts = { database: pair.database.location, environment: 'test', state: '', warnings: [] };
    const ground = await survey(session, { ...known, ...facts, file: undefined });
    const asked = ground.tenants.filter((tenant) => tenants.includes(tenant.slug));
    const staged = await stageSource(
      ground,
      pair.backup,
      asked.map((tenant) => tenant.id),
    );
    const plans: Plan[] = [];
    for (const slug of tenants) {
      const tenant = resolveTenant(slug, ground.tenants, staged.tenants);
      plans.push(await makePlan(ground, { tenant, staged, whole: false, mode: 'exact' }));
    }
    return plans;
  } finally {
    await session.close();
  }
}
