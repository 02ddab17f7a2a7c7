import { beforeAll, describe, expect, test } from 'vitest';
import type { TestDatabase } from './cluster.ts';
import { contents, ordinaryRole, testCluster, testDatabase } from './cluster.ts';
import { staged } from './engine.ts';
import type { Throwaway } from './throwaway.ts';
import { tables, types } from './worlds.ts';

let server: Throwaway;
let world: TestDatabase;

beforeAll(async () => {
  server = await testCluster();
  await ordinaryRole(server, 'app');
  world = await testDatabase(server, types, 'template1', 'app');
});

/** TENANT_DR_SEEDS=1-200 tries more. */
const [from, to] = (process.env.TENANT_DR_SEEDS ?? '1-2').split('-').map(Number) as [number, number];
const seeds = Array.from({ length: to - from + 1 }, (_, i) => from + i);

const members = '(SELECT id FROM members WHERE tenant_id = 2)';
const notes = '(SELECT n.id FROM notes n JOIN members m ON m.id = n.member_id WHERE m.tenant_id = 2)';
const mine: Record<string, string> = {
  note_tags: `note_id IN ${notes}`,
  notes: `member_id IN ${members}`,
  letter_parts: 'l IN (SELECT t FROM letters WHERE tenant_id = 2)',
  ...Object.fromEntries(
    [
      '"Mixed Case"',
      'teams',
      'members',
      'pages',
      'logs',
      'bookings',
      'events',
      'letters',
      'husbands',
      'wives',
    ].map((table) => [table, 'tenant_id = 2']),
  ),
};

/** Values a damaged row gets: of the column's type, and within its unique constraints. */
const blows: Record<string, string[]> = {
  '"Mixed Case"': [
    `"select" = 'changed'`,
    'n = n + 0.10',
    'ts = now()',
    `jb = '{"x": 1}'`,
    'arr = ARRAY[NULL, NULL]::text[]',
    'f = 0',
    `ci = upper(ci::text)::citext`,
    'p = ROW(7, NULL)::pair',
    `ch = 'q'`,
    'by = NULL',
  ],
  teams: ['title = NULL', `title = ''`, 'lead = NULL'],
  members: ['boss = NULL', `email = upper(email::text)::citext`],
  notes: [`body = 'gone'`, 'body = NULL'],
  note_tags: [`tag = tag || '!'`],
  pages: [
    'position = 1000 - position',
    `slug = slug || 'x'`,
    'position = position + 2000 | position = 2007 - position',
  ],
  logs: [`line = 'other'`, 'at = now()'],
  bookings: ['during = int4range(lower(during) + 1000, upper(during) + 1000)'],
  events: [`at = at + CASE WHEN at < '2026-01-01' THEN 200 ELSE -200 END`, `what = 'x'`],
  letters: ['p = 500 - p', 'c = NULL', `k = k || '-'`, `w = 'changed'`],
  letter_parts: [`tdr = 'z'`],
};

/** Damage by a seed, done with triggers and foreign keys off: orphans, holes, swapped values. */
function damageBy(seed: number): string {
  let state = seed * 2654435761;
  const next = (below: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) >>> 0;
    return state % below;
  };
  const statements = ['SET session_replication_role = replica', `SELECT setseed(${(seed % 100) / 100})`];
  for (const [table, where] of Object.entries(mine)) {
    const list = blows[table] ?? [];
    if (list.length > 0 && next(2) === 0) {
      // Unique values move all together or not at all, as an application would leave them.
      const blow = list[next(list.length)] as string;
      const part = /position|p =|during|slug/.test(blow) ? 'true' : `random() < 0.${1 + next(9)}`;
      for (const one of blow.split(' | '))
        statements.push(`UPDATE ${table} SET ${one} WHERE ${where} AND ${part}`);
    }
    if (next(3) === 0) statements.push(`DELETE FROM ${table} WHERE ${where} AND random() < 0.${1 + next(9)}`);
  }
  if (next(4) === 0) statements.push('DELETE FROM tenants WHERE id = 2');
  if (next(3) === 0) statements.push(`INSERT INTO logs VALUES (2, 'new', now())`);
  return statements.join(';\n');
}

describe.each(['app', 'postgres'])('as role %s', (role) => {
  test.each(seeds)(
    'damage of every kind is undone exactly, and taken back exactly (seed %i)',
    async (seed) => {
      const live = await testDatabase(server, '', world.name, 'app');
      await live.asSuperuser(damageBy(seed));
      const damaged = await contents(live, tables);
      const url = role === 'app' ? live.url : live.url.replace('//app@', '//postgres@');
      const work = await staged(url, { form: 'live', url: world.url }, ['2']);
      const plan = await work.plan('2', { verbatim: true });
      expect(plan.conflicts.filter((conflict) => conflict.blocking)).toEqual([]);
      const done = await work.execute(plan);
      await work.close();
      const intact = await contents(world, tables);
      expect(await contents(live, tables)).toEqual(intact);
      // Orphans cannot come back while foreign keys are in force: undo is tried where they are not.
      if (role === 'app') return;
      const undo = await staged(
        url,
        { form: 'dump', path: done.safetyPath, format: 'plain', compression: 'none', whole: true },
        ['2'],
      );
      const back = await undo.plan('2', { verbatim: true });
      if (back.conflicts.every((conflict) => !conflict.blocking)) {
        await undo.execute(back);
        expect(await contents(live, tables)).toEqual(damaged);
      }
      await undo.close();
    },
  );
});
