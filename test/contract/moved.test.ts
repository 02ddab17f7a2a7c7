import { expect, test } from 'vitest';
import type { Plan } from '../../src/engine/planning.ts';
import { plansOf, restored, ways } from './ways.ts';

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

const platform = `
CREATE TABLE tenants (id int PRIMARY KEY, slug varchar(9));
CREATE TABLE agents (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants ON DELETE CASCADE);
CREATE TABLE chats (id int PRIMARY KEY, agent_id int REFERENCES agents ON DELETE SET NULL, title varchar(9));
CREATE TABLE lines (id int PRIMARY KEY, chat_id int NOT NULL REFERENCES chats ON DELETE CASCADE);
ALTER TABLE chats ADD COLUMN last_line int REFERENCES lines ON DELETE SET NULL;
CREATE TABLE tickets (a int, b int, agent_id int REFERENCES agents ON DELETE SET NULL, chat_id int REFERENCES chats ON DELETE SET NULL, PRIMARY KEY (a, b));
CREATE TABLE nodes (id int PRIMARY KEY, agent_id int REFERENCES agents ON DELETE SET NULL, part_of int NOT NULL REFERENCES nodes);
CREATE TABLE prompts (id int PRIMARY KEY, tenant_id int REFERENCES tenants ON DELETE SET NULL);
CREATE TABLE uses (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants ON DELETE CASCADE, prompt_id int REFERENCES prompts);
INSERT INTO tenants VALUES (1, 'one'), (2, 'two');
INSERT INTO agents VALUES (10, 1), (20, 2), (21, 2);
INSERT INTO chats VALUES (100, 10, 'a', NULL), (200, 20, 'a', NULL), (201, 21, 'a', NULL), (900, NULL, 'nobody', NULL);
INSERT INTO lines VALUES (1, 100), (2, 200), (3, 200), (9, 900);
UPDATE chats SET last_line = (SELECT min(id) FROM lines WHERE chat_id = chats.id);
INSERT INTO tickets VALUES (1, 1, 10, 100), (2, 1, 20, 200), (2, 2, NULL, 201), (2, 3, 21, NULL), (9, 1, NULL, NULL);
INSERT INTO nodes VALUES (1, 10, 1), (2, 20, 2), (3, NULL, 2), (9, NULL, 9);
INSERT INTO prompts VALUES (1, 1), (2, 2), (3, 2), (9, NULL);
INSERT INTO uses VALUES (1, 1, 9), (2, 2, 2);
`;
const tables = { agents: 1, chats: 1, lines: 1, tickets: '1, 2', nodes: 1, prompts: 1, uses: 1 };

const both = ['a SQLite file', 'a custom archive'];

async function made(way: string) {
  const pair = await (ways[way] as (typeof ways)[string])(platform);
  const contents = () =>
    Promise.all(
      Object.entries(tables).map(([name, key]) => pair.read(`SELECT * FROM ${name} ORDER BY ${key}`)),
    );
  return { pair, contents };
}

test.each(both)(
  'rows that a deletion cut loose are changed back, and loose again after an undo, from %s',
  async (way) => {
    const { pair, contents } = await made(way);
    const intact = await contents();
    await pair.change(
      `DELETE FROM agents WHERE tenant_id = 2; UPDATE prompts SET tenant_id = NULL WHERE tenant_id = 2; UPDATE chats SET title = 'b' WHERE id = 200; DELETE FROM lines WHERE id = 3`,
    );
    const damaged = await contents();
    const done = await restored(pair, 'two');
    expect(
      done.plan.tables.map(({ name, insert, update, delete: gone }) => [name, insert, update, gone]),
    ).toEqual(
      expect.arrayContaining([
        ['agents', 2, 0, 0],
        ['chats', 0, 2, 0],
        ['lines', 1, 0, 0],
        ['nodes', 0, 1, 0],
        ['prompts', 0, 2, 0],
        ['tickets', 0, 2, 0],
      ]),
    );
    expect(await contents()).toEqual(intact);
    expect(done.after).toBe(done.plan.planned.digest);
    // A row the safety copy holds as nobody's comes back as such, too.
    await pair.change('DELETE FROM tickets WHERE a = 2 AND b = 3');
    const undone = await restored(pair, 'two', { undo: done });
    expect(await contents()).toEqual(damaged);
    expect(undone.after).toBe(done.plan.live.digest);
  },
);

