import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type LastingServer, lastingServer, stopLasting } from '../../src/databases/postgres/lasting.ts';
import { type ProcessOptions, tenantDr, tenantDrProcess } from '../cli/run.ts';
import { contents, ordinaryRole, type TestDatabase, testCluster, testDatabase } from './cluster.ts';
import { connectTo } from './connection.ts';
import { damagedOn, type Place } from './place.ts';
import { shop, shopTables } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;
let template: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  template = await testDatabase(server, `${shop} ALTER TABLE items ALTER price SET DEFAULT 7;`);
  await ordinaryRole(server, 'clerk');
});

const rehearse = [
  ...['run', 'single-tenant-corruption', '--tenant', 'two', '--on-copy', '--auto'],
  ...['--confirm', 'two', '--from', 'latest', '--json', '--as', 'tester'],
];

async function copies(): Promise<string[]> {
  const admin = await connectTo(server.url('postgres'));
  const { rows } = await admin.query(`SELECT datname FROM pg_database WHERE datname LIKE 'tdr\\_rehearsal%'`);
  await admin.end();
  return rows.map(({ datname }: { datname: string }) => datname);
}

function incidentFolder({ cwd }: Place): string {
  const folder = join(cwd, 'state', 'incidents');
  return join(folder, readdirSync(folder).sort().at(-1) ?? '');
}

/** Ends the program, as a power cut would, when it is about to change rows of its copy. */
function killedBeforeItsChange({ cwd }: Place): ProcessOptions {
  return {
    cwd,
    onStart: (child) =>
      child.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.includes('"restore.intended"')) child.kill('SIGKILL');
      }),
  };
}

describe('a rehearsal on PostgreSQL', () => {
  test('walks every step on a copy beside the live database, drops it, and changes nothing live', async () => {
    const here = await damagedOn(server, template);
    const wrong = await contents(here.live, shopTables);
    // As where operators are kept from writing by mistake.
    await here.live.asSuperuser('ALTER ROLE postgres SET default_transaction_read_only = on');
    const ran = await tenantDr(rehearse, { cwd: here.cwd });
    await here.live.asSuperuser(
      'BEGIN READ WRITE; ALTER ROLE postgres RESET default_transaction_read_only; COMMIT',
    );
    expect(ran.exit, ran.stderr).toBe(0);
    expect(ran.document).toMatchObject({ mode: 'rehearsal', outcome: 'completed' });
    const done = ran.events.filter(({ event }) => event === 'restore.finished');
    expect(done).toHaveLength(1);
    expect(await contents(here.live, shopTables)).toEqual(wrong);
    expect(await here.live.rows('SELECT status FROM tenants WHERE id = 2')).toEqual([['active']]);
    expect(await copies()).toEqual([]);
    expect(existsSync(join(incidentFolder(here), 'copy'))).toBe(false);
  });

  test('of a role that may not create databases works on a server of its own, behind a password, which a resumed one starts again', async () => {
    const here = await damagedOn(server, template);
    for (const table of shopTables) await here.live.asSuperuser(`ALTER TABLE ${table} OWNER TO clerk`);
    const wrong = await contents(here.live, shopTables);
    const as = ['--database', here.live.url.replace('//postgres@', '//clerk@')];
    const killed = await tenantDrProcess([...rehearse, ...as], killedBeforeItsChange(here));
    expect(killed.exit).toBeNull();
    // A power cut ends that server, too.
    const elsewhere = await lastingServer(join(incidentFolder(here), 'copy', 'server.json'));
    await stopLasting(elsewhere as LastingServer);
    const ran = await here.run('resume', '--auto', '--confirm', 'two', ...as);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(ran.document.outcome).toBe('completed');
    expect(await contents(here.live, shopTables)).toEqual(wrong);
    expect(existsSync(join(incidentFolder(here), 'copy'))).toBe(false);
  });

  test('that is killed can be resumed on its copy, and a copy nobody comes back to is dropped by the next one', async () => {
    const here = await damagedOn(server, template);
    const wrong = await contents(here.live, shopTables);
    const killed = await tenantDrProcess(rehearse, killedBeforeItsChange(here));
    expect(killed.exit).toBeNull();
    const [abandoned] = await copies();
    expect(abandoned).toBeTruthy();
    const resumed = await here.run('resume', '--auto', '--confirm', 'two');
    expect(resumed.exit, resumed.stderr).toBe(0);
    expect(await copies()).toEqual([]);

    const again = await tenantDrProcess(rehearse, killedBeforeItsChange(here));
    expect(again.exit).toBeNull();
    expect(await copies()).toHaveLength(1);
    const next = await tenantDr(rehearse, { cwd: here.cwd });
    expect(next.exit, next.stderr).toBe(0);
    expect(await copies()).toEqual([]);
    const late = await here.run('resume', '--auto', '--confirm', 'two');
    expect([late.exit, late.document.error.code]).toEqual([2, 'usage']);
    expect(late.document.error.message).toContain('copy');
    expect(await contents(here.live, shopTables)).toEqual(wrong);
  });

  test('that cannot make its copy says why and leaves nothing behind', async () => {
    const here = await damagedOn(server, template);
    const ran = await tenantDr(rehearse, { cwd: here.cwd, env: { PATH: here.cwd } });
    expect([ran.exit, ran.document.error.code]).toEqual([4, 'tool-missing']);
    expect(ran.document.error.message).toContain('pg_dump');
    expect(await copies()).toEqual([]);
  });
});
