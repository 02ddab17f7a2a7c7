import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { chatbot } from '../worlds/chatbot.ts';
import { hostilities } from '../worlds/hostile.ts';
import { type NastyChoice, nasty } from '../worlds/nasty.ts';
import { quirk, quirks } from '../worlds/quirks.ts';
import { randomWorld } from '../worlds/random.ts';
import type { World } from '../worlds/world.ts';
import {
  cleanUp,
  fileHashes,
  folder,
  openApplication,
  problems,
  restore,
  snapshot,
  tenantDr,
  unchanged,
} from './program.ts';
import { shell } from './shell.ts';

afterAll(cleanUp);

async function expectRestored(world: World): Promise<void> {
  const before = snapshot(world);
  const { exit, document } = await restore(world);
  expect(document).toMatchObject({
    ok: true,
    schema: 'tenant-dr/restore/1',
    isolation: { otherRowsWritten: 0 },
  });
  expect(exit).toBe(0);
  expect(document.digest.after).toBe(document.digest.planned);
  expect(problems(world, before)).toEqual([]);
}

describe('restore', () => {
  const choices: NastyChoice[] = [
    { ids: 'integer' },
    { ids: 'text', column: 'org_id', journal: 'delete' },
    { ids: 'blob', column: 'workspace', encoding: 'UTF-16le' },
    { damage: 'deleted' },
    { damage: 'cascaded', ids: 'text' },
    { damage: 'disowned' },
  ];
  it.each(choices)('brings one tenant back, row by row, and touches nobody else: %o', async (choice) => {
    await expectRestored(nasty(folder(), choice));
  });

  // Many more of them in `npm run soak`.
  it.each([1, 2, 3])('does so on a random schema with random damage, seed %i', async (seed) => {
    await expectRestored(randomWorld(folder(), seed));
  });

  it.each(['keep-new', 'missing'] as const)('mode %s adds and changes no more than it says', async (mode) => {
    const world = await chatbot(folder(), 'deleted');
    const before = snapshot(world);
    expect((await restore(world, '--mode', mode)).exit).toBe(0);
    expect(problems(world, before, ['--mode', mode])).toEqual([]);
  });

  it('refuses to keep a new row that has taken the unique value of one that should come back', async () => {
    const world = nasty(folder());
    const before = snapshot(world);
    const { exit, document } = await restore(world, '--mode', 'keep-new');
    expect(document).toMatchObject({
      ok: false,
      error: { code: 'conflict', table: 'Order', changed: false },
    });
    expect(exit).toBe(3);
    expect(document.error.hint).toContain('--mode exact');
    expect(unchanged(world, before)).toEqual([]);
  });

  it('changes only the tables it was told to', async () => {
    const world = nasty(folder());
    const before = snapshot(world);
    expect((await restore(world, '--tables', 'articles,memos')).exit).toBe(0);
    expect(problems(world, before, ['--tables', 'articles,memos'])).toEqual([]);
  });

  it.each(Object.keys(quirks))('copes with %s, or says that it cannot', async (name) => {
    const world = quirk(folder(), name);
    const before = snapshot(world);
    const { exit } = await restore(world);
    expect(exit).toBe(world.exit);
    expect(exit === 0 ? problems(world, before) : unchanged(world, before)).toEqual([]);
  });

  const hostiles: [string, () => World][] = [
    ...hostilities.map((hostile): [string, () => World] => [hostile, () => nasty(folder(), { hostile })]),
    ...[4, 5, 6].map((seed): [string, () => World] => [
      `random schema ${seed}`,
      () => randomWorld(folder(), seed, { hostile: true }),
    ]),
  ];
  it.each(hostiles)(
    'rolls back when a trigger of the application would write elsewhere: %s',
    async (_, make) => {
      const world = make();
      const before = snapshot(world);
      const { exit, document } = await restore(world);
      expect(exit).toBe(world.exit);
      if (exit === 0) return expect(problems(world, before)).toEqual([]);
      expect(document).toMatchObject({
        ok: false,
        error: { code: 'isolation-failed', exit: 5, changed: false },
      });
      expect(document.error.table).toBeTruthy();
      return expect(unchanged(world, before)).toEqual([]);
    },
  );

  it.each(['moved', 'unique-taken', 'place-taken', 'inbound', 'shared-gone'] as const)(
    'refuses what it would have to guess: %s',
    async (damage) => {
      const world = nasty(folder(), { damage });
      const before = snapshot(world);
      const { exit, document } = await restore(world);
      expect(document).toMatchObject({ ok: false, error: { code: 'conflict', changed: false } });
      expect(exit).toBe(3);
      expect(unchanged(world, before)).toEqual([]);
    },
  );
});

