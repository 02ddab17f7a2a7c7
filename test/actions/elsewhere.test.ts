import { copyFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { takeBackup } from '../../src/backups/take.ts';
import { absentOperator } from '../../src/runbook/headless.ts';
import { shell, shellWorld } from '../e2e/shell.ts';
import { type Scene, scene, sceneOf, start } from '../runbook/scene.ts';

const look = (more = '') => `id: short
title: Short
symptoms: [something]
impact: [one tenant]
steps:
  - { id: it, title: It, estimate: 1m, why: w, uses: scope, with: { backups: 1${more} } }
`;

/** A backup with a manifest, and after it the same mishap in two tenants, with an ordinary day in a third. */
async function mishap(digests = true): Promise<Scene & { other: string; busy: string }> {
  const here = await scene('deleted');
  await takeBackup({ config: here.config, compression: 'zstd', digests });
  const writer = new Database(here.world.dbPath);
  const others = writer
    .prepare(
      'SELECT id, slug FROM tenants t WHERE slug <> ? AND (SELECT count(*) FROM leads WHERE tenant_id = t.id) > 20',
    )
    .all(here.tenant.slug) as { id: number; slug: string }[];
  const [other, busy] = others;
  if (!other || !busy) throw new Error('the world has too few tenants with leads');
  for (const id of [Number(here.tenant.id.text), other.id])
    writer.prepare("UPDATE leads SET name = 'overwritten' WHERE tenant_id = ?").run(id);
  writer
    .prepare('UPDATE leads SET name = ? WHERE id = (SELECT min(id) FROM leads WHERE tenant_id = ?)')
    .run('x', busy.id);
  writer.close();
  return { ...here, other: other.slug, busy: busy.slug };
}

async function scopeOf(here: Scene, more = '') {
  const { incident, runner } = await start(here, look(more), absentOperator(undefined), {
    damagedAt: new Date(),
  });
  expect(await runner.run()).toEqual({ outcome: 'completed', error: null });
  const { output } = incident.state.tasks.it as { output: Record<string, unknown> };
  const notes = incident.state.taskNotes.map((note) => note.text).join('\n');
  await incident.close();
  return { output, notes };
}

test('rows overwritten in another tenant are found, and a tenant with an ordinary day is not named', async () => {
  const here = await mishap();
  const { output, notes } = await scopeOf(here);
  expect(output.others).toEqual([
    { slug: here.other, tables: ['leads'], missing: 0, overwritten: expect.any(Number) },
  ]);
  expect(output.lookedRound).toMatchObject({ ended: 'all', changed: 2, compared: 2 });
  expect(notes).toContain(`ALSO HIT: ${here.other}: leads`);
});

test('when the time is up the look round ends and says how much is left', async () => {
  const here = await mishap();
  const { output, notes } = await scopeOf(here, ', lookRound: 0');
  expect(output.lookedRound).toMatchObject({ ended: 'time', compared: 0 });
  expect(notes).toContain('Looking at other tenants ended after 0 s');
});

test('a backup without digests shows only falls of row counts, and says so', async () => {
  const { output } = await scopeOf(await mishap(false));
  expect([output.others, output.lookedRound]).toMatchObject([[], { ended: 'no-digests' }]);
});

test('a damage time that nobody gave is assumed aloud, once', async () => {
  const here = await mishap();
  const text = look().replace('uses: scope, with: { backups: 1 }', 'uses: choose-backup');
  const { incident, runner } = await start(here, text, absentOperator(undefined));
  await runner.run();
  const said = incident.state.taskNotes.filter((note) => note.data?.assumed);
  expect(said).toHaveLength(1);
  expect(said[0]?.text).toMatch(/^Nobody said when the damage happened\. Assumed: /);
  await incident.close();
});

test('whoever is repaired since the damage is not taken further back without a person', async () => {
  const memos =
    'CREATE TABLE memos (id INTEGER PRIMARY KEY, tenant_id INTEGER); INSERT INTO memos VALUES (1, 1)';
  const here = await sceneOf(shellWorld({ create: memos, damage: 'DELETE FROM memos' }));
  const { backupPath } = here.world;
  const older = backupPath.replace('020000', '010000');
  copyFileSync(backupPath, older);
  shell(older, 'UPDATE memos SET id = 2');
  const damagedAt = new Date();
  const run = async (uses: string) => {
    const text = look().replace('uses: scope, with: { backups: 1 }', uses);
    const { incident, runner } = await start(here, text, absentOperator('alfa'), { damagedAt });
    const { error } = await runner.run();
    await incident.close();
    return { error, output: incident.state.tasks.it?.output };
  };
  expect((await run(`uses: restore, with: { from: ${backupPath} }`)).error).toBeNull();
  expect((await run('uses: choose-backup')).error?.code).toBe('gate-failed');
  shell(here.world.dbPath, 'DELETE FROM memos');
  expect((await run('uses: choose-backup')).output).toMatchObject({ path: backupPath });
});

test('backups that cannot be used are not opened one after the other while the clock runs', async () => {
  const world = shellWorld({
    create: 'CREATE TABLE memos (id INTEGER PRIMARY KEY, tenant_id INTEGER)',
    damage: '',
  });
  const here = await sceneOf(world);
  for (const hour of [10, 11, 12, 13, 14, 15])
    copyFileSync(world.backupPath, world.backupPath.replace('020000', `${hour}0000`));
  shell(world.dbPath, "UPDATE tenants SET slug = 'new-' || slug, name = 'New'");
  const { output, notes } = await scopeOf(here);
  expect(output.compared).toEqual([]);
  expect(notes.match(/passed over: This backup does not come from this database/g)).toHaveLength(5);
  expect(notes).toContain('older ones were not tried');
});
