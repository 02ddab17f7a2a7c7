import { beforeAll, describe, expect, test } from 'vitest';
import type { RestoreMode } from '../../src/engine/plan.ts';
import type { OpenOptions } from '../../src/engine/port.ts';
import { TenantDrError } from '../../src/errors.ts';
import type { TestDatabase } from './cluster.ts';
import { contents, ordinaryRole, testCluster, testDatabase } from './cluster.ts';
import type { Staging } from './engine.ts';
import { staged } from './engine.ts';
import { shop, shopTables } from './shop.ts';
import type { Throwaway } from './throwaway.ts';

let server: Throwaway;
let world: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  await ordinaryRole(server, 'app');
  world = await testDatabase(server, shop, 'template1', 'app');
});

const loss = `DELETE FROM sales WHERE item_id = 1; DELETE FROM links WHERE item_id = 1; DELETE FROM items WHERE id = 1; UPDATE items SET price = 0 WHERE tenant_id = 2;`;

/** A damaged copy with something planted in it; `outcome` is the error's code or 'done'. */
async function attempt(
  planted: string,
  options: Partial<OpenOptions> = {},
  superuser = false,
  mode: RestoreMode = 'exact',
) {
  const live = await testDatabase(server, '', world.name, 'app');
  await live.sql(loss);
  if (planted) await live.asSuperuser(planted);
  const before = await contents(live, shopTables);
  const url = superuser ? live.url.replace('//app@', '//postgres@') : live.url;
  let work: Staging | null = null;
  try {
    work = await staged(url, { form: 'live', url: world.url }, ['two'], {}, { mode: 'write', ...options });
    const plan = await work.plan('two', { mode });
    const done = await work.execute(plan);
    return {
      outcome: 'done',
      message: '',
      live,
      before,
      after: await contents(live, shopTables),
      notes: done.isolation.notes,
    };
  } catch (error) {
    return {
      outcome: codeOf(error),
      message: `${error} ${error instanceof TenantDrError ? error.hint : ''}`,
      live,
      before,
      after: await contents(live, shopTables),
      notes: [],
    };
  } finally {
    await work?.close();
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}

async function intact(): Promise<Record<string, string>> {
  return contents(world, shopTables);
}

const trigger = (body: string, when: string): string => `
  CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
  CREATE TRIGGER planted ${when} EXECUTE FUNCTION planted();`;

describe('an ordinary role', () => {
  test('restores and says how it was proved', async () => {
    const result = await attempt('');
    expect(result.outcome).toBe('done');
    expect(result.after).toEqual(await intact());
  });

  test.each([
    [
      'updates another tenant after our update',
      'IF pg_trigger_depth() = 1 THEN UPDATE items SET price = 9 WHERE id = 2; END IF; RETURN NULL;',
      'AFTER UPDATE ON items FOR EACH STATEMENT',
    ],
    [
      'adds a row of another tenant',
      `IF pg_trigger_depth() = 1 THEN INSERT INTO items VALUES (99, 1, 'x'); END IF; RETURN NULL;`,
      'AFTER INSERT ON items FOR EACH STATEMENT',
    ],
    [
      'deletes a row of another tenant',
      'DELETE FROM sales WHERE item_id = 2; RETURN NULL;',
      'AFTER UPDATE ON items FOR EACH STATEMENT',
    ],
    [
      'writes the row of another tenant in place of ours',
      'UPDATE items SET price = 9 WHERE id = 2; RETURN NULL;',
      'BEFORE INSERT ON items FOR EACH ROW',
    ],
    ['empties a table of others', 'TRUNCATE links; RETURN NULL;', 'AFTER INSERT ON items FOR EACH STATEMENT'],
    ['swallows our update', 'RETURN NULL;', 'BEFORE UPDATE ON items FOR EACH ROW'],
    [
      'rewrites our rows',
      `NEW.updated_at := '1999-01-01'; RETURN NEW;`,
      'BEFORE UPDATE OR INSERT ON items FOR EACH ROW',
    ],
    ['raises an error', `RAISE EXCEPTION 'no'; RETURN NEW;`, 'BEFORE UPDATE ON items FOR EACH ROW'],
  ])('is refused, everything rolled back, where a trigger %s', async (_, body, when) => {
    const result = await attempt(trigger(body, when));
    expect(['isolation-failed', 'trigger-refused', 'conflict', 'verification-failed']).toContain(
      result.outcome,
    );
    // What is left to do.
    if (['verification-failed', 'isolation-failed'].includes(result.outcome))
      expect(result.message).toContain('--disable-triggers');
    expect(result.after).toEqual(result.before);
  });

  test.each<RestoreMode>(['exact', 'keep-new', 'missing'])(
    'is refused where a trigger rewrites a row that comes back, in mode %s',
    async (mode) => {
      const stamping = trigger(
        `NEW.updated_at := '1999-01-01'; RETURN NEW;`,
        'BEFORE INSERT ON items FOR EACH ROW',
      );
      const result = await attempt(stamping, {}, false, mode);
      expect(result.outcome).toBe('trigger-refused');
      expect(result.message).toContain('items [1] is not as planned after the change (updated_at)');
      expect(result.after).toEqual(result.before);
    },
  );

  test('names the function whose trigger broke a rule, not the row that came back', async () => {
    const writing = trigger(
      'INSERT INTO links SELECT * FROM links LIMIT 1; RETURN NEW;',
      'AFTER INSERT ON items FOR EACH ROW',
    );
    const result = await attempt(writing);
    expect(result.outcome).toBe('trigger-refused');
    expect(result.message).toContain('(planted) refused the change');
    expect(result.after).toEqual(result.before);
  });

  test('may disable triggers with consent: rows come back verbatim, the trigger stays enabled', async () => {
    const planted = trigger(
      `NEW.updated_at := '1999-01-01'; RETURN NEW;`,
      'BEFORE UPDATE OR INSERT ON items FOR EACH ROW',
    );
    const result = await attempt(planted, { disableTriggers: true });
    expect(result.outcome).toBe('done');
    expect(result.after).toEqual(await intact());
    expect(result.notes.join(' ')).toContain('items.planted');
    expect(await result.live.rows(`SELECT tgenabled FROM pg_trigger WHERE tgname = 'planted'`)).toEqual([
      ['O'],
    ]);
  });

  test('says which materialized views go on showing the rows from before, and no others', async () => {
    const result = await attempt(
      `CREATE VIEW dear AS SELECT * FROM items WHERE price > 5;
       CREATE MATERIALIZED VIEW "Worth" AS SELECT tenant_id, sum(price) AS worth FROM dear GROUP BY 1;
       CREATE MATERIALIZED VIEW "Least" AS SELECT * FROM "Worth" WHERE worth = 0;
       CREATE MATERIALIZED VIEW offers AS SELECT name FROM plans;`,
    );
    expect(result.outcome).toBe('done');
    const [note] = result.notes.filter((text) => text.includes('Materialized views'));
    expect(note).toMatch(
      /: REFRESH MATERIALIZED VIEW public\."Worth"; REFRESH MATERIALIZED VIEW public\."Least";$/,
    );
  });

  test('is refused where a rule redirects the change', async () => {
    const result = await attempt(
      'CREATE RULE planted AS ON UPDATE TO items DO ALSO UPDATE links SET item_id = NULL WHERE id = 3;',
    );
    expect(result.outcome).toBe('trigger-refused');
    expect(result.message).toContain('Rules of items (planted)');
    expect(result.after).toEqual(result.before);
  });

  test('sees hidden rows as an error, not as rows that are missing', async () => {
    const result = await attempt(
      'ALTER TABLE items ENABLE ROW LEVEL SECURITY; ALTER TABLE items FORCE ROW LEVEL SECURITY; CREATE POLICY p ON items USING (id > 10);',
    );
    expect(result.outcome).toBe('hidden-rows');
    expect(result.message).toContain('items');
    expect(result.after).toEqual(result.before);
  });

  test('is refused where the server does not count writes', async () => {
    await world.asSuperuser('ALTER ROLE app SET track_counts = off');
    try {
      const result = await attempt('');
      expect(result.outcome).toBe('no-isolation-proof');
      expect(result.after).toEqual(result.before);
    } finally {
      await world.asSuperuser('ALTER ROLE app RESET track_counts');
    }
  });
});

describe('a role that may switch triggers off', () => {
  test('restores verbatim although a trigger rewrites rows and writes to others', async () => {
    const result = await attempt(
      trigger(
        `UPDATE links SET item_id = NULL; NEW.updated_at := '1999-01-01'; RETURN NEW;`,
        'BEFORE UPDATE OR INSERT ON items FOR EACH ROW',
      ),
      {},
      true,
    );
    expect(result.outcome).toBe('done');
    expect(result.after).toEqual(await intact());
  });

  test('is refused where a trigger that always runs writes to another tenant', async () => {
    const planted = trigger(
      'IF pg_trigger_depth() = 1 THEN UPDATE items SET price = 9 WHERE id = 2; END IF; RETURN NULL;',
      'AFTER UPDATE ON items FOR EACH STATEMENT',
    );
    const result = await attempt(`${planted} ALTER TABLE items ENABLE ALWAYS TRIGGER planted;`, {}, true);
    expect(result.outcome).toBe('isolation-failed');
    expect(result.message).toContain('items');
    expect(result.after).toEqual(result.before);
  });
});