describe('plan', () => {
  it.each(['wal', 'delete'] as const)(
    'leaves main file and log as they are, byte for byte, in %s mode',
    async (journal) => {
      const world = nasty(folder(), { journal });
      const application = await openApplication(world);
      const before = fileHashes(world);
      const { exit, document } = await tenantDr(world, 'plan', world.victim, '--from', world.backupPath);
      expect(exit).toBe(0);
      expect(document.tables.some((table) => table.insert + table.update + table.delete > 0)).toBe(true);
      expect(fileHashes(world)).toEqual(before);
      await application.close();
    },
  );
});

describe('undo', () => {
  it('brings back what was there before, and the undo can be undone', async () => {
    const world = nasty(folder(), { ids: 'text' });
    const damaged = snapshot(world, 'damaged.db');
    const first = await restore(world);
    const repaired = snapshot(world, 'repaired.db');
    const words = ['undo', first.document.incident, '--confirm', world.victim];
    const other = await tenantDr(world, ...words, '--database', repaired);
    expect(other.document.error).toMatchObject({ code: 'undo-refused', changed: false });
    expect(other.document.error?.message).toContain(`the database here is ${repaired}`);
    const second = await tenantDr(world, ...words);
    expect(second.exit).toBe(0);
    expect(problems(world, damaged, ['--verbatim'], damaged)).toEqual([]);
    const third = await tenantDr(world, 'undo', second.document.incident, '--confirm', world.victim);
    expect(third.exit).toBe(0);
    expect(problems(world, repaired, ['--verbatim'], repaired)).toEqual([]);
  });
});

describe('a safety copy', () => {
  it('and the list of rows beside it have to be those the incident wrote, or nothing is undone', async () => {
    const world = nasty(folder());
    const { document } = await restore(world);
    const written = String(document.safetyCopy?.path);
    const undone = async () => {
      const ended = await tenantDr(world, 'undo', document.incident, '--confirm', world.victim);
      return [ended.exit, ended.document.error?.code];
    };
    const effects = join(dirname(written), `../effects-${basename(written, '.db')}.jsonl`);
    const list = readFileSync(effects);
    writeFileSync(effects, list.subarray(0, list.length - 2));
    expect(await undone()).toEqual([3, 'undo-refused']);
    writeFileSync(effects, list);
    // As good as any, by its own account: but it is not the one.
    rmSync(`${written}.manifest.json`);
    shell(written, 'CREATE TABLE more (id)');
    expect(await undone()).toEqual([4, 'backup-corrupt']);
  });

  it.each([
    ['rows whose parent is gone', 'DELETE FROM "Order" WHERE tenant_id = 1'],
    ['the rows of a tenant whose own row is gone', 'DELETE FROM tenants WHERE id = 1'],
  ])('that holds %s is verified as good', async (_, damage) => {
    const world = nasty(folder());
    shell(world.dbPath, `PRAGMA foreign_keys = OFF; ${damage}`);
    const { document } = await restore(world);
    const verified = await tenantDr(world, 'backup', 'verify', `safety:${document.incident}`);
    expect(verified.document).toMatchObject({ ok: true });
  });
});
