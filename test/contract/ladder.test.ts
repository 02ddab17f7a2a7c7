import { expect, test } from 'vitest';
import { configSchema } from '../../src/config/schema.ts';
import { survey } from '../../src/engine/ground.ts';
import { buildShape } from '../../src/engine/shape.ts';
import type { Pair } from './ways.ts';
import { plansOf, restored, ways } from './ways.ts';

/** Every table has keys to the three before it: 1,400,000 ways lead from the last to the tenant. */
const levels = Array.from({ length: 25 }, (_, level) => level);

const rung = (level: number): string => {
  const above = [1, 2, 3].map((steps) => Math.max(level - steps, 0));
  const keys = above.map((to, i) => `k${i} int REFERENCES s${to} ON DELETE SET NULL`);
  // Row 3 leads to its tenant by its last key alone, row 5 to nobody; row 4 of the last to both tenants, of which the table nearer to them decides.
  return `CREATE TABLE s${level} (id int PRIMARY KEY, v varchar(9), ${keys.join(', ')});
INSERT INTO s${level} VALUES (1, 'a', 1, 1, 1), (2, 'b', 2, 2, 2), (3, 'c', NULL, NULL, 1), (5, 'e', NULL, NULL, NULL);`;
};

/** Over all that, one key leads back from a late table to an early one, and one table has parts of parts. */
const script = `
CREATE TABLE tenants (id int PRIMARY KEY, slug varchar(9));
CREATE TABLE s0 (id int PRIMARY KEY, v varchar(9), tenant_id int REFERENCES tenants);
INSERT INTO tenants VALUES (1, 'one'), (2, 'two'); INSERT INTO s0 VALUES (1, 'a', 1), (2, 'b', 2);
${levels.slice(1).map(rung).join('\n')}
ALTER TABLE s9 ADD COLUMN last_id int REFERENCES s22 ON DELETE SET NULL;
ALTER TABLE s12 ADD COLUMN part_of int REFERENCES s12 ON DELETE SET NULL;
INSERT INTO s9 (id, v, last_id) VALUES (6, 'f', 1); INSERT INTO s12 (id, v, part_of) VALUES (6, 'f', 2), (7, 'g', 6);
INSERT INTO s24 VALUES (4, 'd', 2, 1, 1);
CREATE TABLE apart (id int PRIMARY KEY, up int REFERENCES s24); INSERT INTO apart VALUES (1, NULL);`;

const rowsOf = async (pair: Pair) => {
  const read = levels.map((level) => pair.read(`SELECT * FROM s${level} ORDER BY id`));
  return JSON.stringify(await Promise.all(read));
};

const both = Object.keys(ways).filter((way) => ['a SQLite file', 'a custom archive'].includes(way));

test.each(both)(
  'tables to which millions of ways lead are counted, searched and restored at once, from %s',
  async (way) => {
    const pair = await (ways[way] as (typeof ways)[string])(script);
    const before = await rowsOf(pair);
    const session = await pair.database.open({ mode: 'read' });
    try {
      const known = configSchema.parse({ database: pair.database.location });
      const facts = { database: pair.database.location, environment: 'test', state: '', warnings: [] };
      const ground = await survey(session, { ...known, ...facts, file: undefined });
      const shape = buildShape(ground.schema, ground.ownership, ground.config, { mode: 'exact' });
      const counts = await session.countAll(shape);
      expect(counts).toMatchObject({ s9: { 1: 3, 2: 1 }, s12: { 1: 2, 2: 3 }, s24: { 1: 3, 2: 1 } });
      expect(await session.ownerless(shape)).toEqual(['apart']);
      const digests = await session.digestAll(shape, () => {});
      expect(digests.s12).toMatchObject({ 1: { rows: 2 }, 2: { rows: 3 } });
      const hits = await session.search({ shape, table: 's24', column: 'v', text: 'd', limit: 5 });
      expect(hits).toEqual([{ tenant: { type: 'integer', text: '1' }, key: '[4]' }]);
    } finally {
      await session.close();
    }
    // Rows of many tables are cut loose; in s9 one that only the way back leads to.
    await pair.change(`DELETE FROM s5 WHERE id = 1; UPDATE s9 SET k0 = NULL, k1 = NULL, k2 = NULL, last_id = 1 WHERE id = 1;
    UPDATE s20 SET v = 'x' WHERE id = 1; DELETE FROM s24 WHERE id = 3; INSERT INTO s24 VALUES (3, 'y', NULL, 2, NULL);`);
    const [plan] = await plansOf(pair, ['one']);
    expect(plan?.conflicts.filter(({ blocking }) => blocking)).toMatchObject([
      { kind: 'key-of-another-tenant', table: 's24', key: '[3]', other: { tenant: '2' } },
    ]);
    expect(plan?.conflicts).toContainEqual(
      expect.objectContaining({ kind: 'paths-disagree', table: 's24', key: '[4]', constraint: 'k0' }),
    );
    await pair.change('DELETE FROM s24 WHERE id = 3');
    await restored(pair, 'one');
    expect(await rowsOf(pair)).toBe(before);
  },
);
