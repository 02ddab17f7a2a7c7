import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ActionContext } from '../../src/actions/action.ts';
import { probeRecord } from '../../src/actions/outcome.ts';
import { sha256Of } from '../../src/actions/safety.ts';
import { postgresDatabase } from '../../src/databases/postgres/database.ts';
import type { RestoreRecord } from '../../src/incident/records.ts';
import type { TestDatabase } from './cluster.ts';
import { contents, testCluster, testDatabase } from './cluster.ts';
import { connectTo } from './connection.ts';
import { staged } from './engine.ts';
import { shop, shopTables } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;
let world: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  world = await testDatabase(server, shop);
});

const loss = `DELETE FROM sales WHERE item_id = 1; DELETE FROM links WHERE item_id = 1; DELETE FROM items WHERE id = 1; UPDATE items SET price = 0 WHERE tenant_id = 2;`;

async function damaged(): Promise<TestDatabase> {
  const live = await testDatabase(server, '', world.name);
  await live.sql(loss);
  return live;
}

describe('while others write', () => {
  test('no commit of another tenant is lost', async () => {
    const live = await damaged();
    const writer = await connectTo(live.url);
    let running = true;
    let written = 0;
    const writing = (async () => {
      while (running) {
        await writer.query(
          `UPDATE items SET price = price + 1 WHERE tenant_id = 1; INSERT INTO sales (item_id, amount) VALUES (2, 777)`,
        );
        written++;
      }
    })();
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    try {
      await work.execute(await work.plan('two'));
    } finally {
      running = false;
      await writing;
      await writer.end();
      await work.close();
    }
    expect(written).toBeGreaterThan(0);
    expect(await live.rows('SELECT count(*) FROM sales WHERE amount = 777')).toEqual([[String(written)]]);
    expect(await live.rows('SELECT price FROM items WHERE id = 2')).toEqual([[(3 + written).toFixed(2)]]);
    expect(await live.rows('SELECT count(*) FROM items WHERE price = 0')).toEqual([['0']]);
  });

  test('a change of the tenant between plan and lock is noticed, and the plan refused when its effects are not those confirmed', async () => {
    const live = await damaged();
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    try {
      const plan = await work.plan('two', { mode: 'keep-new' });
      const refused = work.execute(plan, {
        beforeChange: () =>
          live.sql('DELETE FROM sales WHERE item_id = 3; INSERT INTO sales (item_id, amount) VALUES (5, 1)'),
      });
      await expect(refused).rejects.toMatchObject({ code: 'plan-stale' });
      expect(await live.rows('SELECT count(*) FROM items WHERE price = 0')).not.toEqual([['0']]);
    } finally {
      await work.close();
    }
  });

  test('a locked row is waited for, told, and given up on in time', async () => {
    const live = await damaged();
    const holder = await connectTo(live.url);
    await holder.query('BEGIN; UPDATE items SET price = 5 WHERE id = 3');
    const waits: number[] = [];
    const onWait = (seconds: number) => {
      waits.push(seconds);
      void holder.query('ROLLBACK');
    };
    const work = await staged(
      live.url,
      { form: 'live', url: world.url },
      ['two'],
      {},
      { mode: 'write', busySeconds: 2.5, onWait },
    );
    try {
      const plan = await work.plan('two');
      await expect(work.execute(plan, { onWait: (seconds) => waits.push(seconds) })).rejects.toMatchObject({
        code: 'database-busy',
      });
      expect(waits.length).toBeGreaterThan(0);
      await holder.query('ROLLBACK');
      // A key that somebody else is just adding is met only when the rows are put back.
      await holder.query(`BEGIN; INSERT INTO items VALUES (1, 1, 'x')`);
      waits.length = 0;
      await work.execute(await work.plan('two'));
      expect(waits.length).toBeGreaterThan(0);
      // Suspending waits for the tenant's own row.
      await holder.query('BEGIN; SELECT 1 FROM tenants WHERE id = 2 FOR UPDATE');
      waits.length = 0;
      await work.session.setStatus(work.ground.config.tenants, { type: 'integer', text: '2' }, 'active');
      expect(waits.length).toBeGreaterThan(0);
    } finally {
      await holder.end();
      await work.close();
    }
    expect(await contents(live, shopTables)).toEqual(await contents(world, shopTables));
  });

  test('a row that another session changes and commits while it is waited for is seen as it is then', async () => {
    const live = await damaged();
    const holder = await connectTo(live.url);
    await holder.query(
      `BEGIN; UPDATE items SET price = 77, sku = 'held' WHERE id = 3; DELETE FROM sales WHERE item_id = 5`,
    );
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    try {
      const plan = await work.plan('two', { mode: 'keep-new' });
      const execution = work.execute(plan, { onWait: () => void holder.query('COMMIT') });
      await expect(execution).rejects.toMatchObject({ code: 'plan-stale' });
      const again = await work.plan('two');
      expect(again.tables.find((table) => table.name === 'sales')).toMatchObject({ insert: 10 });
      await work.execute(again);
    } finally {
      await holder.end();
      await work.close();
    }
    expect(await contents(live, shopTables)).toEqual(await contents(world, shopTables));
  });

  test('a plan whose execution failed, before its reading or in its change, can be executed again and keeps all rows', async () => {
    const live = await damaged();
    await live.sql(
      `INSERT INTO links SELECT 100 + i, 2 FROM generate_series(1, 3) i; DELETE FROM links WHERE id < 100;
       CREATE FUNCTION rewrite() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT FROM plans WHERE id = 9) THEN NEW.updated_at := '1999-01-01'; END IF; RETURN NEW; END $$;
       CREATE TRIGGER rewrite BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION rewrite(); ALTER TABLE items ENABLE ALWAYS TRIGGER rewrite;
       INSERT INTO plans VALUES (9);`,
    );
    const impatient = { mode: 'write', busySeconds: 0.2 } as const;
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two', 'one'], {}, impatient);
    const holder = await connectTo(live.url);
    try {
      const plan = await work.plan('two');
      await holder.query('BEGIN; LOCK TABLE sales');
      await expect(work.execute(plan)).rejects.toMatchObject({ code: 'database-busy' });
      await holder.query('ROLLBACK');
      await expect(work.execute(plan)).rejects.toMatchObject({ code: 'verification-failed' });
      await live.sql('DELETE FROM plans WHERE id = 9');
      const { safetyCopy } = await work.execute(plan);
      expect(await readFile(safetyCopy.path, 'utf8')).toContain('\n103\t\\N\t2\n');
      await work.execute(await work.plan('one'));
    } finally {
      await holder.end();
      await work.close();
    }
    expect(await contents(live, shopTables)).toEqual(await contents(world, shopTables));
  });

  test('whoever is told to stop while waiting for a lock stops at once', async () => {
    const live = await damaged();
    const holder = await connectTo(live.url);
    await holder.query('BEGIN; UPDATE items SET price = 5 WHERE id = 3');
    const stop = new AbortController();
    const options = { mode: 'write', signal: stop.signal } as const;
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two'], {}, options);
    try {
      const plan = await work.plan('two');
      const beforeChange = () => void setTimeout(() => stop.abort(), 200);
      await expect(work.execute(plan, { beforeChange })).rejects.toMatchObject({ code: 'interrupted' });
      await holder.query('COMMIT');
    } finally {
      await holder.end();
      await work.close();
    }
    expect(await live.rows('SELECT count(*) FROM items WHERE price IN (0, 5)')).toEqual([['9']]);
  }, 10_000);

  test('two operators cannot change one tenant at the same time', async () => {
    const live = await damaged();
    const first = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    const impatient = { mode: 'write', busySeconds: 0.3 } as const;
    const second = await staged(live.url, { form: 'live', url: world.url }, ['two'], {}, impatient);
    try {
      await first.plan('two');
      const { marker } = await first.session.beginWrite({});
      const plan = await second.plan('two');
      await expect(second.execute(plan)).rejects.toMatchObject({
        code: 'database-busy',
        message: expect.stringContaining(`server process ${marker.pid}, since `),
      });
      await first.session.rollback();
    } finally {
      await first.close();
      await second.close();
    }
  });
});

