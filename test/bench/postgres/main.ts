import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startThrowaway } from '../../../src/databases/postgres/throwaway.ts';
import { openStream } from '../../../src/databases/streams.ts';
import type { StagedSource } from '../../../src/engine/port.ts';
import { connectTo } from '../../postgres/connection.ts';
import { staged } from '../../postgres/engine.ts';
import { generate } from './generate.ts';

/**
 * `node test/bench/postgres/main.ts [--shrink 1] [--dir folder] [--repeats 3]`
 * PostgreSQL benchmarks: ratios from one run on this machine, medians. Needs psql, pg_dump, pg_restore, createdb.
 */
const { values } = parseArgs({
  options: {
    shrink: { type: 'string', default: '1' },
    dir: { type: 'string', default: '/tmp/tenant-dr-bench-postgres' },
    repeats: { type: 'string', default: '3' },
  },
});
const repeats = Number(values.repeats);
const cluster = join(values.dir, 'cluster');
const dumps = join(values.dir, 'dumps');
mkdirSync(dumps, { recursive: true });
const fresh = !existsSync(join(cluster, 'data', 'PG_VERSION'));
const server = await startThrowaway(cluster, { settings: { shared_buffers: '512MB', max_wal_size: '4GB' } });
const lines: string[] = [];

function median(numbers: number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] as number;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

async function several(run: () => Promise<number>): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < repeats; i++) all.push(await run());
  return median(all);
}

function line(what: string, seconds: number, ratio?: number, limit?: string): void {
  lines.push(
    `${what.padEnd(66)}${seconds.toFixed(2).padStart(8)} s${ratio === undefined ? '' : `${ratio.toFixed(2).padStart(9)}x  ${limit ?? ''}`}`,
  );
  console.log(lines.at(-1));
}

function shell(command: string): void {
  execFileSync('bash', ['-o', 'pipefail', '-c', command], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      URL: server.url('bench'),
      BASE: server.url('postgres').replace(/postgres$/, ''),
      DUMPS: dumps,
    },
  });
}

/** Light damage to a tenant: about 1 % changed, 1 % deleted. */
async function damage(tenant: number): Promise<void> {
  const client = await connectTo(server.url('bench'));
  await client.query(
    `UPDATE channel_messages SET body = 'x' WHERE tenant_id = ${tenant} AND id % 100 = 0; DELETE FROM leads WHERE tenant_id = ${tenant} AND id % 50 = 0; CHECKPOINT`,
  );
  await client.end();
}

const dump = (name: string, format: 'plain' | 'custom', compression: 'gzip' | 'none'): StagedSource => ({
  form: 'dump',
  path: join(dumps, name),
  format,
  compression,
  whole: false,
});
const plain = dump('a.sql.gz', 'plain', 'gzip');
const custom = dump('a.dump', 'custom', 'none');

async function restore(
  source: StagedSource,
  tenant: number,
): Promise<{ whole: number; stage: number; lock: number }> {
  await damage(tenant);
  let stage = 0;
  let lock = 0;
  const whole = await timed(async () => {
    const started = performance.now();
    const work = await staged(server.url('bench'), source, [`tenant-${tenant}`]);
    stage = (performance.now() - started) / 1000;
    const done = await work.execute(await work.plan(`tenant-${tenant}`));
    lock = done.seconds.writeLock;
    await work.close();
  });
  return { whole, stage, lock };
}

/** The way without us: a scratch database, the whole dump, one tenant's rows out and in. */
async function byHand(tenant: number, load: string): Promise<number> {
  await damage(tenant);
  const rows: Record<string, string> = {
    agents: `tenant_id = ${tenant}`,
    leads: `tenant_id = ${tenant}`,
    audit_conversations: `tenant_id = ${tenant}`,
    audit_messages: `conversation_id IN (SELECT id FROM audit_conversations WHERE tenant_id = ${tenant})`,
    channel_messages: `tenant_id = ${tenant}`,
    jobs: `tenant_id = ${tenant}`,
  };
  const out = Object.entries(rows).map(
    ([table, where]) =>
      `psql -qX "$BASE"scratch -c "COPY (SELECT * FROM ${table} WHERE ${where}) TO STDOUT" > $DUMPS/${table}.copy`,
  );
  const names = Object.keys(rows);
  const gone = [...names]
    .reverse()
    .map((table) => `DELETE FROM ${table} WHERE ${rows[table]};`)
    .join(' ');
  const back = names.map((table) => `\\\\copy ${table} FROM '${dumps}/${table}.copy'`).join('\n');
  const seconds = await timed(async () => {
    shell(`psql -qX "$URL" -c "DROP DATABASE IF EXISTS scratch" -c "CREATE DATABASE scratch"; ${load}`);
    shell(out.join(' && '));
    shell(
      `printf "BEGIN; SET CONSTRAINTS ALL DEFERRED; ${gone}\n${back}\nCOMMIT;\n" | psql -qX -v ON_ERROR_STOP=1 "$URL"`,
    );
  });
  return seconds;
}

