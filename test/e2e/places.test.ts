import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { randomWorld } from '../worlds/random.ts';
import { cleanUp, fileHashes, folder, tenantDr } from './program.ts';

afterAll(cleanUp);

describe('files and folders named by mistake', () => {
  it('plan --out writes over an earlier plan, and over nothing else', async () => {
    const world = randomWorld(folder(), 11);
    const before = fileHashes(world);
    const backup = readFileSync(world.backupPath);
    const plan = (out: string) =>
      tenantDr(world, 'plan', world.victim, '--from', world.backupPath, '--out', out);
    for (const path of [world.dbPath, world.backupPath, world.configPath]) {
      expect((await plan(path)).document).toMatchObject({ ok: false, error: { code: 'usage', exit: 2 } });
    }
    expect(fileHashes(world)).toEqual(before);
    expect(readFileSync(world.backupPath).equals(backup)).toBe(true);
    const file = join(world.dir, 'plan.json');
    for (let time = 0; time < 2; time++) expect((await plan(file)).exit).toBe(0);
  });

  it.each(['', '.'])('a ref must be a file: %j', async (ref) => {
    const world = randomWorld(folder(), 11);
    const ended = await tenantDr(world, 'plan', world.victim, '--from', ref);
    expect(ended.document).toMatchObject({ ok: false, error: { exit: 2, changed: false } });
  });

  it('says which file stands where a folder is wanted', async () => {
    const world = randomWorld(folder(), 11);
    const file = join(world.dir, 'note.txt');
    writeFileSync(file, 'a note');
    for (const words of [
      ['backup', '--backups', file],
      ['backup', '--backups', join(file, 'deeper')],
      ['restore', world.victim, '--from', world.backupPath, '--confirm', world.victim, '--state', file],
    ]) {
      const { document } = await tenantDr(world, ...words);
      expect(document).toMatchObject({ ok: false, error: { code: 'usage', exit: 2, changed: false } });
      expect(document.error.message).toContain(`${file} is not a folder`);
    }
    expect(readFileSync(file, 'utf8')).toBe('a note');
  });

  it('a folder as config is bad usage', async () => {
    const world = randomWorld(folder(), 11);
    const path = join(world.dir, 'folder');
    mkdirSync(path);
    const { document } = await tenantDr({ ...world, configPath: path }, 'tables');
    expect(document).toMatchObject({ ok: false, error: { code: 'file-missing', exit: 2 } });
  });

  it('a tenant named twice has one digest', async () => {
    const world = randomWorld(folder(), 11);
    const { document } = await tenantDr(world, 'digest', world.victim, world.victim);
    expect((document as unknown as { tenants: unknown[] }).tenants).toHaveLength(1);
  });
});
