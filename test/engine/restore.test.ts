import { copyFileSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { TableEffects } from '../../src/engine/plan.ts';
import { staleError } from '../../src/engine/planning.ts';
import { cleanUp, folder, problems, unchanged } from '../e2e/program.ts';
import { nasty } from '../worlds/nasty.ts';
import { openRaw, type World } from '../worlds/world.ts';
import { configOf, drive } from './drive.ts';

afterAll(cleanUp);

/** Copies a database as SQLite itself sees it, -wal included. */
function copyOf(world: World): string {
  const copy = join(world.dir, 'before.db');
  const live = openRaw(world.dbPath);
  live.pragma('wal_checkpoint(TRUNCATE)');
  live.close();
  copyFileSync(world.dbPath, copy);
  return copy;
}

describe('planning', () => {
  test('a plan made again after the restore is empty', async () => {
    const world = nasty(folder());
    const first = await drive(await configOf(world.configPath), world.backupPath);
    await first.run(await first.plan(world.victim));
    await first.close();
    const driven = await drive(await configOf(world.configPath), world.backupPath, { mode: 'read' });
    const plan = await driven.plan(world.victim);
    await driven.close();
    const audited = plan.tables.filter((table) => table.mode === 'exact');
    expect(audited.map(({ insert, update, delete: deleted }) => insert + update + deleted)).toEqual(
      audited.map(() => 0),
    );
  });

  test('a plan whose rows change before it is carried out is refused when it would do something else', async () => {
    const world = nasty(folder());
    const driven = await drive(await configOf(world.configPath), world.backupPath);
    const plan = await driven.plan(world.victim);
    const writer = openRaw(world.dbPath);
    writer.exec(`DELETE FROM memos WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'alfa')`);
    writer.close();
    const before = copyOf(world);
    await expect(driven.run(plan)).rejects.toMatchObject({ code: 'plan-stale' });
    await driven.close();
    expect(unchanged(world, before)).toEqual([]);
  });

  test('a plan is refused also when fewer rows would change, but not only those that were shown', async () => {
    const world = nasty(folder());
    const write = (statements: string): void => {
      const writer = openRaw(world.dbPath);
      writer.exec(statements);
      writer.close();
    };
    const memo = (id: number): string =>
      `INSERT INTO memos (id, tenant_id, body) SELECT ${id}, id, 'new' FROM tenants WHERE slug = 'alfa';`;
    write([901, 902, 903].map(memo).join(''));
    const driven = await drive(await configOf(world.configPath), world.backupPath);
    const plan = await driven.plan(world.victim);
    write(`DELETE FROM memos WHERE id IN (901, 902); ${memo(904)}`);
    const before = copyOf(world);
    await expect(driven.run(plan)).rejects.toMatchObject({ code: 'plan-stale' });
    await driven.close();
    expect(unchanged(world, before)).toEqual([]);
  });

  test('a plan is still true while the tenant goes on writing rows it does not touch', async () => {
    const world = nasty(folder());
    const driven = await drive(await configOf(world.configPath), world.backupPath);
    const plan = await driven.plan(world.victim, { mode: 'keep-new', tables: ['memos'] });
    expect(plan.tables.find(({ name }) => name === 'memos')?.update).toBeGreaterThan(0);
    const writer = openRaw(world.dbPath);
    let written = 0;
    const write = (): void => {
      writer.exec(
        `INSERT INTO memos (id, tenant_id, body) SELECT 900 + ${++written}, id, 'new' FROM tenants WHERE slug = 'alfa'`,
      );
    };
    write();
    await driven.run(plan, { beforeChange: write });
    await driven.close();
    expect(writer.prepare('SELECT count(*) FROM memos WHERE id > 900').pluck().get()).toBe(2);
    writer.close();
  });

  test('commits of other tenants between plan and lock do not stop the restore and are not lost', async () => {
    const world = nasty(folder());
    const driven = await drive(await configOf(world.configPath), world.backupPath);
    const plan = await driven.plan(world.victim);
    let before = '';
    await driven.run(plan, {
      beforeChange: () => {
        const writer = openRaw(world.dbPath);
        writer.exec(
          `UPDATE memos SET body = 'busy' WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'bravo')`,
        );
        writer.close();
        before = copyOf(world);
      },
    });
    await driven.close();
    expect(problems(world, before)).toEqual([]);
  });
});

test('a database file replaced between plan and apply is not written to', async () => {
  const world = nasty(folder());
  const driven = await drive(await configOf(world.configPath), world.backupPath);
  const plan = await driven.plan('alfa');
  const other = join(world.dir, 'other.db');
  copyFileSync(world.backupPath, other);
  const replace = () => renameSync(other, world.dbPath);
  await expect(driven.run(plan, { beforeChange: replace })).rejects.toMatchObject({
    code: 'database-replaced',
  });
  await driven.close();
  expect(readFileSync(world.dbPath).equals(readFileSync(world.backupPath))).toBe(true);
});

test('a plan that would do as much, but to rows that changed, is refused in words that say so', () => {
  const effects = { name: 'notes', insert: 0, update: 2, delete: 1 } as TableEffects;
  const said = (now: TableEffects) => staleError('acme', [effects], [now]).message;
  expect(said(effects)).toContain('(notes: +0 ~2 -1 as before, but its rows are not)');
  expect(said({ ...effects, insert: 3 })).toContain('(notes: +0 ~2 -1 became +3 ~2 -1)');
});
