import { beforeAll, describe, expect, it } from 'vitest';
import { contents, ordinaryRole, type TestDatabase, testCluster, testDatabase } from '../postgres/cluster.ts';
import { damage, placeOn } from '../postgres/place.ts';
import { shop, shopTables } from '../postgres/shop.ts';
import type { Throwaway } from '../postgres/throwaway.ts';

let server: Throwaway;
let template: TestDatabase;

const stamping = `
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at = '2030-01-01'; RETURN NEW; END $$;
CREATE TRIGGER items_stamp BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION stamp();
ALTER TABLE items ENABLE ALWAYS TRIGGER items_stamp;
CREATE TRIGGER items_other BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION stamp();
ALTER TABLE items DISABLE TRIGGER items_other`;

beforeAll(async () => {
  server = await testCluster();
  await ordinaryRole(server, 'clerk');
  template = await testDatabase(server, `${shop} ${stamping}`);
  for (const table of shopTables) await template.sql(`ALTER TABLE ${table} OWNER TO clerk`);
  await template.sql('ALTER SEQUENCE sales_id_seq OWNER TO clerk').catch(() => undefined);
});

async function damagedPlace() {
  const there = await placeOn(server, template, `clerk@127.0.0.1:${server.port}`);
  const before = await contents(there.live, shopTables);
  expect(await there.run('backup')).toMatchObject({ exit: 0 });
  await there.live.sql(damage);
  return { ...there, before };
}

const triggers = (live: TestDatabase) =>
  live.rows(`SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1`);

describe('triggers that rewrite what comes back, for a role that may not keep them from running', () => {
  it('are announced by the plan, and refuse the restore until disabling them is consented to', async () => {
    const { live, run, before } = await damagedPlace();
    const wrong = await contents(live, shopTables);
    const plan = await run('plan', 'two', '--from', 'latest');
    expect(plan.document.conflicts).toMatchObject([
      { kind: 'triggers-run', table: 'items', blocking: false },
    ]);
    expect(plan.document.conflicts[0].detail).toContain('--disable-triggers');

    const refused = await run('restore', 'two', '--from', 'latest', '--confirm', 'two');
    expect([refused.exit, refused.document.error.code]).toEqual([3, 'trigger-refused']);
    expect(refused.document.error.hint).toContain('--disable-triggers');
    expect(await contents(live, shopTables)).toEqual(wrong);

    const was = await triggers(live);
    const consent = ['--confirm', 'two', '--disable-triggers'];
    const restored = await run('restore', 'two', '--from', 'latest', ...consent);
    expect(restored.exit, restored.stderr).toBe(0);
    expect(restored.document.isolation.notes.join()).toContain('items.items_stamp');
    expect(await contents(live, shopTables)).toEqual(before);
    expect(await triggers(live)).toEqual(was);

    const undone = await run('undo', restored.document.incident, ...consent);
    expect(undone.exit, undone.stderr).toBe(0);
    expect(await contents(live, shopTables)).toEqual(wrong);
  });

  it('are disabled with the same consent in a runbook and for several tenants at once', async () => {
    const { live, run, before } = await damagedPlace();
    const walk = ['run', 'single-tenant-corruption', '--tenant', 'two', '--from', 'latest', '--auto'];
    const walked = await run(...walk, '--confirm', 'two', '--disable-triggers');
    expect(walked.exit, walked.stderr).toBe(0);
    expect(await contents(live, shopTables)).toEqual(before);
    await live.sql(damage);
    const both = ['restore', 'one', 'two', '--from', 'latest', '--disable-triggers'];
    const several = await run(...both, '--confirm', `2 tenants in ${live.name}`);
    expect(several.exit, several.stderr).toBe(0);
    expect(await contents(live, shopTables)).toEqual(before);
  });

  it('cannot be disabled by a role that does not own the table, which is said', async () => {
    const { live, run } = await damagedPlace();
    await live.asSuperuser('ALTER TABLE items OWNER TO postgres; GRANT ALL ON items TO clerk');
    const wrong = await contents(live, shopTables);
    const refused = await run('restore', 'two', '--from', 'latest', '--confirm', 'two', '--disable-triggers');
    expect([refused.exit, refused.document.error.code], refused.stderr).toEqual([4, 'database-denied']);
    expect(refused.document.error.message).toContain('owner of table items');
    expect(await contents(live, shopTables)).toEqual(wrong);
  });
});
