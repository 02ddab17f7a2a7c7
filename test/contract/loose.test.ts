import { expect, test } from 'vitest';
import { plansOf, restored, ways } from './ways.ts';

const script = `
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
  const pair = await (ways[way] as (typeof ways)[string])(script);
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