describe('when the connection is lost', () => {
  test('before the commit nothing has changed, and the probe says so', async () => {
    const live = await damaged();
    const before = await contents(live, shopTables);
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    let marker = {};
    let effectsPath = '';
    const plan = await work.plan('two');
    const recorder = {
      intended: async (what: { marker: object; effects: { path: string } }) => {
        marker = what.marker;
        effectsPath = what.effects.path;
        await live.sql(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenant-dr' AND datname = current_database()`,
        );
      },
      finished: async () => undefined,
      rolledBack: async () => undefined,
      unknown: async () => undefined,
    };
    await expect(work.execute(plan, { recorder })).rejects.toMatchObject({ code: 'database-unreachable' });
    await work.close();
    expect(await contents(live, shopTables)).toEqual(before);
    const session = await postgresDatabase(live.url).open({ mode: 'read' });
    expect(await session.probe(effectsPath, marker)).toBe('not-committed');
    // Without a usable transaction id the rows themselves tell.
    expect(await session.probe(effectsPath, { xid: null })).toBe('not-committed');
    await session.close();
  });

  test('after a commit the probe says so, by transaction id and by rows', async () => {
    const live = await damaged();
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    const done = await work.execute(await work.plan('two'));
    expect(await work.session.probe(done.effectsPath, done.intention.marker)).toBe('committed');
    expect(
      await work.session.probe(done.effectsPath, { ...done.intention.marker, timeline: 'another' }),
    ).toBe('committed');
    await live.sql('UPDATE items SET price = 0 WHERE id = 3');
    expect(await work.session.probe(done.effectsPath, { xid: null })).toBe('contradictory');
    await work.close();
  });

  test('while the transaction is still open elsewhere the probe says in progress', async () => {
    const live = await damaged();
    const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
    await work.plan('two');
    const effects = `${(await work.execute(await work.plan('two'))).effectsPath}`;
    await work.plan('two');
    const { marker } = await work.session.beginWrite({});
    const other = await postgresDatabase(live.url).open({ mode: 'read' });
    expect(await other.probe(effects, marker)).toBe('in-progress');
    // Whoever resumes is not asked what came of it: it is waited for, and where it does not end nothing is said.
    const [said, sleeps]: [string[], (() => Promise<unknown>)[]] = [[], []];
    const context = {
      database: postgresDatabase(live.url),
      clock: { sleep: async () => sleeps.shift()?.() },
      output: (line: string) => said.push(line),
      incident: { append: async (one: { event: string }) => said.push(one.event) },
    } as unknown as ActionContext;
    const { sha256 } = await sha256Of(effects);
    const intended = { effects: { file: effects, sha256 }, marker };
    const record = { state: 'intended', intended } as RestoreRecord;
    const about = { id: { type: 'text', text: 'two' }, slug: 'two' } as const;
    await expect(probeRecord(context, record, about)).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(said).not.toContain('restore.rolled-back');
    sleeps.push(() => work.session.rollback());
    expect(await probeRecord(context, record, about)).toMatchObject({ found: 'not-done' });
    expect(said.slice(-2)).toEqual(['the database still works on the change: 0 s', 'restore.rolled-back']);
    expect(await other.probe(effects, marker)).toBe('not-committed');
    await other.close();
    await work.close();
  });

  test('killed at any moment, the slice is exactly the old or exactly the new one, and the probe knows which', async () => {
    const after = await contents(world, shopTables);
    const outcomes = new Set<string>();
    for (let round = 0; round < 8; round++) {
      const live = await damaged();
      const before = await contents(live, shopTables);
      const work = await staged(live.url, { form: 'live', url: world.url }, ['two']);
      const plan = await work.plan('two');
      let intended: { marker: Record<string, string | number | null>; path: string } | undefined;
      const killer = setTimeout(
        () => {
          void live.sql(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenant-dr' AND datname = current_database()`,
          );
        },
        60 + round * 25,
      );
      const recorder = {
        intended: async (what: {
          marker: Record<string, string | number | null>;
          effects: { path: string };
        }) => {
          intended = { marker: what.marker, path: what.effects.path };
        },
        finished: async () => undefined,
        rolledBack: async () => undefined,
        unknown: async () => undefined,
      };
      const result = await work.execute(plan, { recorder }).then(
        () => 'done',
        (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
      );
      clearTimeout(killer);
      await work.close();
      const now = await contents(live, shopTables);
      const isOld = JSON.stringify(now) === JSON.stringify(before);
      expect(isOld || JSON.stringify(now) === JSON.stringify(after)).toBe(true);
      if (intended) {
        const session = await postgresDatabase(live.url).open({ mode: 'read' });
        expect(await session.probe(intended.path, intended.marker)).toBe(
          isOld ? 'not-committed' : 'committed',
        );
        await session.close();
      }
      outcomes.add(result);
    }
    expect(
      [...outcomes].every((outcome) => ['done', 'database-unreachable', 'outcome-unknown'].includes(outcome)),
    ).toBe(true);
  });
});