test.each(both)('a mode that changes no row leaves what was cut loose, and says so, from %s', async (way) => {
  const { pair, contents } = await made(way);
  await pair.change('DELETE FROM agents WHERE id = 20');
  const damaged = await contents();
  const done = await restored(pair, 'two', { mode: 'missing' });
  const told = done.plan.conflicts.map(({ kind, table, key }) => `${kind} ${table} ${key}`);
  expect(told.sort()).toEqual(['cut-loose chats [200]', 'cut-loose nodes [2]']);
  expect(done.after).toBe(done.plan.planned.digest);
  damaged[0] = [
    ['10', '1'],
    ['20', '2'],
    ['21', '2'],
  ];
  expect(await contents()).toEqual(damaged);
});

test.each(both)('what another tenant holds or uses now is not taken back from it, from %s', async (way) => {
  const { pair } = await made(way);
  await pair.change(
    'UPDATE prompts SET tenant_id = NULL WHERE tenant_id = 2; UPDATE uses SET prompt_id = 3 WHERE id = 1; UPDATE chats SET agent_id = 10 WHERE id = 200',
  );
  const [plan] = await plansOf(pair, ['two']);
  const blocking = plan?.conflicts.filter((conflict) => conflict.blocking);
  expect(blocking?.map(({ kind, table, key, other }) => [kind, table, key, other?.tenant])).toEqual(
    expect.arrayContaining([
      ['cut-loose', 'prompts', '[3]', '1'],
      ['key-of-another-tenant', 'chats', '[200]', '1'],
    ]),
  );
});

test.each(both)(
  'a row that lost its parent loses it again with an undo, and is what it was, from %s',
  async (way) => {
    const pair = await (ways[way] as (typeof ways)[string])(`
    CREATE TABLE tenants (id int PRIMARY KEY, slug varchar(9));
    CREATE TABLE projects (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants);
    CREATE TABLE media (id int PRIMARY KEY, project_id int NOT NULL, title varchar(9));
    CREATE TABLE readers (project_id int NOT NULL, name varchar(9)); CREATE UNIQUE INDEX once ON readers (project_id, name);
    CREATE TABLE tokens (id int PRIMARY KEY, tenant_id int REFERENCES tenants ON DELETE CASCADE, project_id int REFERENCES projects ON DELETE CASCADE);
    INSERT INTO tenants VALUES (1, 'one'), (2, 'two'); INSERT INTO projects VALUES (10, 1), (20, 2), (21, 2);
    INSERT INTO media VALUES (1, 10, 'a'), (2, 20, 'a'), (3, 20, 'a');
    INSERT INTO readers VALUES (10, 'x'), (20, 'x'), (20, 'y'), (21, 'x');
    INSERT INTO tokens VALUES (1, 1, NULL), (2, 2, NULL), (3, NULL, 10), (4, NULL, 20), (5, NULL, NULL);`);
    const through = { through: 'projects', on: { project_id: 'id' } };
    // A token names its tenant or, instead, its project.
    pair.ownership = {
      tables: { media: through, readers: through, tokens: { column: 'tenant_id', ...through } },
    };
    const contents = () =>
      Promise.all(
        ['projects', 'media', 'readers', 'tokens'].map((name) =>
          pair.read(`SELECT * FROM ${name} ORDER BY 1, 2`),
        ),
      );
    const intact = await contents();
    await pair.change(
      `DELETE FROM tokens WHERE id = 2; DELETE FROM projects WHERE id = 20; UPDATE media SET title = 'b' WHERE id = 2`,
    );
    const damaged = await contents();
    const done = await restored(pair, 'two');
    expect(await contents()).toEqual(intact);
    const undone = await restored(pair, 'two', { undo: done });
    expect(await contents()).toEqual(damaged);
    expect(undone.after).toBe(done.plan.live.digest);
  },
);
