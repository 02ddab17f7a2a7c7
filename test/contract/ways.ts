import { join } from 'node:path';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { configSchema } from '../../src/config/schema.ts';
import { postgresDatabase } from '../../src/databases/postgres/database.ts';
import { sqliteDatabase } from '../../src/databases/sqlite/database.ts';
import type { Ground } from '../../src/engine/ground.ts';
import { stageSource, survey } from '../../src/engine/ground.ts';
import type { RestoreMode } from '../../src/engine/plan.ts';
import type { Plan } from '../../src/engine/planning.ts';
import { makePlan } from '../../src/engine/planning.ts';
import type { Database as Port, Staged, StagedSource } from '../../src/engine/port.ts';
import type { Execution } from '../../src/engine/restore.ts';
import { execute } from '../../src/engine/restore.ts';
import { resolveTenant } from '../../src/engine/tenants.ts';
import { afterTheFile } from '../afterwards.ts';
import { temporaryFolder } from '../cli/folder.ts';
import { silentRecorder } from '../engine/drive.ts';
import { testCluster, testDatabase } from '../postgres/cluster.ts';

/** A database with a backup of it, made by one script that both databases understand. */
export interface Pair {
  database: Port;
  /** Its address, as a config says it. */
  address: string;
  backup: StagedSource;
  /** What its config says of ownership, if anything. */
  ownership?: unknown;
  /** Damages the live database. */
  change(script: string): Promise<void>;
  /** Rows of a query on it, read without any code of ours. */
  read(query: string): Promise<unknown[][]>;
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
      read: async (query) => {
        const database = new Database(live, { readonly: true });
        const rows = database.prepare(query).raw().all() as unknown[][];
        database.close();
        return rows.map((row) => row.map((value) => (value === null ? null : String(value))));
      },
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

function ofThisFile(): ReturnType<typeof testCluster> {
  afterTheFile(() => {
    server = undefined;
  });
  return testCluster();
}

async function postgres(
  script: string,
  back: (url: string, folder: string) => Promise<StagedSource>,
): Promise<Pair> {
  server ??= ofThisFile();
  const then = await testDatabase(await server, script);
  const live = await testDatabase(await server, '', then.name);
  return {
    database: postgresDatabase(live.url),
    address: live.url,
    backup: await back(then.url, temporaryFolder()),
    change: (text) => live.sql(text),
    read: (query) => live.rows(query),
  };
}

/** Plans of an exact restore of these tenants, all of them staged together. */
export async function plansOf(pair: Pair, tenants: string[]): Promise<Plan[]> {
  return withGround(pair, pair.backup, tenants, 'read', async (ground, staged) => {
    const plans: Plan[] = [];
    for (const slug of tenants) {
      const tenant = resolveTenant(slug, ground.tenants, staged.tenants);
      plans.push(await makePlan(ground, { tenant, staged, whole: false, mode: 'exact' }));
    }
    return plans;
  });
}

/** Restores a tenant, from the pair's backup or, as an undo does, from the safety copy of an earlier restore. */
export async function restored(
  pair: Pair,
  slug: string,
  given: { mode?: RestoreMode; undo?: Execution } = {},
): Promise<Execution> {
  const { mode = 'exact', undo } = given;
  const source = undo ? safetyOf(pair, undo) : pair.backup;
  const folder = temporaryFolder();
  return withGround(pair, source, [slug], 'write', async (ground, staged) => {
    const tenant = resolveTenant(slug, ground.tenants, staged.tenants);
    const whole = undo !== undefined;
    const plan = await makePlan(ground, { tenant, staged, whole, mode, verbatim: whole });
    return execute(ground, plan, {
      safetyPath: join(folder, 'safety'),
      effectsPath: join(folder, 'effects'),
      recorder: silentRecorder,
    });
  });
}

function safetyOf({ database }: Pair, { safetyCopy: { path } }: Execution): StagedSource {
  return database.kind === 'sqlite'
    ? { form: 'database-file', path, whole: true }
    : { form: 'dump', path, format: 'plain', compression: 'none', whole: true };
}

async function withGround<T>(
  pair: Pair,
  source: StagedSource,
  tenants: string[],
  mode: 'read' | 'write',
  use: (ground: Ground, staged: Staged) => Promise<T>,
): Promise<T> {
  const session = await pair.database.open({ mode });
  try {
    const known = configSchema.parse({ database: pair.database.location, ownership: pair.ownership });
    const facts = { database: pair.database.location, environment: 'test', state: '', warnings: [] };
    const ground = await survey(session, { ...known, ...facts, file: undefined });
    const asked = ground.tenants.filter((tenant) => tenants.includes(tenant.slug));
    return await use(
      ground,
      await stageSource(
        ground,
        source,
        asked.map((tenant) => tenant.id),
      ),
    );
  } finally {
    await session.close();
  }
}
