import { expect, test } from 'vitest';
import type { Plan } from '../../src/engine/planning.ts';
import { plansOf, ways } from './ways.ts';

const script = `
CREATE TABLE tenants (id int PRIMARY KEY, slug varchar(9));
CREATE TABLE docs (body varchar(9), at timestamptz, id int NOT NULL, tenant_id int REFERENCES tenants, PRIMARY KEY (id, at));
CREATE TABLE notes (id numeric(9, 0) PRIMARY KEY, tenant_id int REFERENCES tenants);
CREATE TABLE items (id int PRIMARY KEY, tenant_id int REFERENCES tenants);
CREATE TABLE parts (id int PRIMARY KEY, item_id int REFERENCES items, part_of int REFERENCES parts);
INSERT INTO tenants VALUES (1, 'one'), (2, 'two'), (3, 'three');
INSERT INTO docs VALUES ('x', '2026-01-01 00:00:00+00', 7, 1), ('x', '2026-01-02 00:00:00+00', 7, 3), ('x', '2026-01-01 00:00:00+00', 2, 2);
INSERT INTO notes VALUES (1, 1), (2, 2), (12, 3);
INSERT INTO items VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO parts VALUES (1, 1, NULL), (2, 2, NULL), (3, 3, NULL), (4, NULL, 3);
`;

/** Rows of others moved to tenant two, one of its own changed, and some that are simply new. */
const change = `
UPDATE docs SET tenant_id = 2 WHERE id = 7 AND tenant_id = 1;
UPDATE docs SET body = 'y' WHERE id = 2;
UPDATE notes SET tenant_id = 2 WHERE id = 12;
UPDATE parts SET item_id = 2 WHERE id = 3;
INSERT INTO docs VALUES ('new', '2026-01-01 00:00:00+00', 9, 2); INSERT INTO notes VALUES (9, 2); INSERT INTO parts VALUES (9, 2, NULL);
`;

const whose = (plan: Plan | undefined) =>
  plan?.conflicts
    .filter(({ blocking }) => !blocking)
    .map(
      ({ table, key, detail }) =>
        `${table} ${key.replaceAll('"', '')}: ${/was (.*?) in the/.exec(detail)?.[1]}`,
    )
    .sort();

test.each(Object.keys(ways))(
  'rows to delete that were another tenant’s are named as such from %s',
  async (way) => {
    const pair = await (ways[way] as (typeof ways)[string])(script);
    await pair.change(change);
    const named = [
      "docs [7,2026-01-01 00:00:00+00]: tenant 1's",
      "notes [12]: tenant 3's",
      "parts [3]: not this tenant's",
      "parts [4]: not this tenant's",
    ];
    expect(whose((await plansOf(pair, ['two']))[0])).toEqual(named);
    // Together with those whose they were, whose plans miss them.
    const [, two, three] = await plansOf(pair, ['one', 'two', 'three']);
    expect(whose(two)).toEqual(named);
    expect(three?.conflicts.map(({ table, blocking }) => [table, blocking])).toEqual([
      ['notes', true],
      ['parts', true],
      ['parts', true],
    ]);
  },
);