/** Delete and reload in one transaction from prepared rows: how long its rows are locked. */
async function deleteAndReload(tenant: number): Promise<number> {
  const client = await connectTo(server.url('bench'));
  const where = `tenant_id = ${tenant}`;
  const messages = `conversation_id IN (SELECT id FROM audit_conversations WHERE ${where})`;
  const tables: [string, string][] = [
    ['agents', where],
    ['leads', where],
    ['audit_conversations', where],
    ['audit_messages', messages],
    ['channel_messages', where],
    ['jobs', where],
  ];
  for (const [table, rows] of tables)
    await client.query(`CREATE TEMP TABLE keep_${table} AS SELECT * FROM ${table} WHERE ${rows}`);
  const seconds = await timed(async () => {
    await client.query('BEGIN');
    for (const [table, rows] of [...tables].reverse())
      await client.query(`DELETE FROM ${table} WHERE ${rows}`);
    for (const [table] of tables) await client.query(`INSERT INTO ${table} SELECT * FROM keep_${table}`);
    await client.query('COMMIT');
  });
  await client.query('VACUUM');
  await client.end();
  return seconds;
}

try {
  if (fresh) {
    line('making the database', await timed(() => generate(server, 'bench', Number(values.shrink))));
    shell('pg_dump -Fc -f $DUMPS/a.dump $URL; pg_dump $URL | gzip > $DUMPS/a.sql.gz');
  }
  const floor = await several(() =>
    timed(async () => {
      for await (const chunk of openStream(join(dumps, 'a.sql.gz'), 'gzip')) void chunk;
    }),
  );
  line('decompression alone (.sql.gz, 1 MiB chunks)', floor);
  const typical = {
    plain: await several(async () => (await restore(plain, 50)).stage),
    small: await several(async () => (await restore(plain, 500)).stage),
  };
  line('staging one small tenant from .sql.gz', typical.small, typical.small / floor, 'at most 1.3');
  line('staging one typical tenant from .sql.gz', typical.plain, typical.plain / floor, 'at most 1.3');
  const sizes = { small: 500, typical: 50, large: 1 };
  for (const [size, tenant] of Object.entries(sizes)) {
    const hand = {
      plain: await byHand(tenant, `gunzip -c $DUMPS/a.sql.gz | psql -qX "$BASE"scratch > /dev/null`),
      custom: await byHand(tenant, 'pg_restore -j2 -d "$BASE"scratch $DUMPS/a.dump'),
    };
    const ours = {
      plain: await several(async () => (await restore(plain, tenant)).whole),
      custom: await several(async () => (await restore(custom, tenant)).whole),
    };
    line(`${size}: by way of a scratch database, .sql.gz`, hand.plain);
    line(
      `${size}: whole restore from .sql.gz, times faster`,
      ours.plain,
      hand.plain / ours.plain,
      'at least 5',
    );
    line(`${size}: by way of a scratch database, .dump, pg_restore -j2`, hand.custom);
    line(
      `${size}: whole restore from .dump, times faster`,
      ours.custom,
      hand.custom / ours.custom,
      'at least 3.5',
    );
  }
  const reload = await several(() => deleteAndReload(1));
  const lock = await several(async () => (await restore(custom, 1)).lock);
  line('large, delete and reload: rows locked', reload);
  line('large, light damage: rows locked', lock, lock / reload, 'at most 0.4');
  const hundred = Array.from({ length: 100 }, (_, i) => 300 + i);
  for (const tenant of hundred) await damage(tenant);
  const many = await timed(async () => {
    const slugs = hundred.map((tenant) => `tenant-${tenant}`);
    const work = await staged(server.url('bench'), plain, slugs);
    for (const slug of slugs) await work.execute(await work.plan(slug));
    await work.close();
  });
  line(
    '100 small tenants in one pass, against one staging',
    many,
    many / typical.small,
    'at most 2, plus their rows',
  );
  line('highest memory of this process, MiB', process.resourceUsage().maxRSS / 1024);
} finally {
  await server.stop();
}
